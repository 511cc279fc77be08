"""`emoscope analyse` of what carries the answers: attention over time, energy and phonemes, and pooled embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from emoscope.models.errors import EmoscopeError, UsageError

from .analyse_options import CorpusOptions, about, run, trained_note

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from emoscope.streamer.display.pictures.theme import Theme

    from ..analysis.findings import Finding
    from ..analysis.frames import Utterance


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

        clips = self.clips()
        heard = self.utterances(clips)
        parts = [part for part, _ in heard]
        found = [concentration(part.card.id, some(part.card.id, own)) for part, own in heard]
        rows = [
            ("utterances", *(len(one.shares) for one in found)),
            (f"share of frames that holds {100 * MOST:.0f} % of the attention", *(one.shares.mean() for one in found)),
            ("  95 % from", *(one.ci95[0] for one in found)),
            ("  to", *(one.ci95[1] for one in found)),
            ("  of each softmax by itself", *(one.each for one in found)),
            *((f"attention on {100 * mark:.0f} % of the frames", *(one.mean[round(100 * mark)] for one in found))
              for mark in MARKS),
        ]  # fmt: skip
        points = [(one.name, float(at), float(y)) for one in found for at, y in zip(GRID, one.mean, strict=True)]

        def draw(finding: "Finding", theme: "Theme") -> "Figure":
            from ..analysis.pictures.attention import draw_cumulative

            return draw_cumulative(found, finding, theme)

        softmaxes = ", ".join(f"{one.softmaxes} of {one.name}" for one in found)
        return Finding(
            title="How few frames hold the attention",
            about=about(parts, clips),
            notes=(*trained_note(parts), f"Attention is the mean of the softmaxes: {softmaxes}."),
            summary=Table(("", *(one.name for one in found)), [_numbers(row) for row in rows]),
            points=Table(("model", "share of frames", "attention"), points),
            draw=draw,
        )


@dataclass(frozen=True, kw_only=True)
class Energy(CorpusOptions):
    """Attention against energy: whether the model merely listens to what is loud."""

    def run(self) -> int:
        """Compute, print and draw; the exit code."""
        return run(self._finding, self.finding)

    def _finding(self) -> "Finding":
        from ..analysis.energy import against_energy
        from ..analysis.findings import Finding, Table

        name, clips = self.one_model(), self.clips()
        ((part, own),) = self.utterances(clips)
        found = against_energy(some(name, own))
        if not len(found.energy.values):
            raise EmoscopeError("no utterance has frames enough to correlate; take longer clips")
        rows = [
            (f"correlation with {one.name}", one.mean, one.std, *one.ci95)
            for one in (found.energy, found.level, found.ranks)
        ]
        levels = zip(found.steps.tolist(), found.rates.tolist(), found.frames.tolist(), strict=True)

        def draw(finding: "Finding", theme: "Theme") -> "Figure":
            from ..analysis.pictures.attention import draw_energy

            return draw_energy(found, finding, theme)

        left = (f"{found.left_out} utterances do not vary, or are too short: left out.",) if found.left_out else ()
        return Finding(
            title="Attention against energy",
            about=about([part], clips, f"{len(found.energy.values)} utterances"),
            notes=(*trained_note([part]), *left),
            summary=Table(("within utterances", "mean", "std", "95 % from", "to"), rows),
            points=Table(("level, dB below the loudest frame", "attention", "frames"), list(levels)),
            draw=draw,
        )


@dataclass(frozen=True, kw_only=True)
class Phonemes(CorpusOptions):
    """Which phonemes attention goes to, as likelihood ratios: how often each is attended, for how often it is heard.

    Needs a corpus with times of phonemes: EmoDB, with its folder `lablaut`.
    """

    top: Annotated[float, Parameter(help="share of an utterance's frames that count as attended", metavar="P")] = 0.15
    fewest: Annotated[int, Parameter(help="leave out phonemes that are spoken less often", metavar="N")] = 30

    def __post_init__(self) -> None:
        """UsageError for a share that is none, or no phonemes."""
        super().__post_init__()
        if not 0 < self.top < 1:
            raise UsageError(f"--top {self.top:g}: must be above 0 and below 1")
        if self.fewest < 1:
            raise UsageError(f"--fewest {self.fewest}: must be at least 1")

    def run(self) -> int:
        """Compute, print and draw; the exit code."""
        return run(self._finding, self.finding)

    def _finding(self) -> "Finding":
        from ..analysis.findings import Finding, Table
        from ..analysis.phonemes import salience
        from ..corpora.phones import phones_of, seconds_of
        from ..errors import CorpusInvalid

        name, clips = self.one_model(), self.clips()
        phones = {clip: phones_of(clip, seconds_of(clip)) for clip in clips}
        if not any(phones.values()):
            raise CorpusInvalid(
                f"{self.corpus}: no times of phonemes here; --corpus emodb has them in its folder lablaut "
                "(STEMxx.lablaut), which its owners distribute beside the sounds"
            )
        ((part, own),) = self.utterances([clip for clip in clips if phones[clip]])
        used = some(name, own)
        found = salience(used, [phones[one.clip] for one in used], self.top, self.fewest)
        columns = ("phoneme", "kind", "ratio", "95 % from", "to", "attention per frame", "spoken", "frames")
        numbers = [
            (row.kind, row.ratio, *(row.ci95 or (None, None)), row.mass, row.occurrences, row.frames)
            for row in (*found.kinds, *found.phones)
        ]
        kinds = [("(all)", *row) for row in numbers[: len(found.kinds)]]
        each = [(one.phone, *row) for one, row in zip(found.phones, numbers[len(found.kinds) :], strict=True)]
        shown = each if len(each) <= 16 else [*each[:8], *each[-8:]]

        def draw(finding: "Finding", theme: "Theme") -> "Figure":
            from ..analysis.pictures.attention import draw_phonemes

            return draw_phonemes(found, finding, theme)

        notes = [f"Attended: the {100 * self.top:.0f} % of an utterance's frames with the most attention. Intervals by "
                 f"{'speaker' if found.by == 'speaker' else 'utterance'}."]  # fmt: skip
        if found.left_out:
            notes.append(f"{len(found.left_out)} phonemes are spoken less than {self.fewest} times: left out.")
        return Finding(
            title="Which phonemes attention goes to",
            about=about([part], part.clips, f"{found.utterances} utterances, {found.frames} frames"),
            notes=(*trained_note([part]), *notes),
            summary=Table(columns, [*kinds, *shown]),
            points=Table(columns, [*kinds, *each]),
            draw=draw,
        )


@dataclass(frozen=True, kw_only=True)
class Tsne(CorpusOptions):
    """Where clips lie in the space of the model's pooled embeddings, by label and by speaker (t-SNE).

    Nearest neighbours are counted in the space itself, because a plane distorts distances.
    """

    perplexity: Annotated[float, Parameter(help="about how many neighbours a clip has", metavar="P")] = 30.0

    def __post_init__(self) -> None:
        """UsageError for a perplexity outside of what is used."""
        super().__post_init__()
        if not 5 <= self.perplexity <= 100:
            raise UsageError(f"--perplexity {self.perplexity:g}: must be from 5 to 100")

    def run(self) -> int:
        """Compute, print and draw; the exit code."""
        return run(self._finding, self.finding)

    def _finding(self) -> "Finding":
        import sklearn as sklearn  # said before anything is computed, where it is missing

        from ..analysis.embedding import NEIGHBOURS, map_clips
        from ..analysis.findings import Finding, Table
        from ..corpora import CORPORA
        from ..errors import SplitInvalid

        self.one_model()
        clips = self.clips()
        if len({clip.speaker for clip in clips}) < 2:
            raise SplitInvalid(
                "the clips are of one speaker: whether voices lie apart cannot be seen; take two or more"
            )
        ((part, own),) = self.utterances(clips)
        found = map_clips(own, self.perplexity)
        there = {clip.label for clip in found.clips}
        labels = [label for label in CORPORA[self.corpus].labels if label in there]
        rows = [
            (f"same {name}", one.among, one.same, one.chance, one.same / one.chance if one.chance else None)
            for name, one in (("label", found.labels), ("speaker", found.speakers))
        ]
        points = [
            (clip.name, clip.label, clip.speaker, float(x), float(y))
            for clip, (x, y) in zip(found.clips, found.places, strict=True)
        ]

        def draw(finding: "Finding", theme: "Theme") -> "Figure":
            from ..analysis.pictures.answers import draw_map

            return draw_map(found, labels, finding, theme)

        near = f"Of a clip's {NEIGHBOURS} nearest neighbours in the embedding, {{}} have its label (by chance {{}}), "
        near += "{} its speaker ({})."
        shares = (found.labels.same, found.labels.chance, found.speakers.same, found.speakers.chance)
        return Finding(
            title="Pooled embeddings on a plane (t-SNE)",
            about=about([part], clips, f"{found.dimensions} dimensions"),
            notes=(*trained_note([part]), near.format(*(f"{100 * share:.0f} %" for share in shares))),
            summary=Table(("nearest neighbours", "values", "share", "by chance", "times"), rows),
            points=Table(("clip", "label", "speaker", "x", "y"), points),
            draw=draw,
        )


def some(name: str, utterances: "Sequence[Utterance]") -> "list[Utterance]":
    """Utterances with attention to look at; an error of one line where there are none."""
    from ..analysis.frames import with_attention
    from ..errors import ClipUnusable

    found = with_attention(name, utterances)
    if not found:
        raise ClipUnusable("no speech was found in these clips; `--vad webrtc` finds more")
    return found


def _numbers(row: "tuple[object, ...]") -> tuple[str | int | float, ...]:
    name, *cells = row
    return (str(name), *(cell if isinstance(cell, int) else float(cell) for cell in cells))  # type: ignore[arg-type]
