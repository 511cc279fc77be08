"""`emoscope evaluate --corpus read|sounds`: what a model claims where no emotion is played."""

import sys
from typing import TYPE_CHECKING

from emoscope.models.errors import UsageError

if TYPE_CHECKING:
    from .evaluate import Evaluate


def evaluate_unacted(options: "Evaluate") -> int:
    """Read speech and sounds: what the model claims where no emotion is played."""
    from msgspec.structs import replace
    from rich.console import Console

    from emoscope.streamer import Config

    from ..evaluation import claim_tables, selection
    from ..evaluation.claims import evaluate_claims
    from ..evaluation.evaluate import Plan
    from ..evaluation.protocols import protocol_of
    from ..progress import stage

    refused = ("protocol", "whole", "order", "conditions", "out", "svg")
    given = [f"--{name}" for name in refused if getattr(options, name)]
    given += ["--baseline enrolled"] if options.baseline == "enrolled" else []
    if given or options.session != "recording":
        raise UsageError(
            f"--corpus {options.corpus} has no played emotion: {', '.join(given) or '--session'} does not apply to it"
        )
    every = selection.find_clips(options.corpus, options.data)
    chosen = selection.of_speakers(every, options.speaker_names) if options.speaker_names else every
    clips = selection.readable(chosen)
    folders = selection.fold_folders(options.folds, options.fold_models)
    parts = (
        selection.fold_models(folders, clips, options.allow_trained)
        if folders
        else selection.one_model(options.model.name, clips, options.allow_trained)
    )
    config = Config(pace="fast", attention=False, interim=False, vad=options.detector.config())
    plan = Plan(
        corpus=options.corpus,
        parts=parts,
        protocol=protocol_of(None, options.corpus),
        config=replace(config, baseline=options.baseline),
        jobs=options.jobs,
        asr=options.asr,
        device=options.model.device,
        threads=options.model.threads,
    )
    with stage(options.corpus, len(clips)) as shown:
        report = evaluate_claims(plan, len(chosen) - len(clips), shown.advance)
    if options.json:
        sys.stdout.write(claim_tables.one_line(report) + "\n")
    else:
        claim_tables.show(report, Console(width=None if sys.stdout.isatty() else 120, highlight=False))
    return 0
