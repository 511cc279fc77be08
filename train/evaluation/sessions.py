"""Which clips make a session, and in which order."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..corpora import Clip
from ..errors import SplitInvalid, listed
from .conditions import Samples, speech_power

GAP_S = 1.0  # between two recordings of a session: long enough that the detector ends the utterance
QUIETEST = 1e-5  # root mean square of the noise between recordings, where a recording is digitally silent
LOUDEST_DB = -50.0  # of that noise, relative to the speech: a recording cut to its speech has no pause to measure it in
ENROLMENT = ("neutral", "calm")
ENROLMENT_CLIPS = 4


@dataclass(frozen=True, kw_only=True)
class SessionConfig:
    """How clips become sessions.

    session   one a recording, or one a speaker
    order     of a speaker's recordings: shuffled, or in blocks of one emotion
    enrol     calm clips a speaker for enrolment, which come first and are not scored
    """

    session: Literal["recording", "speaker"] = "recording"
    order: Literal["shuffled", "blocks"] = "shuffled"
    enrol: int = 0
    seed: int = 0


@dataclass(frozen=True)
class PlannedSession:
    """One session: clips that are scored, in order, and clips for the enrolment of the speaker."""

    clips: tuple[Clip, ...]
    enrolment: tuple[Clip, ...] = ()
    seed: int = 0


def plan_sessions(clips: Sequence[Clip], config: SessionConfig) -> list[PlannedSession]:
    """Sessions that together hold every clip once; SplitInvalid if no speaker has a calm clip for enrolment."""
    by_speaker: dict[str, list[Clip]] = {}
    for clip in clips:
        by_speaker.setdefault(clip.speaker, []).append(clip)
    sessions: list[PlannedSession] = []
    without = []
    for speaker, own in sorted(by_speaker.items()):
        seed = zlib.crc32(f"{config.seed} {own[0].corpus} {speaker}".encode())
        enrolment = _calm(own, config.enrol)
        if config.enrol and not enrolment:
            without.append(speaker)
            continue
        rest = [clip for clip in own if clip not in enrolment]
        if config.session == "speaker":
            sessions.append(PlannedSession(tuple(_ordered(rest, config.order, seed)), enrolment, seed))
        else:
            sessions += [
                PlannedSession((clip,), enrolment, zlib.crc32(f"{seed} {clip.name}".encode())) for clip in rest
            ]
    if without and not sessions:
        raise SplitInvalid(f"no {' or '.join(ENROLMENT)} clip of {listed(without)} to enrol; use another --baseline")
    return [planned for planned in sessions if planned.clips]


def not_enrolled(clips: Iterable[Clip], sessions: Iterable[PlannedSession]) -> list[str]:
    """Speakers who are in no session because they have no calm clip."""
    there = {clip.speaker for planned in sessions for clip in planned.clips}
    return sorted({clip.speaker for clip in clips} - there)


def _calm(own: Sequence[Clip], count: int) -> tuple[Clip, ...]:
    """The first clips of the calmest label that a speaker has, but never all clips of the speaker."""
    for label in ENROLMENT:
        some = [clip for clip in own if clip.label == label][:count]
        if some and len(some) < len(own):
            return tuple(some)
    return ()


def _ordered(clips: Sequence[Clip], order: str, seed: int) -> list[Clip]:
    rng = np.random.default_rng(seed)
    shuffled = [clips[i] for i in rng.permutation(len(clips))]
    if order == "shuffled":
        return shuffled
    labels = sorted({clip.label for clip in clips})
    place = dict(zip(labels, rng.permutation(len(labels)).tolist(), strict=True))
    return sorted(shuffled, key=lambda clip: place[clip.label])


def join(pieces: Sequence[Samples], rate: int, seed: int) -> tuple[Samples, list[tuple[float, float]]]:
    """Concatenate recordings with GAP_S of room noise after each; the audio and each recording's span in seconds.

    The noise has the level of the quietest tenth of the recordings beside it, LOUDEST_DB at most.
    """
    rng = np.random.default_rng(seed)
    floors = [_floor(piece, rate) for piece in pieces]
    parts: list[Samples] = []
    spans, at = [], 0
    for i, piece in enumerate(pieces):
        parts.append(piece)
        spans.append((at / rate, (at + len(piece)) / rate))
        room = _room(round(GAP_S * rate), floors[i], floors[min(i + 1, len(floors) - 1)], rng)
        parts.append(room)
        at += len(piece) + len(room)
    return np.concatenate(parts), spans


def _floor(audio: Samples, rate: int) -> float:
    """Root mean square of the quietest tenth of 20 ms frames, within the bounds above."""
    frame = rate // 50
    frames = audio[: len(audio) // frame * frame].reshape(-1, frame)
    if not len(frames):
        return QUIETEST
    quiet = float(np.quantile((frames.astype(np.float64) ** 2).mean(1), 0.1))
    return max(QUIETEST, float(np.sqrt(min(quiet, speech_power(audio) * 10 ** (LOUDEST_DB / 10)))))


def _room(count: int, before: float, after: float, rng: np.random.Generator) -> Samples:
    """Noise that falls by 6 dB an octave, like room noise, from one level to the other."""
    white = rng.standard_normal(count + 1)
    spectrum = np.fft.rfft(white)
    spectrum /= np.maximum(np.arange(len(spectrum)), count / 200)
    hum = np.fft.irfft(spectrum, count + 1)[:count]
    hum /= np.sqrt((hum**2).mean()) + 1e-12
    return np.asarray(hum * np.geomspace(before, after, count), np.float32)
