"""`emoscope serve`: many live streams over websockets."""

import argparse
import os
from contextlib import ExitStack
from pathlib import Path

from ..protocol.errors import UsageError
from ..runtime.leaving import Leaving
from .command import ArgparseCommand
from .recognizer_options import add_asr, asr, checked_threads

MOST_WORKERS = 64


def register(parser: argparse.ArgumentParser) -> None:
    """Where to listen, who may come, what answers."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; others than loopback need a token")
    parser.add_argument("--port", type=int, default=8765, help="port (8765; 0 takes a free one)")
    parser.add_argument(
        "--token", help="what clients must show; EMOSCOPE_TOKEN serves too, and shows in no process list"
    )
    parser.add_argument(
        "--origin", action="append", default=[], metavar="URL", help="a page that may connect; may be repeated"
    )
    parser.add_argument("--cert", type=Path, help="TLS certificate chain, PEM")
    parser.add_argument("--key", type=Path, help="its private key, PEM")
    parser.add_argument("--insecure", action="store_true", help="other addresses than loopback without a token")
    parser.add_argument(
        "--store", default="memory", help="where dropped sessions wait: memory, or redis://HOST:PORT/DB"
    )
    parser.add_argument("--model", default="small", help="a shipped model's name, or a folder (small)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, or auto (auto)")
    add_asr(parser)
    parser.add_argument("--asr-workers", type=int, default=1, metavar="N", help="recognizers side by side (1)")
    parser.add_argument("--threads", type=int, help="CPU threads of the model (what suits it)")
    parser.add_argument("--batch", type=int, help="windows in one forward pass (16; 256 on a GPU)")
    parser.add_argument("--max-sessions", type=int, default=1_000, help="open sockets; more are answered 503 (1000)")
    parser.add_argument("--drain", type=float, default=10.0, metavar="SECONDS", help="after SIGTERM, gone by then (10)")


def run(args: argparse.Namespace) -> int:
    """Serves until SIGTERM or Ctrl+C; gone by `--drain` then, and at once while it is still loading."""
    if os.name == "nt":
        raise UsageError("`emoscope serve` runs on Linux and macOS; on Windows use WSL, or demo/deploy's container")
    with Leaving(args.drain, _late) as leaving:
        return _serve(args, leaving)


def _late(message: str) -> None:
    from ..server.logs import Log

    Log().late(message)


def _serve(args: argparse.Namespace, leaving: Leaving) -> int:
    import asyncio
    from dataclasses import replace

    from ..engine import EngineProcess, Wanted
    from ..server.options import ServerOptions

    threads = checked_threads(args.threads)
    if not 1 <= args.asr_workers <= MOST_WORKERS:
        raise UsageError(f"--asr-workers {args.asr_workers}: must be from 1 to {MOST_WORKERS}")
    start, no_words = asr(args)
    options = ServerOptions(
        host=args.host,
        port=args.port,
        token=args.token or os.environ.get("EMOSCOPE_TOKEN"),
        origins=tuple(origin.rstrip("/").lower() for origin in args.origin),
        cert=args.cert,
        key=args.key,
        insecure=args.insecure,
        store=args.store,
        max_sessions=args.max_sessions,
        drain_s=args.drain,
        language=args.language,
    )
    from ..server.logs import Log, to_stderr

    to_stderr()
    if no_words:
        Log().info("words are off", message=no_words)
    # Refused before the model is loaded, which takes seconds, and meanwhile the rest is.
    with ExitStack() as stack:
        words = start is not None
        wanted = Wanted(model=args.model, device=args.device, threads=threads, batch=args.batch, words=words)
        engine = stack.enter_context(EngineProcess(wanted))
        # Loaded side by side with the model; whoever comes before they are ready waits for words no longer than ever.
        recognizers = [stack.enter_context(start()) for _ in range(args.asr_workers)] if start else []
        from ..server.app import run as serve

        ready = engine.check()
        engine.changed = Log().engine
        options = replace(options, batch=ready.batch)
        served = serve(ready.contract, engine, options, recognizers, leaving=leaving, trouble=lambda: engine.trouble)
        asyncio.run(served)
    return 0


command = ArgparseCommand("serve", "read many live streams over websockets", register, run)
