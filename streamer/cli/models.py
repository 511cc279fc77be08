"""`emoscope models`: the models that there are, and what is known about each."""

import shutil
import textwrap
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from ..protocol.errors import UsageError
from .command import Command, CommandGroup

if TYPE_CHECKING:
    from emoscope.models.cards import Score
    from emoscope.models.catalogue import Checked, Entry

NARROWEST = 60


@dataclass(frozen=True, kw_only=True)
class ListModels:
    """All models, with what matters most of each."""

    def run(self) -> int:
        """Print the table."""
        from emoscope.models.catalogue import entry, names

        width = max(NARROWEST, shutil.get_terminal_size().columns)
        for name in names():
            print("\n".join(listed(entry(name), width)))
        return 0


@dataclass(frozen=True, kw_only=True)
class ShowModel:
    """One model: its parts, labels, licence and scores."""

    name: Annotated[str, Parameter(help="a model's name, a checkpoint's on the hub, or a folder")] = field(
        kw_only=False
    )

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
    """Bring what does not ship: a public checkpoint, or for `whisper` the encoder of openai/whisper-base."""

    name: Annotated[str, Parameter(help="whisper, or a checkpoint's name on the hub")] = field(kw_only=False)
    from_: Annotated[
        Path | None,
        Parameter(
            help="a copy that is here already, as transformers or faster-whisper keep it (else it is fetched)",
            metavar="FOLDER",
        ),
    ] = None

    def run(self) -> int:
        """Check every weight and keep it; HeadMismatch, CardInvalid or NotCached where it cannot be used."""
        from emoscope.models.errors import HeadMismatch, NotCached
        from emoscope.models.external import BEST, REPOSITORY, kept_file
        from emoscope.models.store import card_of, is_public
        from emoscope.models.whisper import checkpoint

        if is_public(self.name):
            return self._checkpoint()
        if self.name != BEST:
            raise UsageError(
                f"{self.name}: nothing to fetch; what can be is {BEST}, and checkpoints by their name on the hub "
                "(OWNER/NAME, `emoscope models list`)"
            )
        expected = card_of(self.name).config["encoder"]
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

    def _checkpoint(self) -> int:
        from emoscope.models.catalogue import check, check_copy
        from emoscope.models.checkpoints import fetch, find_checkpoint, keep
        from emoscope.models.errors import NotCached

        if Path(self.name).is_dir():
            raise UsageError(
                f"{self.name} is a folder; `emoscope models check {self.name}` says whether it can be used"
            )
        if self.from_ is not None:
            if not self.from_.is_dir():
                raise UsageError(f"--from {self.from_}: no such folder")
            checked = check_copy(self.name, self.from_)
            print(checked_text(replace(checked, place=str(keep(self.from_, self.name)))))
            return 0
        try:
            find_checkpoint(self.name)
        except NotCached:
            print(f"fetching {self.name} ...")
            fetch(self.name)
        print(checked_text(check(self.name)))
        return 0


@dataclass(frozen=True, kw_only=True)
class CheckModel:
    """Open a model and say what was verified: its labels, every weight of its head, its window, its licence."""

    name: Annotated[str, Parameter(help="a model's name, a checkpoint's name on the hub, or a folder")] = field(
        kw_only=False
    )

    def run(self) -> int:
        """Print what was found; the exit code is 1, with one line, for a model that cannot be used."""
        from emoscope.models.catalogue import check

        print(checked_text(check(self.name)))
        return 0


@dataclass(frozen=True, kw_only=True)
class ExportModel:
    """Make the graph that runs a model without torch. It lies beside the weights, and holds none of them."""

    name: Annotated[str, Parameter(help="a shipped model's name, or a folder")] = field(kw_only=False)
    onnx: Annotated[bool, Parameter(help="in the ONNX format, which is the one there is", negative="")] = False
    out: Annotated[
        Path | None,
        Parameter(help="write a copy of the model with its graph there (else into its own folder)", metavar="DIR"),
    ] = None

    def __post_init__(self) -> None:
        """UsageError where no format is named."""
        if not self.onnx:
            raise UsageError("models export: name the format: --onnx")

    def run(self) -> int:
        """Write the graph; UsageError for a model that has none, or where the package onnx is missing."""
        from emoscope.models.graph.export import export

        path = export(self.name, self.out)
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, checked against torch")
        return 0


def checked_text(checked: "Checked") -> str:
    """What `emoscope models check` prints."""
    from emoscope.models.checkpoints import licence_warning

    card = checked.card
    audio = card.audio
    rows = [
        ("where", checked.place),
        ("adapter", str(card.config.get("family", card.architecture))),
        ("label map", ""),
        *(("", line) for line in checked.label_map),
        ("labels", " ".join(card.labels)),
        ("dimensions", f"{' '.join(card.dimensions)}, from -1 to 1" if card.dimensions else "none"),
        ("head", f"all {checked.fitted} tensors fit; none is missing, none left over"),
        ("window", f"{audio.window / audio.sample_rate:g} s each {audio.hop / audio.sample_rate:g} s"),
        ("languages", " ".join(card.languages) or "not stated"),
        ("licence", card.licence),
    ]
    if warning := licence_warning(card.licence):
        rows.append(("warning", warning))
    if card.config.get("family"):
        rows += [("note", note) for note in card.notes]
    return "\n".join([card.id, *(f"  {name:<11} {text}".rstrip() for name, text in rows)])


def listed(entry: "Entry", width: int) -> list[str]:
    """A model in `emoscope models list`: its name, size and labels, and under it what matters most, within `width`."""
    lines = [f"{entry.name}  {size(entry.parameters)}  {len(entry.labels)} labels"]
    built = "; ".join(entry.parts) or entry.architecture
    about = [
        f"{entry.title}; {built}; {entry.source}",
        " ".join((*entry.labels, *(f"+{dimension}" for dimension in entry.dimensions))),
        f"licence: {entry.licence}",
        f"published: {_first(entry.published)}",
        f"measured here: {_first(entry.measured)}",
    ]
    for text in about:
        lines += textwrap.wrap(text, width - 2, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return lines


def _first(scores: "tuple[Score, ...]") -> str:
    if not scores:
        return "nothing"
    score = scores[0]
    source = "" if score.source == "measured here" else f" ({score.source})"
    more = f"; {len(scores) - 1} more in `models show`" if len(scores) > 1 else ""
    return f"{score.value:.4g} {score.metric}, {score.corpus}, {score.protocol}{source}{more}"


def _window(window_s: float, hop_s: float, reach_s: float) -> str:
    """How a model cuts an utterance."""
    if not reach_s:
        return f"{window_s:g} s each {hop_s:g} s"
    return f"each frame once, in cells of {hop_s:g} s with {reach_s:g} s around them; at most {window_s:g} s at once"


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
        ("window", _window(entry.window_s, entry.hop_s, entry.reach_s)),
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
        Command("list", "all models, with what matters most of each", ListModels),
        Command("show", "one model: its parts, labels, licence and scores", ShowModel),
        Command("pull", "bring what does not ship: a public checkpoint, or whisper's encoder", PullModel),
        Command("export", "make the graph that runs a model without torch", ExportModel),
        Command("check", "open a model and say what was verified: labels, weights, window, licence", CheckModel),
        Command("save", "a published system with random weights, for dry runs and to train", SaveModel),
    ),
)
