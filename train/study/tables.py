"""The table of a study: scores with intervals by speakers, and paired differences from the reference row.

Each training answers for the speakers of its fold, so that the folds of a seed together answer for every speaker once.
A row's score is the mean over its seeds. A round of the bootstrap draws speakers, the same for all rows, and for each
row as many of its seeds as there are; so an interval holds what other speakers and other seeds would have changed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from emoscope.models.cards import replace_file

from ..evaluation.intervals import ROUNDS, resample
from ..evaluation.scores import Array, macro_f1_of, uar_of
from .designs import Design, Metric
from .heads import OWN_RULE
from .rows import Trained

METRICS: dict[Metric, Callable[[Array], Array]] = {"macro F1": macro_f1_of, "UAR": uar_of}
ALL = "all"
"""The mean over the corpora."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval does."""
        return self.low > 0 or self.high < 0

    def text(self, signed: bool = False) -> str:
        """As in the table."""
        sign = "+" if signed else ""
        shown = [_short(number, sign) for number in (self.value, self.low, self.high)]
        return f"{shown[0]} ({shown[1]} to {shown[2]})"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A row on one corpus, or on all.

    parameters  on all corpora the most, since more classes need more
    seeds       how far apart they are: the standard deviation of the paper's metric; None with one seed
    difference  of the paper's metric from the reference; None for the reference itself
    """

    corpus: str
    row: str
    rule: str
    parameters: int
    scores: dict[str, Figure]
    seeds: float | None
    difference: Figure | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `report.json` holds. `seconds` of processor time were trained."""

    study: str
    metric: str
    reference: str
    corpora: dict[str, int]
    seeds: int
    seconds: float
    lines: list[Line]


@dataclass(frozen=True)
class _Drawn:
    """A row on a corpus: scores by metric, of each seed, and of each round."""

    seeds: dict[Metric, Array]
    rounds: dict[Metric, Array]


def report_of(design: Design, trained: Sequence[Trained], rounds: int = ROUNDS) -> Report:
    """The report of trainings that hold every fold of each row and seed."""
    corpora = list(dict.fromkeys(one.corpus for one in trained))
    rows = [row for row in design.rows if any(one.row == row for one in trained)]
    speakers: dict[str, int] = {}
    drawn: dict[tuple[str, str, str], _Drawn] = {}
    for number, corpus in enumerate(corpora):
        own = [one for one in trained if one.corpus == corpus]
        names = sorted({speaker for one in own for speaker in one.answers[OWN_RULE]})
        speakers[corpus] = len(names)
        weights = resample(names, np.zeros(len(names), np.int64), number, rounds).weights
        for place, row in enumerate(rows):
            some = [one for one in own if one.row == row]
            for rule in some[0].answers:
                rng = np.random.default_rng([number, place])
                drawn[corpus, row, rule] = _draw(some, rule, names, weights, rng)
    if len(corpora) > 1:
        for row, rule in dict.fromkeys((row, rule) for _, row, rule in drawn):
            parts = [drawn[corpus, row, rule] for corpus in corpora]
            drawn[ALL, row, rule] = _Drawn(
                {name: np.mean([part.seeds[name] for part in parts], 0) for name in METRICS},
                {name: np.mean([part.rounds[name] for part in parts], 0) for name in METRICS},
            )
    lines = []
    for (corpus, row, rule), one in drawn.items():
        base = drawn[corpus, design.reference, OWN_RULE]
        seeds = one.seeds[design.metric]
        lines.append(
            Line(
                corpus=corpus,
                row=row,
                rule=rule,
                parameters=max(t.parameters for t in trained if t.row == row and corpus in (t.corpus, ALL)),
                scores={name: _figure(one.seeds[name].mean(), one.rounds[name]) for name in METRICS},
                seeds=round(float(seeds.std(ddof=1)), 4) if len(seeds) > 1 else None,
                difference=None
                if one is base
                else _figure(
                    seeds.mean() - base.seeds[design.metric].mean(),
                    one.rounds[design.metric] - base.rounds[design.metric],
                ),
            )
        )
    return Report(
        study=design.name,
        metric=design.metric,
        reference=design.reference,
        corpora=speakers,
        seeds=len({one.seed for one in trained}),
        seconds=round(sum(one.seconds for one in trained), 1),
        lines=lines,
    )


