"""`emoscope bench`: what encoders, readings, the server and recognizers cost on this machine."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .command import ArgparseCommand

if TYPE_CHECKING:
    from emoscope.models.bench import EncoderCost, ReadingCost

HEARD_S = (5.0, 30.0, 60.0, 120.0)
READINGS_SHARE = 0.45  # of the minutes, at most
HEADING = f"{'encoder':<40} {'size':>6} {'device':>13} {'GFLOP':>8} {'ms':>8} {'runs':>4} {'weights':>8} {'working':>8}"


def register(parser: argparse.ArgumentParser) -> None:
    """`models`, `serve` and `words`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="WHAT")
    models = actions.add_parser("models", help="encoders at their published shapes, and readings after a while")
    models.add_argument("--minutes", type=float, default=10.0, help="be done by then; the rest is skipped (10)")
    models.add_argument("--threads", type=int, default=1, help="CPU threads of the encoders (1)")
    models.add_argument("--only", action="append", metavar="NAME", help="this encoder alone; may be repeated")
    models.add_argument("--no-readings", action="store_true", help="encoders alone")
    models.add_argument("--no-encoders", action="store_true", help="readings alone")
    words = actions.add_parser("words", help="recognizers: how long after it was said a word is settled, and the cost")
    words.add_argument("file", type=Path, metavar="FILE", help="a recording; it is played as it would be heard")
    words.add_argument("--asr", action="append", metavar="NAME[:MODEL]", help="this one; may be repeated (all here)")
    words.add_argument("--seconds", type=float, default=30.0, help="of the recording (30)")
    from ..bench.serve import register as register_serve

    register_serve(
        actions.add_parser("serve", help="live streams, latency, memory and the engine's share of the model")
    )


def run(args: argparse.Namespace) -> int:
    """Prints a row as soon as it is known."""
    if args.action == "words":
        return _words(args)
    if args.action == "serve":
        from ..bench.serve import run as run_serve

        return run_serve(args)
    import torch

    from emoscope.models.bench import MODELS, bench_encoders, bench_readings
    from emoscope.models.encoders.published import PUBLISHED, published

    began = time.monotonic()
    until = began + 60 * args.minutes
    if not args.no_readings:
        print("A reading after a while, in processor time, beside running the model again on all that was heard.")
        print(f"{'model':<10} {'heard':>6} {'ours':>16} {'again':>20} {'cheaper':>8}")
        for cost in bench_readings(HEARD_S, MODELS, began + 60 * args.minutes * READINGS_SHARE):
            print(reading_row(cost), flush=True)
        print("GFLOP without the attention's own products.\n")
    if not args.no_encoders:
        names = [published(name).id for name in args.only or PUBLISHED]
        print("Encoders at their published shapes, random weights, per second of audio: a window of 2 s, Whisper's")
        print("padded to 30 s as it was trained; of text 32 tokens, taken as 10 s of speech.")
        print(f"{args.threads} CPU thread{'s' * (args.threads != 1)}; ms are processor time on a CPU.")
        print(HEADING)
        # The GPU first: it is quick, and must not starve behind a slow CPU.
        for device in [*(["cuda"] if torch.cuda.is_available() else []), "cpu"]:
            for row in bench_encoders(names, device, args.threads, until):
                print(encoder_row(row), flush=True)
    print(f"done in {(time.monotonic() - began) / 60:.1f} minutes")
    return 0


def _words(args: argparse.Namespace) -> int:
    from ..asr import choose
    from ..bench.words import HEADING, bench_words

    names = args.asr or ["auto", "pocketsphinx"]
    choices = [choice for choice in (choose(name) for name in names) if choice is not None]
    print("From a word's end to the event that settles it; finals that came without the words of the whole utterance;")
    print("time in the recognizer for a second of speech, interim passes included; peak memory of its process.")
    print(HEADING)
    for choice in choices:
        print(bench_words(choice, args.file, seconds=args.seconds).row(), flush=True)
    return 0


def encoder_row(cost: "EncoderCost") -> str:
    """One line of the encoders' table."""
    device = f"{cost.device} {cost.dtype.replace('bfloat', 'bf').replace('float', 'fp')}".strip()
    head = f"{cost.name:<40} {cost.parameters / 1e6:>5.0f}M {device:>13} {cost.gflop:>8.2f}"
    if cost.skipped:
        return f"{head}  skipped: {cost.skipped}"
    working = "-" if cost.working_mb is None else f"{cost.working_mb:.0f} MB"
    return f"{head} {cost.ms:>8.1f} {cost.runs:>4} {cost.weights_mb:>5.0f} MB {working:>8}"


def reading_row(cost: "ReadingCost") -> str:
    """One line of the readings' table."""
    ours = f"{cost.ours_ms:.0f} ms {cost.ours_gflop:.1f} GF"
    head = f"{cost.model:<10} {cost.heard:>4.0f} s {ours:>16}"
    if cost.times_cheaper is None:
        return f"{head}  skipped: {cost.skipped}"
    again = f"{cost.again_ms:.0f} ms {cost.again_gflop:.1f} GF"
    return f"{head} {again:>20} {cost.times_cheaper:>7.1f}x"


command = ArgparseCommand("bench", "what models and recognizers cost on this machine", register, run)
