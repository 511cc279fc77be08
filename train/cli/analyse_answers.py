"""`emoscope analyse` of what answers are worth: reliability, confusion, seconds heard, agreement of models.

Only speakers on whom a model was not trained are scored, by its card, as in `emoscope evaluate`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from emoscope.models.errors import UsageError

from .analyse_options import CLIPS, CorpusOptions, about, run, trained_note

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from emoscope.streamer.display.pictures.theme import Theme

    from ..analysis.findings import Cell, Finding
    from ..corpora import Clip
    from ..evaluation.calibration_inputs import ModelPredictions
    from ..evaluation.protocols import Protocol
    from ..evaluation.selection import Part


@dataclass(frozen=True, kw_only=True)
class AnswerOptions(CorpusOptions, ABC):
    """Which clips, by which models, and which classes count."""

    protocol: Annotated[
        str | None,
        Parameter(group=CLIPS, help="own (the corpus's classes), ravdess-8, ravdess-7, four", metavar="PROTOCOL"),
    ] = None
    folds: Annotated[
        Path | None,
        Parameter(group=CLIPS, help="models DIR/fold-0 to fold-3, each for its own fold, instead of --model",
                  metavar="DIR"),
    ] = None  # fmt: skip
    allow_trained: Annotated[
        bool, Parameter(group=CLIPS, help="show speakers whom the model was trained on too, which flatters it")
    ] = False

    def run(self) -> int:
        """Compute, print and draw; the exit code."""
        return run(self._finding, self.finding)

    @abstractmethod
    def _finding(self) -> "Finding":
        """What is printed and drawn."""

    def _chosen(self) -> "tuple[list[Clip], Protocol]":
        from ..evaluation.protocols import protocol_of

        protocol = protocol_of(self.protocol, self.corpus)
        return self.clips(protocol), protocol

    def _parts(self, clips: "list[Clip]") -> "list[tuple[str, list[Part]]]":
        """The name of each model that is compared, with its parts: several where there is one a fold."""
        from ..evaluation import selection

        if self.folds is not None:
            folders = selection.fold_folders(self.folds, ())
            return [(self.folds.name, selection.fold_models(folders, clips, self.allow_trained))]
        found = [selection.one_model(name, clips, self.allow_trained) for name in self.model_names()]
        return [(parts[0].card.id, parts) for parts in found]

    def _heard(self, clips: "list[Clip]") -> "list[tuple[str, list[Part], list[ModelPredictions]]]":
        from ..analysis.readings import readings_of
        from ..progress import stage

        found = []
        for name, parts in self._parts(clips):
            with stage(f"{name} on {self.corpus}", len(clips)) as shown:
                heard = readings_of(parts, self.config, self.work, self.model.device, self.model.threads, shown.advance)
            found.append((name, parts, heard))
        return found

    def _one(self, clips: "list[Clip]") -> "tuple[list[Part], list[ModelPredictions]]":
        if self.folds is None:
            self.one_model()
        ((_, parts, heard),) = self._heard(clips)
        return parts, heard

    def _about(self, parts: "list[Part]", clips: "list[Clip]", protocol: "Protocol") -> str:
        folds = f"{len(parts)} folds, " if self.folds is not None else ""
        return about(parts, clips, f"{folds}{protocol.name}")


@dataclass(frozen=True, kw_only=True)
class ReliabilityDiagram(AnswerOptions):
    """Whether confidence can be believed: how often answers of each confidence are right."""

    def _finding(self) -> "Finding":
        from ..analysis.calibration import reliability_of
        from ..analysis.findings import Finding, Table

        clips, protocol = self._chosen()
        parts, heard = self._one(clips)
        found = reliability_of(heard, protocol)
        rows = [
            ("ECE (calibration error)", found.ece),
            ("  before temperature", found.ece_before),
            ("  chance alone gives", found.ece_chance),
            ("mean confidence", found.confidence),
            ("share right", found.accuracy),
            ("clips with an answer", found.clips),
            ("clips without", found.silent),
        ]
        pairs = zip(found.bins, found.intervals, strict=True)
        points = [("as it answers", b.n, b.confidence, b.accuracy, low, high) for b, (low, high) in pairs]
        before = [("before temperature", b.n, b.confidence, b.accuracy, None, None) for b in found.bins_before]

        def draw(finding: "Finding", theme: "Theme") -> "Figure":
            from ..analysis.pictures.answers import draw_reliability

            return draw_reliability(found, finding, theme)

        chance = f"A calibration error of {found.ece_chance:.3f} is what chance alone gives with as few clips."
        return Finding(
            title="Whether confidence can be believed",
            about=self._about(parts, clips, protocol),
            notes=(*trained_note(parts), chance),
            summary=Table(("", "value"), rows),
            points=Table(("answers", "clips", "confidence", "share right", "95 % from", "to"), [*points, *before]),
            draw=draw,
        )


@dataclass(frozen=True, kw_only=True)
class Confusion(AnswerOptions):
    """What is taken for what: the answers for the clips of each label."""

    def _finding(self) -> "Finding":
        import numpy as np

        from ..analysis.findings import Finding, Table
        from ..evaluation.figures import count

        clips, protocol = self._chosen()
        parts, heard = self._one(clips)
        figures = count(heard, protocol, ())
        matrix = np.array(figures.confusion, np.float64)
        names = [*figures.classes, "no answer"]
        rows: list[tuple[Cell, ...]] = []
        for place, name in enumerate(figures.classes):
            wrong = matrix[place].copy()
            wrong[place] = 0
            worst = int(wrong.argmax())
            most = f"{names[worst]} ({wrong[worst]:.0f})" if wrong[worst] else "-"
            low, high = _of(matrix[place, place], matrix[place].sum())
            rows.append((name, int(matrix[place].sum()), figures.recall.get(name), low, high, most))
        points: list[tuple[Cell, ...]] = [
            (name, *map(int, row)) for name, row in zip(figures.classes, matrix, strict=True)
        ]

        def draw(finding: "Finding", theme: "Theme") -> "Figure":
            from ..analysis.pictures.answers import draw_confusion

            return draw_confusion(figures.classes, matrix, finding, theme)

        uar = f"UAR {figures.uar:.3f} ({figures.ci95[0]:.3f} to {figures.ci95[1]:.3f}, by {figures.ci95_by}), "
        uar += f"accuracy {figures.wa:.3f}. A cell: per cent of the row, and clips."
        return Finding(
            title="What is taken for what",
            about=self._about(parts, clips, protocol),
            notes=(*trained_note(parts), uar),
            summary=Table(("label", "clips", "recall", "95 % from", "to", "most often taken for"), rows),
            points=Table(("label", *names), points),
            draw=draw,
        )


@dataclass(frozen=True, kw_only=True)
class Seconds(AnswerOptions):
    """How right the model is by the seconds of speech that it has heard. Several models are drawn together."""

    def _finding(self) -> "Finding":
        from ..analysis.findings import Finding, Table
        from ..analysis.heard import by_seconds
        from ..evaluation.predictions import SECONDS

        clips, protocol = self._chosen()
        heard = self._heard(clips)
        found = [(name, by_seconds(own, protocol, SECONDS)) for name, _, own in heard]
        parts = [part for _, own, _ in heard for part in own]
        columns = ("model", "after", "UAR", "95 % from", "to", "accuracy", "from", "to", "has a reading", "unsure")
        rows = [
            (name, "all" if row.seconds is None else f"{row.seconds:g} s", row.uar, *row.uar_ci95, row.accuracy,
             *row.accuracy_ci95, row.heard, row.unsure)
            for name, own in found for row in own
        ]  # fmt: skip
        there = {protocol.read(clip.label) for clip in clips}

        def draw(finding: "Finding", theme: "Theme") -> "Figure":
            from ..analysis.pictures.answers import draw_heard

            return draw_heard(found, 1 / len(there), finding, theme)

        return Finding(
            title="How right, by the seconds of speech heard",
            about=self._about(parts, clips, protocol),
            notes=(*trained_note(parts), "A clip of which nothing had been said yet counts as wrong."),
            summary=Table(columns, rows),
            draw=draw,
        )


@dataclass(frozen=True, kw_only=True)
class AgreementOfModels(AnswerOptions):
    """How far models agree: each one's answers scored where another's are taken for the truth.

    --model names two or more, separated by commas.
    """

    def _finding(self) -> "Finding":
        from ..analysis.agreement import agreement
        from ..analysis.findings import Finding, Table

        if self.folds is not None:
            raise UsageError("--folds: agreement is of models on the same clips; name two or more with --model A,B")
        if len(self.model_names()) < 2:
            raise UsageError(f"--model {self.model.model}: agreement is of two models or more, as in small,whisper")
        clips, protocol = self._chosen()
        heard = self._heard(clips)
        found = agreement([name for name, _, _ in heard], [own for _, _, own in heard], protocol)
        parts = [part for _, own, _ in heard for part in own]
        columns = ("models", "same answer", "95 % from", "to", "kappa", "both right", "only 1st", "only 2nd", "neither")
        rows = [
            (f"{p.first}, {p.second}", p.same, *p.ci95, p.kappa, p.both_right, p.only_first, p.only_second, p.neither)
            for p in found.pairs
        ]
        points = [
            (truth, name, float(found.matrix[i, j]))
            for i, truth in enumerate(found.names)
            for j, name in enumerate(found.names)
        ]

        def draw(finding: "Finding", theme: "Theme") -> "Figure":
            from ..analysis.pictures.answers import draw_agreement

            return draw_agreement(found, finding, theme)

        scored = ", ".join(f"{name} {uar:.3f}" for name, uar in zip(found.names, found.uars, strict=True))
        silent = f" {found.silent} clips that not all answered are left out." if found.silent else ""
        return Finding(
            title="How far models agree",
            about=self._about(parts, clips, protocol),
            notes=(*trained_note(parts), f"UAR against the corpus's labels: {scored}.{silent}"),
            summary=Table(columns, rows),
            points=Table(("taken for the truth", "model", "UAR"), points),
            draw=draw,
        )


def _of(right: float, count: float) -> tuple[float | None, float | None]:
    from ..analysis.calibration import wilson

    return wilson(right / count, int(count)) if count else (None, None)