def _draw(
    trained: Sequence[Trained], rule: str, speakers: Sequence[str], weights: Array, rng: np.random.Generator
) -> _Drawn:
    seeds = sorted({one.seed for one in trained})
    counts = []
    for seed in seeds:
        own = {who: matrix for one in trained if one.seed == seed for who, matrix in one.answers[rule].items()}
        counts.append([own[who] for who in speakers])
    # The last column of a confusion matrix counts clips without an answer: here none.
    matrices = np.pad(np.array(counts, np.float64), ((0, 0), (0, 0), (0, 0), (0, 1)))
    sums = np.einsum("rs,nsij->rnij", weights, matrices)
    chosen = rng.integers(len(seeds), size=(len(weights), len(seeds)))
    return _Drawn(
        {name: metric(matrices.sum(1)) for name, metric in METRICS.items()},
        {name: np.take_along_axis(metric(sums), chosen, 1).mean(1) for name, metric in METRICS.items()},
    )


def _figure(value: float, rounds: Array) -> Figure:
    low, high = np.nanpercentile(rounds, [2.5, 97.5])
    return Figure(value=round(float(value), 4), low=round(float(low), 4), high=round(float(high), 4))


def summary(report: Report, design: Design) -> str:
    """One table: of each row and corpus the score and the difference, in bold where its interval excludes zero."""
    corpora = list(dict.fromkeys(line.corpus for line in report.lines))
    rows: dict[str, dict[str, Line]] = {}
    for line in report.lines:
        rows.setdefault(name_of(line), {})[line.corpus] = line
    told = [f"| {report.metric} | {' | '.join(corpora)} | paper |", "|---" * (len(corpora) + 2) + "|"]
    for name, lines in rows.items():
        cells = [f"{_short(line.scores[report.metric].value)} {_difference(line)}".strip() for line in lines.values()]
        line = next(iter(lines.values()))
        cells.append(_published(design, line.row) if line.rule == OWN_RULE else "")
        told.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*told, ""])


def _difference(line: Line) -> str:
    if line.difference is None:
        return ""
    told = line.difference.text(signed=True)
    return f"**{told}**" if line.difference.excludes_zero else told


def markdown(report: Report, design: Design) -> str:
    """The summary, and a table for each corpus."""
    parts = [summary(report, design)]
    for corpus in dict.fromkeys(line.corpus for line in report.lines):
        count = report.corpora.get(corpus)
        who = f"{count} speakers" if count else "mean of the corpora"
        other = next(name for name in METRICS if name != design.metric)
        published = f" paper: {design.metric}, {design.measured_on} |"
        parts += [
            f"**{corpus}** ({who}, {report.seeds} seed{'s' * (report.seeds > 1)})",
            "",
            f"| row | parameters | {design.metric} | difference from {design.reference} | seeds | {other} |{published}",
            "|---|---|---|---|---|---|---|",
        ]
        for line in report.lines:
            if line.corpus != corpus:
                continue
            spread = "" if line.seeds is None else _short(line.seeds)
            told = [
                name_of(line),
                f"{line.parameters:,}",
                line.scores[design.metric].text(),
                _difference(line),
                spread,
                _short(line.scores[other].value),
                _published(design, line.row) if line.rule == OWN_RULE else "",
            ]
            parts.append(f"| {' | '.join(told)} |")
        parts.append("")
    return "\n".join(parts)


def name_of(line: Line) -> str:
    """The row, and the rule where it is not the paper's own."""
    return line.row if line.rule == OWN_RULE else f"{line.row}, {line.rule}"


def write_report(report: Report, design: Design, out: Path) -> None:
    """Write report.json and table.md to the folder."""
    replace_file(out / "report.json", msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    replace_file(out / "table.md", markdown(report, design).encode())


def _published(design: Design, row: str) -> str:
    """The paper's figure, and its difference from the paper's reference."""
    value = design.published[row]
    apart = "" if row == design.reference else f" ({_short(value - design.published[design.reference], '+')})"
    return _short(value) + apart


def _short(value: float, sign: str = "") -> str:
    """Three digits after the point and none before it, as scores stand in the project's tables."""
    rounded = round(value, 3) + 0.0  # adding it makes a negative zero positive
    return f"{rounded:{sign}.3f}".replace("0.", ".", 1) if abs(rounded) < 1 else f"{rounded:{sign}.3f}"
