"""Splits into training, held-out and evaluation clips. A split is by speakers, never by clips."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import SpeakerLeak, SplitInvalid, listed
from . import Clip

Speakers = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Split:
    """Clips to train on, to tune on (temperature, choices), and to score once."""

    train: tuple[Clip, ...]
    held_out: tuple[Clip, ...]
    evaluation: tuple[Clip, ...]

    def __post_init__(self) -> None:
        assert_speakers_apart(train=self.train, held_out=self.held_out, evaluation=self.evaluation)


def assert_speakers_apart(**sides: Iterable[Clip]) -> None:
    """SpeakerLeak if a speaker is on two sides."""
    seen: dict[tuple[str, str], str] = {}
    for side, clips in sides.items():
        for speaker in sorted({(clip.corpus, clip.speaker) for clip in clips}):
            other = seen.setdefault(speaker, side)
            if other != side:
                raise SpeakerLeak(
                    f"speaker {speaker[1]} of {speaker[0]} is both in {other.replace('_', ' ')} and in "
                    f"{side.replace('_', ' ')}: scores would be too good; give each speaker one side"
                )


def split_by_speaker(clips: Sequence[Clip], held_out: Speakers, evaluation: Speakers) -> Split:
    """Sides by speakers named per corpus; everyone else trains.

    Raises SplitInvalid for a named speaker who has no clip, SpeakerLeak for one named twice.
    """
    there = {(clip.corpus, clip.speaker) for clip in clips}
    absent = sorted(
        f"{corpus} {speaker}"
        for side in (held_out, evaluation)
        for corpus, speakers in side.items()
        for speaker in speakers
        if (corpus, speaker) not in there
    )
    if absent:
        raise SplitInvalid(f"the split names speakers that are not in the data: {listed(absent)}")

    def side(speakers: Speakers) -> tuple[Clip, ...]:
        return tuple(clip for clip in clips if clip.speaker in speakers.get(clip.corpus, ()))

    tuned, scored = side(held_out), side(evaluation)
    apart = {*tuned, *scored}
    return Split(tuple(clip for clip in clips if clip not in apart), tuned, scored)


def assert_classes_present(side: str, clips: Sequence[Clip], labels: Mapping[str, Sequence[str]]) -> None:
    """SplitInvalid if a corpus on this side lacks one of its labels."""
    for corpus in sorted({clip.corpus for clip in clips}):
        absent = sorted(set(labels[corpus]) - {clip.label for clip in clips if clip.corpus == corpus})
        if absent:
            raise SplitInvalid(
                f"{corpus} has no clip of {listed(absent)} in {side}: there is nothing to train on or to score"
            )
