"""`emoscope models`: the models that there are, and what is known about each."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from ..protocol.errors import UsageError
from .command import Command, CommandGroup

if TYPE_CHECKING:
    from emoscope.models.catalogue import Entry


@dataclass(frozen=True, kw_only=True)
class ListModels:
    """All models, a line each."""

    def run(self) -> int:
        """Print the table."""
        from emoscope.models.catalogue import entry, names

        rows = [entry(name) for name in names()]
        width = max(len(row.name) for row in rows)
        for row in rows:
            print(
                f"{row.name:<{width}}  {size(row.parameters):>6}  {len(row.labels)} labels  {row.title}; {row.source}"
            )
        return 0


@dataclass(frozen=True, kw_only=True)
class ShowModel:
    """One model: its parts, labels, licence and scores."""

    name: Annotated[str, Parameter(help="a model's name, or a folder with a card")] = field(kw_only=False)

    def run(self) -> int:
        """Print the page; UsageError for an unknown name."""
        from emoscope.models.catalogue import entry

        print(described(entry(self.name)))
        return 0


@dataclass(frozen=True, kw_only=True)
class SaveModel:
    """A published system with random weights, for dry runs and to train."""

    name: Annotated[str, Parameter(help="a published system")] = field(kw_only=False)
    folder: Annotated[Path, Parameter(name="DIR", help="where card.json and weights.safetensors go")] = field(
        kw_only=False
    )
    size: Annotated[Literal["tiny", "published"], Parameter(help="tiny: encoders of a few thousand parameters")] = (
        "tiny"
    )

    def run(self) -> int:
        """Write the model; UsageError for an unknown name, or a folder that holds a model already."""
        from emoscope.models.store import save_model
        from emoscope.models.systems import build, draft_card

        if (self.folder / "card.json").exists():
            raise UsageError(f"{self.folder} already holds a model; give another folder")
        model = build(self.name, self.size)
        card = save_model(model, draft_card(model), self.folder)  # type: ignore[arg-type]
        print(f"{self.folder}: {card.id}, {card.notes[0]}")
        return 0


@dataclass(frozen=True, kw_only=True)
class PullModel:
    """Bring what a model needs that does not ship with emoscope: for `whisper`, the encoder of openai/whisper-base."""

    name: Annotated[Literal["whisper"], Parameter(help="the model: whisper")] = field(kw_only=False)
    from_: Annotated[
        Path | None,
        Parameter(
            help="a copy that is here already, as transformers or faster-whisper keep it (else it is fetched)",
            metavar="FOLDER",
        ),
    ] = None

    def run(self) -> int:
        """Check the encoder's tensors and keep them; HeadMismatch or NotCached where they cannot be used."""
        from emoscope.models.cards import read_card
        from emoscope.models.errors import HeadMismatch, NotCached
        from emoscope.models.external import REPOSITORY, kept_file
        from emoscope.models.store import find_model
        from emoscope.models.whisper import checkpoint

        expected = read_card(find_model(self.name)).config["encoder"]
        if self.from_ is not None:
            weights = checkpoint.read_encoder(self.from_)
            checkpoint.check(weights, expected, self.from_)
        else:
            try:
                weights = checkpoint.load_encoder(expected)
            except (HeadMismatch, NotCached):  # none is here, or none that is whole
                print(f"fetching {REPOSITORY} ...")
                folder = checkpoint.fetch()
                weights = checkpoint.read_encoder(folder)
                checkpoint.check(weights, expected, folder)
        checkpoint.keep(weights)
        print(f"{kept_file()}: the encoder of {REPOSITORY}, all {len(weights)} tensors checked")
        return 0


def size(parameters: int) -> str:
    """A number of parameters, shortened: 94.4M."""
    return f"{parameters / 1e6:.1f}M" if parameters >= 1e5 else f"{parameters / 1e3:.1f}k"


def described(entry: "Entry") -> str:
    """The description of one model, as `emoscope models show` prints it."""
    rows = [
        ("what", entry.title),
        ("where", entry.source),
        ("architecture", "; ".join((entry.architecture, *entry.parts))),
        ("parameters", f"{entry.parameters:,} ({size(entry.parameters)})"),
        ("labels", " ".join(entry.labels)),
        ("dimensions", " ".join(entry.dimensions) or "none"),
        ("window", f"{entry.window_s:g} s each {entry.hop_s:g} s"),
        ("licence", entry.licence),
        *(("note", note) for note in entry.notes),
    ]
    lines = [entry.name, *(f"  {name:<13} {text}" for name, text in rows)]
    for title, scores in (("published", entry.published), ("measured here", entry.measured)):
        lines.append(f"  {title}" + ("" if scores else ": nothing"))
        for score in scores:
            interval = "" if score.ci95 is None else f" [{score.ci95[0]:.3f}, {score.ci95[1]:.3f}]"
            count = "" if score.n is None else f", n = {score.n}"
            source = "" if score.source == "measured here" else f" ({score.source})"
            about = f"{score.corpus}, {score.protocol}{count}"
            lines.append(f"    {score.value:.4g}{interval}  {score.metric}, {about}{source}")
    return "\n".join(lines)


command = CommandGroup(
    "models",
    "the models there are, and what is known about each",
    (
        Command("list", "all models, a line each", ListModels),
        Command("show", "one model: its parts, labels, licence and scores", ShowModel),
        Command("pull", "bring what a model needs that does not ship: whisper's encoder", PullModel),
        Command("save", "a published system with random weights, for dry runs and to train", SaveModel),
    ),
)
