"""What spoils a training on one's own recordings: each danger that is found is one sentence with numbers."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import soundfile

from ..corpora import Clip
from ..corpora.audio import read_part
from ..errors import listed

FEW_CLIPS = 30  # of a label
FEW_SPEAKERS = 6  # below, an interval over speakers is not computed
IMBALANCE = 8.0
EXPLAINED = 0.5  # share of the variance of a recording's background that the labels explain
RATE = 16_000
FRAME = 400


@dataclass(frozen=True)
class Recorded:
    """How a clip was recorded: its format, the level of its quietest tenth in dB, and its content's SHA-256."""

    format: str
    floor_db: float
    content: str


def recorded(clip: Clip) -> Recorded:
    """Look at a clip's file and its quietest moments."""
    info = soundfile.info(clip.path)
    audio = read_part(clip, RATE)
    frames = audio[: len(audio) // FRAME * FRAME].reshape(-1, FRAME)
    power = np.sort(np.square(frames, dtype=np.float64).mean(1))
    quiet = power[: max(1, len(power) // 10)].mean()
    channels = "mono" if info.channels == 1 else f"{info.channels} channels"
    return Recorded(
        f"{info.samplerate} Hz {channels} {info.subtype}",
        float(10 * np.log10(quiet + 1e-10)),
        hashlib.sha256(audio.tobytes()).hexdigest(),
    )


def dangers(clips: Sequence[Clip], how: Mapping[str, Recorded], unheard: Sequence[Clip] = ()) -> list[str]:
    """Sentences, the worst first. `how` by the clips' names; `unheard`: clips in which no speech was detected."""
    return [
        *_leaks(clips, how),
        *_speakers(clips),
        *_microphones(clips, how),
        *_counts(clips),
        *_unheard(clips, unheard),
    ]


def _leaks(clips: Sequence[Clip], how: Mapping[str, Recorded]) -> Iterator[str]:
    sides: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        if clip.speaker and clip.split:
            sides[clip.speaker].add(clip.split)
    if leaked := sorted(speaker for speaker, own in sides.items() if len(own) > 1):
        yield f"the split leaks: {listed(leaked)} on more than one side; a test of known voices scores too well"
    same: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        same[how[clip.name].content].append(clip)
    copies = [some for some in same.values() if len(some) > 1]
    if copies:
        torn = sum(len({clip.label for clip in some}) > 1 for some in copies)
        tail = f", {torn} of them under different labels" if torn else ""
        yield f"recordings that are there more than once: {len(copies)} ({copies[0][0].name}){tail}; keep each once"


def _speakers(clips: Sequence[Clip]) -> Iterator[str]:
    unknown = sum(not clip.speaker for clip in clips)
    if unknown:
        yield (
            f"the speaker of {unknown} clips is not known, so clips were held out, not voices: expect less on new "
            "voices than is said here; name speakers (LABEL/SPEAKER/clip.wav, or a column speaker)"
        )
        return
    speakers = {clip.speaker for clip in clips}
    if len(speakers) < FEW_SPEAKERS:
        yield f"{len(speakers)} speaker{'s' * (len(speakers) != 1)}: too few to tell how it does on new voices"
    of_label: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        of_label[clip.label].add(clip.speaker)
    if len(speakers) > 1 and (alone := sorted(label for label, own in of_label.items() if len(own) == 1)):
        yield f"one speaker a label: {listed(alone)}; the model may learn the voice in place of the label"


def _microphones(clips: Sequence[Clip], how: Mapping[str, Recorded]) -> Iterator[str]:
    of_label: dict[str, Counter[str]] = defaultdict(Counter)
    for clip in clips:
        of_label[clip.label][how[clip.name].format] += 1
    formats = {one for own in of_label.values() for one in own}
    apart = [
        label
        for label, own in sorted(of_label.items())
        if len(formats) > 1 and not any(own.keys() & other.keys() for name, other in of_label.items() if name != label)
    ]
    if apart:
        told = ", ".join(f"{label} ({next(iter(of_label[label]))})" for label in apart[:3])
        yield f"one microphone a label: {told} recorded as no other label; the model may learn the microphone"
    floors = np.array([how[clip.name].floor_db for clip in clips])
    labels = np.array([clip.label for clip in clips])
    share = explained(floors, labels)
    if len(clips) >= FEW_CLIPS and share > EXPLAINED:
        means = {label: float(floors[labels == label].mean()) for label in sorted(set(labels.tolist()))}
        low, high = min(means, key=lambda one: means[one]), max(means, key=lambda one: means[one])
        yield (
            f"one microphone a label? The background's level follows the label ({share:.0%} of its variance: {low} "
            f"{means[low]:.0f} dB, {high} {means[high]:.0f} dB); the model may learn the room"
        )


def explained(values: np.ndarray, labels: np.ndarray) -> float:
    """Share (eta squared) of the variance of values (N,) that the labels (N,) explain."""
    total = float(np.square(values - values.mean()).sum())
    if total < 1e-9:
        return 0.0
    means = {label: values[labels == label].mean() for label in set(labels.tolist())}
    between = sum(float((labels == label).sum() * (mean - values.mean()) ** 2) for label, mean in means.items())
    return between / total


def _counts(clips: Sequence[Clip]) -> Iterator[str]:
    counts = Counter(clip.label for clip in clips)
    few = [f"{label} {count}" for label, count in sorted(counts.items(), key=lambda pair: pair[1]) if count < FEW_CLIPS]
    if few:
        yield f"few clips: {listed(few)}; below {FEW_CLIPS} a label is learned badly and scored worse"
    (most, often), (least, rare) = counts.most_common()[0], counts.most_common()[-1]
    if often > IMBALANCE * rare:
        yield f"imbalance: {often} clips of {most}, {rare} of {least}; rare ones are weighted up, which helps a little"


def _unheard(clips: Sequence[Clip], unheard: Sequence[Clip]) -> Iterator[str]:
    if unheard:
        counts = Counter(clip.label for clip in unheard)
        told = ", ".join(f"{label} {count}" for label, count in counts.most_common(3))
        yield (
            f"the voice detector finds no speech in {len(unheard)} of {len(clips)} clips ({told}): they were learned "
            "from end to end, but a live session answers only where it hears a voice"
        )
