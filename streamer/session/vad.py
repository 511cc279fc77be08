"""Is this frame a voice? webrtcvad behind a level normaliser; an utterance begins with what rises above the room."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import webrtcvad

from ..protocol.config import SAMPLE_RATE

Samples = npt.NDArray[np.float32]

FRAME = SAMPLE_RATE // 50
"""20 ms, the detector's frame."""

COUNT, LOWEST, HIGHEST = np.float32(FRAME), np.float32(-32_768.0), np.float32(32_767.0)

TARGET_DB = -20.0  # where speech is brought to before detection, dBFS
QUIETEST_DB = -80.0  # a level below this is not brought up further: it is a muted microphone, not a voice
GATE_DB = 35.0  # a frame that far below the tracked level is no voice
SNR_DB = 15.0  # the level stays that far above the noise floor, so that noise alone is not brought up to speech
FIRST_FLOOR_DB = -60.0  # a noise floor above this is not taken for granted before any quiet was heard
FIRST_FRAMES = 15  # 0.3 s, after which the floor is known at first
EVEN_FRAMES = 60  # 1.2 s, longer than a voice goes without a dip
EVEN_DB = 4.0  # what moves less than that in its first 0.3 s is a noise: a voice comes, goes or dips
FALL_DB = 4.0 / 50  # per frame: the level forgets a loud voice by 4 dB a second, so that a quiet one after it is heard
RISE_DB = 1.0 / 50  # per frame: the floor forgets a quiet moment by 1 dB a second
RISE_SCATTERS = 3.0  # a beginning rises above the floor by so many times the room's own scatter
RISE_LEAST_DB, RISE_QUIET_DB, RISE_MOST_DB = 1.5, 8.0, 12.0  # and by that at least; in a quiet room; at most
ONSET_SHARE = 0.7  # of that rise, for the frames that lead up to a beginning


@dataclass
class VadState:
    """What the detector remembers; all of it is saved.

    webrtcvad keeps its noise model in C, out of reach: so the detectors are made anew at an utterance's end and
    every ten seconds of silence, `heard` holds what they were given since, and a restore gives it again.
    """

    level_db: float | None = None
    floor_db: float | None = None
    recent_db: list[float] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True)
class Voicing:
    """One frame's answer. `strict` begins an utterance, `onset` may lead up to it, `loose` keeps it going."""

    strict: bool
    loose: bool
    onset: bool


NO_VOICE = Voicing(False, False, False)


class VoiceDetector:
    """Judges 20 ms frames at 16 kHz.

    webrtcvad's share of speech moved from .38 to .68 over 40 dB of gain, so frames are brought to a common level
    first: a slow peak tracker, kept above a slow noise floor.
    """

    def __init__(self, threshold: float, state: VadState | None = None) -> None:
        self.state = VadState() if state is None else state
        self._loose_mode = min(3, int(threshold * 4))
        self._make()
        for start in range(0, len(self.state.heard), 2 * FRAME):
            self._ask(bytes(self.state.heard[start : start + 2 * FRAME]))

    def _make(self) -> None:
        self._loose = webrtcvad.Vad(self._loose_mode)
        self._strict = webrtcvad.Vad(min(3, self._loose_mode + 1))

    def renew(self) -> None:
        """Forget the noise models, keep the levels."""
        self.state.heard.clear()
        self._make()

    def _ask(self, pcm: bytes) -> tuple[bool, bool]:
        """Strictly and loosely voiced, as webrtcvad hears it."""
        loose = self._loose.is_speech(pcm, SAMPLE_RATE)
        strict = self._strict.is_speech(pcm, SAMPLE_RATE)
        return strict and loose, loose

    def judge(self, frame: Samples) -> Voicing:
        """Voicing of one frame of 320 samples in [-1, 1]."""
        state = self.state
        frame = frame - np.add.reduce(frame) / COUNT  # a constant offset is no sound
        power = float(np.dot(frame, frame)) / FRAME
        loudness = max(-100.0, 10.0 * math.log10(power + 1e-12))
        level = loudness if state.level_db is None else state.level_db
        # A recording may begin in the middle of a word: if it begins loud, the floor is guessed to lie below.
        guess = min(loudness, max(loudness - SNR_DB, FIRST_FLOOR_DB))
        floor = guess if state.floor_db is None else state.floor_db
        # A room's noise is even where a voice dips: what did not dip for a while is the floor, also one that rose.
        state.recent_db = [*state.recent_db[1 - EVEN_FRAMES :], loudness]
        recent = state.recent_db
        if len(recent) in (FIRST_FRAMES, EVEN_FRAMES):
            floor = max(floor, min(recent) - (0.0 if _even(recent) else 3.0))
        floor = floor + 0.3 * (loudness - floor) if loudness < floor else floor + RISE_DB
        level = level + 0.5 * (loudness - level) if loudness > level else level - FALL_DB
        # Remembered as it was heard: a siren that was taken for the room must not hide the voice after it.
        state.level_db, state.floor_db = level, floor
        level = max(level, floor + SNR_DB, QUIETEST_DB)
        scaled = frame * (32_768.0 * 10.0 ** ((TARGET_DB - level) / 20.0))
        pcm = np.minimum(np.maximum(scaled, LOWEST), HIGHEST).astype("<i2").tobytes()
        state.heard += pcm
        strict, loose = self._ask(pcm)
        # None of the very first frames is refused for a dip: a recording may begin in the middle of a word.
        leads = loose or len(recent) <= FIRST_FRAMES
        if not leads or loudness < level - GATE_DB:
            return NO_VOICE
        room = self._room(floor)
        above, rise = loudness - room, self._rise(room)
        begins = len(recent) >= FIRST_FRAMES or not _even(recent)
        return Voicing(strict and begins and above >= rise, loose, leads and above >= ONSET_SHARE * rise)

    def _room(self, floor: float) -> float:
        """The noise that a beginning must rise above: digital silence is none, and at first a loud floor is a guess."""
        recent = self.state.recent_db
        known = len(recent) >= EVEN_FRAMES or (len(recent) >= FIRST_FRAMES and _even(recent[:FIRST_FRAMES]))
        return max(floor if known else min(floor, FIRST_FLOOR_DB), QUIETEST_DB)

    def _rise(self, room: float) -> float:
        """By how many dB. A steady hiss is risen above by little; a restless room, and a quiet one, asks for more."""
        ordered = sorted(self.state.recent_db)
        scatter = ordered[len(ordered) // 4] - ordered[0]
        least = min(RISE_QUIET_DB, max(RISE_LEAST_DB, (-50.0 - room) / 2))
        return max(least, min(RISE_MOST_DB, RISE_SCATTERS * scatter))


def _even(loudness: list[float]) -> bool:
    return max(loudness) - min(loudness) < EVEN_DB
