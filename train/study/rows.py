"""The trainings of a study that are done: a line of JSON each, in one file, so that none is computed twice."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ..errors import CheckpointInvalid, TrainingError

FILE = "rows.jsonl"

Counts = list[list[int]]
"""A confusion matrix: clips by true class (rows) and by answer (columns)."""


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """One training: a row of the table on one corpus, with one seed, scored on the speakers of one fold.

    settings    digest of everything else that decides the result: another one is another study
    classes     of the confusion matrices
    parameters  that were trained
    seconds     of processor time
    loss        mean of the last epoch
    answers     by the rule that answers, each held-out speaker's confusion matrix
    """

    study: str
    corpus: str
    row: str
    seed: int
    fold: int
    settings: str
    classes: list[str]
    clips: int
    parameters: int
    seconds: float
    loss: float
    answers: dict[str, dict[str, Counts]]

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What it is of its study: corpus, row, seed and fold."""
        return self.corpus, self.row, self.seed, self.fold


class Rows:
    """The file of a folder. A line that was cut off when the process was killed is taken out, and made again."""

    def __init__(self, folder: Path) -> None:
        """CheckpointInvalid for a file that is none of a study's; TrainingError where it cannot be written."""
        self.path = folder / FILE
        self.done: dict[tuple[str, str, int, int], Trained] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            content = self.path.read_bytes() if self.path.is_file() else b""
            whole = content[: content.rfind(b"\n") + 1]
            if len(whole) < len(content):
                os.truncate(self.path, len(whole))
        except OSError as error:
            raise TrainingError(f"{self.path}: cannot be used: {error.strerror}; choose another --out") from None
        decoder = msgspec.json.Decoder(Trained)
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                one = decoder.decode(line)
            except msgspec.DecodeError as error:
                raise CheckpointInvalid(
                    f"{self.path}, line {number}: not of a study ({error}); delete the line, it will be made again"
                ) from None
            self.done[one.key] = one

    def check(self, study: str, settings: Mapping[str, str]) -> None:
        """CheckpointInvalid where a line is of another study, or was made with other `settings` of its corpus."""
        for one in self.done.values():
            if one.study != study:
                raise CheckpointInvalid(f"{self.path} holds the {one.study} study; choose another --out")
            if settings.get(one.corpus, one.settings) != one.settings:
                raise CheckpointInvalid(
                    f"{self.path} was begun with other clips of {one.corpus}, another encoder or other settings; "
                    "repeat them, or choose another --out"
                )

    def add(self, one: Trained) -> None:
        """Write a line; TrainingError where the disk is full."""
        try:
            with open(self.path, "ab") as file:
                file.write(msgspec.json.encode(one) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise TrainingError(
                f"{self.path}: cannot be written: {error.strerror}; make room, then repeat the command, which goes on"
            ) from None
        self.done[one.key] = one
