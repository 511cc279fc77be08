"""The levels that a voice must stand out from: how loud speech is here, and the noise floor that it rises above."""

import math
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import NamedTuple

TARGET_DB = -20.0  # the level that speech is brought to before detection, dBFS
QUIETEST_DB = -80.0  # quieter sound is amplified no further: it is a muted microphone
GATE_DB = 35.0  # a frame this far below the tracked level is not voiced
SNR_DB = 15.0  # the level stays this far above the noise floor, so that noise alone is not amplified to speech
FIRST_FLOOR_DB = -60.0  # until the floor is known, it is not assumed to be above this
FIRST_FRAMES = 15  # 0.3 s, the time of the first estimate of the floor
EVEN_FRAMES = 60  # 1.2 s, longer than speech goes on without a dip
EVEN_DB = 4.0  # a sound whose level moves by less is steady noise; speech rises, falls and dips by more
FALL_DB = 4.0 / 50  # per frame: the level falls by 4 dB a second, so a quiet voice after a loud one is detected
RISE_DB = 1.0 / 50  # per frame: the floor rises by 1 dB a second
RISE_SCATTERS = 3.0  # the start of speech rises above the floor by this many times the scatter of the noise,
RISE_LEAST_DB, RISE_QUIET_DB, RISE_MOST_DB = 1.5, 8.0, 12.0  # by at least, by at least in a quiet room, by at most
ONSET_SHARE = 0.7  # of that rise, for the frames that precede the start


@dataclass
class LevelState:
    """What the levels remember between frames; saved with the session.

    level_db   tracked level of speech, dBFS; None before the first frame
    floor_db   tracked noise floor, dBFS
    recent_db  levels of the newest frames, dBFS
    """

    level_db: float | None = None
    floor_db: float | None = None
    recent_db: list[float] = field(default_factory=list)


class Prominence(NamedTuple):
    """How one frame stands out.

    gain      brings speech of the tracked level to the level at which a voice is detected
    early     the frame is among the first: it counts even where it dips, as a recording may begin within a word
    near      it is not far below the tracked level of speech
    starts    it rises above the noise enough to begin an utterance
    precedes  it rises enough to belong to an utterance that begins right after it
    """

    gain: float
    early: bool
    near: bool
    starts: bool
    precedes: bool


class Levels:
    """A slow peak tracker that stays above a slow noise floor. It hears how loud frames are, and nothing else."""

    def __init__(self, state: LevelState) -> None:
        self.state = state
        self._ordered = sorted(state.recent_db)  # the same levels by size, for their extremes and their quartile

    def follow(self, power: float) -> Prominence:
        """Take the mean square of the next frame."""
        state, ordered = self.state, self._ordered
        loudness = max(-100.0, 10.0 * math.log10(power + 1e-12))
        level, floor = state.level_db, state.floor_db
        if level is None:
            level = loudness
        if floor is None:
            # A recording may begin in the middle of a word: if it begins loud, assume that the floor is lower.
            floor = min(loudness, max(loudness - SNR_DB, FIRST_FLOOR_DB))
        count = self._remember(loudness)
        # Speech dips and noise does not: what did not dip for a while is the noise floor, even if it is loud.
        if count in (FIRST_FRAMES, EVEN_FRAMES):
            floor = max(floor, ordered[0] - (0.0 if ordered[-1] - ordered[0] < EVEN_DB else 3.0))
        floor = floor + 0.3 * (loudness - floor) if loudness < floor else floor + RISE_DB
        level = level + 0.5 * (loudness - level) if loudness > level else level - FALL_DB
        # Keep the level itself: after a siren that raised the floor, speech must still be detected.
        state.level_db, state.floor_db = level, floor
        level = max(level, floor + SNR_DB, QUIETEST_DB)
        room = self._room(floor)
        above, rise = loudness - room, self._rise(room)
        return Prominence(
            gain=10.0 ** ((TARGET_DB - level) / 20.0),
            early=count <= FIRST_FRAMES,
            near=loudness >= level - GATE_DB,
            starts=above >= rise and (count >= FIRST_FRAMES or ordered[-1] - ordered[0] >= EVEN_DB),
            precedes=above >= ONSET_SHARE * rise,
        )

    def _remember(self, loudness: float) -> int:
        """Add the level of the next frame to the newest ones; how many they are now."""
        recent, ordered = self.state.recent_db, self._ordered
        if len(recent) >= EVEN_FRAMES:
            del ordered[bisect_left(ordered, recent.pop(0))]
        recent.append(loudness)
        insort(ordered, loudness)
        return len(recent)

    def _room(self, floor: float) -> float:
        """The noise level that speech must rise above, dBFS; before the floor is known, a loud one is not trusted."""
        recent = self.state.recent_db
        if len(recent) < EVEN_FRAMES:
            first = recent[:FIRST_FRAMES]
            if len(first) < FIRST_FRAMES or max(first) - min(first) >= EVEN_DB:
                floor = min(floor, FIRST_FLOOR_DB)
        return max(floor, QUIETEST_DB)

    def _rise(self, room: float) -> float:
        """How far speech must rise above the noise, dB: more where it is restless, and in a quiet room."""
        scatter = self._ordered[len(self._ordered) // 4] - self._ordered[0]
        least = min(RISE_QUIET_DB, max(RISE_LEAST_DB, (-50.0 - room) / 2))
        return max(least, min(RISE_MOST_DB, RISE_SCATTERS * scatter))
