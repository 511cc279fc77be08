"""What models say of each clip through the live path, kept on disk: every picture of it is made from one run."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from emoscope.streamer import Config

from ..corpora import Clip
from ..evaluation.calibration_inputs import Model, ModelPredictions
from ..evaluation.conditions import CLEAN
from ..evaluation.pool import Job, RunJobs, Settings, workers
from ..evaluation.predictions import ClipPredictions, UtterancePredictions
from ..evaluation.selection import Part
from ..evaluation.sessions import SessionConfig, plan_sessions
from .cache import ClipCache, cache_path, each_kept

ONE_EACH = SessionConfig()


def readings_of(
    parts: Sequence[Part],
    config: Config,
    work: Path,
    device: str = "auto",
    threads: int | None = None,
    on_clip: Callable[[], None] = lambda: None,
) -> list[ModelPredictions]:
    """The predictions of each model for its clips, each clip a session of its own, sorted by name.

    Raises what `evaluate` raises; Interrupted after Ctrl+C, when everything that was heard is kept.
    """
    found = []
    for part in parts:
        card = part.card
        cache: ClipCache[tuple[UtterancePredictions, ...]] = ClipCache(
            cache_path(work, "readings", card, part.model, config.vad), tuple[UtterancePredictions, ...]
        )
        clips = sorted(part.clips, key=lambda clip: clip.name)
        with workers(Settings("stream", config, (), "none", device, threads), 1) as run:
            kept = list(each_kept(cache, clips, partial(_heard, run, part.model), on_clip))
        model = Model(tuple(card.labels), tuple(card.dimensions), card.calibrated())
        found.append(ModelPredictions(model, tuple(ClipPredictions(clip, utterances) for clip, utterances in kept)))
    return found


def _heard(run: RunJobs, model: Path, clip: Clip) -> tuple[UtterancePredictions, ...]:
    (planned,) = plan_sessions([clip], ONE_EACH)
    ((predictions,),) = run([Job(model, planned, CLEAN)])
    return predictions.utterances
