"""`emoscope models`: what there is, and what is known about each."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..protocol.errors import UsageError
from .command import Command

if TYPE_CHECKING:
    from emoscope.models.catalogue import Entry


def register(parser: argparse.ArgumentParser) -> None:
    """`list`, `show NAME` and `save NAME DIR`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="all models, a line each")
    show = actions.add_parser("show", help="one model: its parts, labels, licence and scores")
    show.add_argument("name", metavar="NAME", help="a model's name, or a folder with a card")
    save = actions.add_parser("save", help="a published system with random weights, for dry runs and to train")
    save.add_argument("name", metavar="NAME", help="a published system")
    save.add_argument("folder", type=Path, metavar="DIR", help="where card.json and weights.safetensors go")
    save.add_argument("--size", default="tiny", help="tiny: encoders of a few thousand parameters; published (tiny)")


def run(args: argparse.Namespace) -> int:
    """Prints to stdout; unknown names are a usage error."""
    from emoscope.models.catalogue import entry, names

    if args.action == "show":
        print(described(entry(args.name)))
        return 0
    if args.action == "save":
        save(args.name, args.size, args.folder)
        return 0
    rows = [entry(name) for name in names()]
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(f"{row.name:<{width}}  {size(row.parameters):>6}  {len(row.labels)} labels  {row.title}; {row.source}")
    return 0


def save(name: str, size: str, folder: Path) -> None:
    """A system as published, or tiny, with random weights, into a folder that has no model yet."""
    from emoscope.models.store import save_model
    from emoscope.models.systems import build, draft_card

    if (folder / "card.json").exists():
        raise UsageError(f"{folder} already holds a model; give another folder")
    model = build(name, size)  # type: ignore[arg-type]
    card = save_model(model, draft_card(model), folder)  # type: ignore[arg-type]
    print(f"{folder}: {card.id}, {card.notes[0]}")


def size(parameters: int) -> str:
    """Parameters as people say them: 94.4M."""
    return f"{parameters / 1e6:.1f}M" if parameters >= 1e5 else f"{parameters / 1e3:.1f}k"


def described(entry: "Entry") -> str:
    """The page of one model."""
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


command = Command("models", "the models there are, and what is known about each", register, run)
