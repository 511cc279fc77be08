"""`emoscope evaluate --words`: the words of a recognizer in the live path, against what was said."""

import sys
from typing import TYPE_CHECKING

from emoscope.models.errors import UsageError

if TYPE_CHECKING:
    from ..corpora import Clip
    from ..evaluation.words import WordReport
    from .evaluate import Evaluate

REFUSED = ("protocol", "whole", "order", "conditions", "out", "svg", "folds", "fold_models", "allow_trained")


def evaluate_spoken_words(options: "Evaluate") -> int:
    """Transcribe the corpus and print the word errors. UsageError without a recognizer."""
    import msgspec

    from emoscope.streamer import Config
    from emoscope.streamer.asr import Recognizer, choose

    from ..evaluation import selection
    from ..evaluation.words import evaluate_words
    from ..progress import stage

    given = [f"--{name.replace('_', '-')}" for name in REFUSED if getattr(options, name)]
    given += [f"--baseline {options.baseline}"] if options.baseline != "off" else []
    given += [f"--session {options.session}"] if options.session != "recording" else []
    if given:
        raise UsageError(f"--words counts words, not emotions: {', '.join(given)} does not apply to it")
    choice = choose(options.asr)
    if choice is None:
        raise UsageError("--words needs a recognizer: --asr faster-whisper:FOLDER")
    every = selection.find_clips(options.corpus, options.data)
    chosen = selection.of_speakers(every, options.speaker_names) if options.speaker_names else every
    with_text = [clip for clip in chosen if clip.text] or chosen
    clips = selection.readable(spread(with_text, options.limit))
    config = Config(pace="fast", attention=False, interim=False, language=options.language)
    config = msgspec.structs.replace(config, vad=options.detector.config())
    with Recognizer(choice) as recognizer, stage(options.corpus, len(clips)) as shown:
        report = evaluate_words(clips, options.model.open(), recognizer, config, str(choice), shown.advance)
    sys.stdout.write((msgspec.json.encode(report).decode() if options.json else table(report)) + "\n")
    return 0


def spread(items: "list[Clip]", most: int | None) -> "list[Clip]":
    """At most `most` of them, evenly spread over their order."""
    if most is None or most >= len(items):
        return items
    return [items[round(i * len(items) / most)] for i in range(most)]


def table(report: "WordReport") -> str:
    """The report for people."""
    lines = [
        f"{report.corpus}, {report.recognizer}, --vad {report.vad}: {report.clips} clips, {report.utterances} "
        f"utterances, {report.minutes:.1f} min in them",
        f"languages: {', '.join(f'{name} {count}' for name, count in report.languages.items()) or 'none'}",
    ]
    if report.errors is None:
        lines.append(f"words recognized, where the corpus has no text: {report.recognized}")
    else:
        low, high = report.ci95 or (0.0, 0.0)
        lines.append(f"word error rate {report.errors:.3f} ({low:.3f} to {high:.3f}) of {report.words} words")
    lines += [f"  {name}\n    said {said}\n    got  {got or '-'}" for name, said, got in report.worst]
    return "\n".join(lines)
