"""`emoscope analyse attention`: which moments of single recordings carried the answer."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from emoscope.models.errors import EmoscopeError, UsageError
from emoscope.streamer.cli.options import MeasuredModelOptions
from emoscope.streamer.cli.session_options import DetectorOptions

from .analyse_options import FindingOptions, open_model, run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from emoscope.streamer.display.pictures.theme import Theme

    from ..analysis.findings import Finding

MOST_RECORDINGS = 12


@dataclass(frozen=True, kw_only=True)
class Attention:
    """Attention over the waveform: which moments of a recording carried the answer.

    The attention of a frame is the mean of the model's softmaxes, as a multiple of an even share.
    """

    paths: Annotated[tuple[Path, ...], Parameter(name="RECORDING", help="recordings, a picture of all")] = field(
        kw_only=False
    )
    model: MeasuredModelOptions = field(default_factory=MeasuredModelOptions)
    detector: DetectorOptions = field(default_factory=DetectorOptions)
    finding: FindingOptions = field(default_factory=FindingOptions)

    def __post_init__(self) -> None:
        """UsageError for more recordings than a picture holds."""
        if len(self.paths) > MOST_RECORDINGS:
            raise UsageError(
                f"{len(self.paths)} recordings: a picture holds {MOST_RECORDINGS}; run it for some at a time"
            )

    def run(self) -> int:
        """Compute, print and draw; the exit code."""
        return run(self._finding, self.finding)

    def _finding(self) -> "Finding":
        from emoscope.streamer import Config

        from ..analysis.findings import Finding, Table
        from ..analysis.frames import attended, with_attention
        from ..analysis.waveform import strongest, waveform
        from ..corpora import Clip
        from ..corpora.audio import read_clip

        for path in self.paths:
            if not path.is_file():
                raise EmoscopeError(f"{path}: no such recording")
        sounds = [read_clip(path, 16_000) for path in self.paths]
        model = open_model(self.model, self.model.name)
        config = Config(vad=self.detector.config())
        heard, rows, points = [], [], []
        for path, audio in zip(self.paths, sounds, strict=True):
            clip = Clip("recording", path.name, path, "", "")
            own = with_attention(model.contract.id, attended(model, clip, audio, config))
            heard.append(waveform(path.name, audio, own))
            for one in own:
                end = float(one.centres_s[-1] + one.frame / 32_000)
                moments = "; ".join(f"{at:.2f} s ({rate:.1f}x)" for at, rate in strongest(one))
                rows.append((path.name, one.start / 16_000, end, float(one.shares.max() * len(one.shares)), moments))
                rates = one.shares * len(one.shares)
                points += [(path.name, float(at), float(x)) for at, x in zip(one.centres_s, rates, strict=True)]

        def draw(finding: "Finding", theme: "Theme") -> "Figure":
            from ..analysis.pictures.attention import draw_waveforms

            return draw_waveforms(heard, finding, theme)

        return Finding(
            title="Attention over the waveform",
            about=f"{model.contract.id}: {len(heard)} recording{'s' * (len(heard) != 1)}, {len(rows)} utterances",
            notes=() if rows else ("no speech was found",),
            summary=Table(("recording", "from s", "to s", "most", "strongest moments"), rows),
            points=Table(("recording", "second", "attention"), points),
            draw=draw,
        )
