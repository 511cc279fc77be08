"""`emoscope evaluate --words`: the words of a recognizer in the live path, against what was said."""

import sys
from typing import TYPE_CHECKING

from emoscope.models.errors import UsageError

if TYPE_CHECKING:
    from ..corpora import Clip
    from .evaluate import Evaluate

REFUSED = ("protocol", "whole", "order", "conditions", "out", "svg", "folds", "fold_models", "allow_trained")

PATIENCE_S = 3_600.0  # for one pass: on a busy machine nothing that was heard is given up


def evaluate_spoken_words(options: "Evaluate") -> int:
    """Transcribe the corpora and print what became of their words. UsageError without a recognizer."""
    import msgspec
    from rich.console import Console

    from emoscope.streamer import Config
    from emoscope.streamer.asr import Recognizer, choose

    from ..evaluation import selection, word_tables
    from ..evaluation.sessions import SessionConfig
    from ..evaluation.words import evaluate_words
    from ..progress import stage

    given = [f"--{name.replace('_', '-')}" for name in REFUSED if getattr(options, name)]
    given += [f"--baseline {options.baseline}"] if options.baseline != "off" else []
    if given:
        raise UsageError(f"--words counts words, not emotions: {', '.join(given)} does not apply to it")
    choice = choose(options.asr)
    if choice is None:
        raise UsageError("--words needs a recognizer: --asr faster-whisper:FOLDER")
    corpora = [_clips(options, corpus) for corpus in options.corpus.split(",")]
    config = Config(pace="fast", attention=False, language=options.language)
    config = msgspec.structs.replace(config, vad=options.detector.config())
    opened, reports = options.model.open(), []
    with Recognizer(choice, timeout_s=PATIENCE_S) as recognizer:
        for clips in corpora:
            [part] = selection.one_model(options.model.name, clips, allow_trained=True)
            with stage(clips[0].corpus, len(clips)) as shown:
                report = evaluate_words(
                    clips,
                    opened,
                    recognizer,
                    config,
                    str(choice),
                    SessionConfig(session=options.session),
                    part.trained,
                    shown.advance,
                )
            reports.append(report)
            if options.json:
                sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
                sys.stdout.flush()
    if not options.json:
        word_tables.show(reports, Console(width=None if sys.stdout.isatty() else 120, highlight=False))
    return 0


def _clips(options: "Evaluate", corpus: str) -> "list[Clip]":
    """At most `--limit` clips of a corpus, those of which it is known what is said where there are some."""
    from ..evaluation import selection

    every = selection.find_clips(corpus.strip(), options.data)
    chosen = selection.of_speakers(every, options.speaker_names) if options.speaker_names else every
    return readable(spread([clip for clip in chosen if clip.text] or chosen, options.limit))


def readable(clips: "list[Clip]") -> "list[Clip]":
    """The clips that can be read whole. ClipUnusable, as the first of them says, where none can."""
    from ..corpora.audio import read_clip
    from ..errors import ClipUnusable
    from ..evaluation.conditions import RATE

    found, failures = [], []
    for clip in clips:
        try:
            read_clip(clip.path, RATE)
        except ClipUnusable as error:
            failures.append(error)
        else:
            found.append(clip)
    if not found:
        raise failures[0]
    return found


def spread(items: "list[Clip]", most: int | None) -> "list[Clip]":
    """At most `most` of them, evenly spread over their order."""
    if most is None or most >= len(items):
        return items
    return [items[round(i * len(items) / most)] for i in range(most)]
