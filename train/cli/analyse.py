"""`emoscope analyse`: what carries a model's answers, and what the answers are worth, as numbers and pictures."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from emoscope.streamer.cli.command import Command, CommandGroup

from .analyse_options import CorpusOptions, about, run, trained_note

if TYPE_CHECKING:
    from ..analysis.findings import Finding


@dataclass(frozen=True, kw_only=True)
class Cumulative(CorpusOptions):
    """How few frames hold the attention: the cumulative distribution of the attention weights.

    Several models, separated by commas in --model, are drawn together.
    """

    def run(self) -> int:
        """Compute, print and draw; the exit code."""
        return run(self._finding, self.finding)

    def _finding(self) -> "Finding":
        from ..analysis.cumulative import GRID, MARKS, MOST, concentration
        from ..analysis.findings import Finding, Table
        from ..analysis.frames import with_attention

        clips = self.clips()
        heard = self.utterances(clips)
        found = [concentration(part.card.id, with_attention(part.card.id, own)) for part, own in heard]
        held = f"share of frames that holds {100 * MOST:.0f} %"
        columns = ("model", "utterances", held, "95 % from", "to", "each softmax by itself")
        rows = [
            (one.name, len(one.shares), float(one.shares.mean()), *one.ci95, one.each) for one in found
        ]
        marks = tuple(f"{100 * mark:.0f} % hold" for mark in MARKS)
        marked = [tuple(float(one.mean[round(100 * mark)]) for mark in MARKS) for one in found]
        points = [(one.name, float(at), float(y)) for one in found for at, y in zip(GRID, one.mean, strict=True)]

        def draw(finding, theme):  # type: ignore[no-untyped-def]
            from ..analysis.pictures.attention import draw_cumulative

            return draw_cumulative(found, finding, theme)

        return Finding(
            title="How few frames hold the attention",
            about=about([part for part, _ in heard], clips),
            notes=trained_note([part for part, _ in heard]),
            summary=Table((*columns, *marks), [row + more for row, more in zip(rows, marked, strict=True)]),
            points=Table(("model", "share of frames", "attention"), points),
            draw=draw,
        )


command = CommandGroup(
    "analyse",
    "what carries a model's answers, and what they are worth: numbers and pictures",
    (
        Command("cumulative", "how few frames hold the attention", Cumulative),
    ),
)
