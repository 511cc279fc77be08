"""The lessons of a training: the states that `whisper` has of its utterances, and the teacher of its fold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emoscope.models import load_model
from emoscope.models.whisper import WhisperModel

from ..acted.shipping import PARTS
from ..acted.utterances import Utterance
from ..corpora import Clip, by_corpus
from ..errors import CorpusMissing
from ..progress import stage
from ..whisper.degrade import Degrader
from ..whisper.features import prepare
from ..whisper.recipe import CONTRACT
from .teacher import States, Teacher, matched, standardised

HOP = 160  # of the front end of `small`


@dataclass(frozen=True)
class Lessons:
    """The utterances that both models have, and the encoder's states of each.

    teachers  the work folder of `emoscope train whisper`
    """

    teachers: Path
    utterances: Sequence[Utterance]
    states: Sequence[States]
    stride: int = CONTRACT.frame // HOP

    @classmethod
    def prepare(cls, teachers: Path, clips: Sequence[Clip], utterances: Sequence[Utterance]) -> "Lessons":
        """Find the states of the teachers' encoder in their cache, or make them."""
        encoder = _teacher(teachers, PARTS[0]).encoder
        heard: list[Utterance] = []
        with stage("encoding speech for the teachers", len(clips)) as shown:
            for some in by_corpus(clips):
                heard += prepare(some, encoder, CONTRACT, "whole", teachers / "cache", Degrader([]), shown.advance)
        return cls(teachers, *matched(utterances, heard, cls.stride))

    def of(self, clips: Sequence[Clip], part: str) -> tuple[list[Utterance], Teacher]:
        """The utterances of these clips, and the teacher of a training, one of PARTS."""
        chosen = set(clips)
        places = [place for place, one in enumerate(self.utterances) if one.clip in chosen]
        model = _teacher(self.teachers, part)
        states = standardised(model, [self.states[place] for place in places])
        return [self.utterances[place] for place in places], Teacher(model, states, self.stride)


def check_teachers(teachers: Path) -> None:
    """CorpusMissing where `teachers` is not the work folder of a finished training of `whisper`."""
    if absent := [part for part in PARTS if not (_folder(teachers, part) / "card.json").is_file()]:
        raise CorpusMissing(
            f"{teachers}: no teacher for {absent[0]}; it must be the work folder of a finished `emoscope train "
            "whisper`, or leave out --teachers to learn from labels alone"
        )


def _folder(teachers: Path, part: str) -> Path:
    return teachers / "unscored" if part == "all" else teachers / "folds" / part


def _teacher(teachers: Path, part: str) -> WhisperModel:
    model = load_model(_folder(teachers, part))
    assert isinstance(model, WhisperModel)
    return model.requires_grad_(False)
