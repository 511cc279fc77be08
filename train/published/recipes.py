"""The papers' recipes, as settings, and the models that they begin with.

attentive   Leygue et al. (2025), sections 2.3 and 3: focal loss, three phases, 8:1, a balanced development set
segmental   Porjazovski et al. (2024), sections 2 and 4
emospeech   Casals-Salvador et al. (2024), sections 3 and 4: weighted cross entropy, crops, augmentation, plateau
camulenet   Goel et al. (2024), section 4: two tasks, folds that leave speakers out
attributes  Lertpetchpun et al. (2025), sections 2 and 3: CCC, gender, undersampling, O and X

Where a paper is silent the choice is ours, and a comment says so. Neither the first two nor `camulenet` name the
selected epoch; here it is the best on the development clips.
"""

from dataclasses import replace
from typing import Any, cast

import torch

from emoscope.models.errors import EmoscopeError, UsageError
from emoscope.models.pooling import POOLINGS
from emoscope.models.systems import (
    ATTRIBUTES_ROWS,
    CAMULENET_ROWS,
    EMOSPEECH_ROWS,
    SEGMENTAL_CORPORA,
    SEGMENTAL_ROWS,
    SYSTEMS,
    build,
)

from ..corpora import LABELS
from ..corpora.library import LIBRARY
from ..fit import Plateau
from .fitting import Recipe
from .phases import ATTENTIVE, ATTRIBUTES, CAMULENET, EMOSPEECH, SEGMENTAL
from .scoring import Model

RECIPES = {
    # Batch, most epochs, patience and warm-up are our choice.
    "attentive": Recipe(
        system="attentive", row="MQMHA-2x2", stages=ATTENTIVE, epochs=20, batch=16, patience=3, warm_up=0.1, ratio=8.0,
        balanced=True,
    ),
    "segmental": Recipe(
        system="segmental", row="seg+tri(W)", stages=SEGMENTAL, epochs=30, batch=12, patience=None, warm_up=None
    ),
    # Most epochs and patience are our choice.
    "emospeech": Recipe(
        system="emospeech", row="top 1", stages=EMOSPEECH, epochs=50, batch=16, patience=15, warm_up=None,
        plateau=Plateau(factor=0.9, patience=5), augment=0.3, crop_s=5.5, corpus="emospeech",
    ),
    # Patience is our choice; the baselines of the paper have at most 20 epochs.
    "camulenet": Recipe(
        system="camulenet", row="CAMuLeNet", stages=CAMULENET, epochs=20, batch=64, patience=5, warm_up=None
    ),
    "attributes": Recipe(
        system="attributes", row="WavLM, gender", stages=ATTRIBUTES, epochs=50, batch=32, patience=None, warm_up=None,
        ratio=1.0, longest_s=15.0, corpus="msp-podcast", others="both",
    ),
}  # fmt: skip

ROWS: dict[str, dict[str, dict[str, Any]]] = {
    "attentive": {name: {"pooling": name} for name in POOLINGS},
    "segmental": SEGMENTAL_ROWS,
    "emospeech": EMOSPEECH_ROWS,
    "camulenet": CAMULENET_ROWS,
    "attributes": ATTRIBUTES_ROWS,
}
HEARS_ONLY = ("ravdess", "emodb", "cafe", "crema-d", "nemo")
"""Acted corpora whose few sentences occur in every emotion: their words say nothing, so the voice is heard alone."""
READS = ("attentive", "emospeech", "attributes")


def configured(recipe: Recipe) -> dict[str, Any]:
    """Changes to the published config: of the row, of the corpus, and those that the user gave, the last the strongest.

    UsageError for a row that the paper's table does not have.
    """
    rows = ROWS[recipe.system]
    if recipe.row not in rows:
        raise UsageError(f"{recipe.system} has no row {recipe.row!r}; it has {', '.join(rows)}")
    changes: dict[str, Any] = {}
    if recipe.system == "segmental":
        changes = dict(SEGMENTAL_CORPORA.get(recipe.corpus, {"alpha": None}))
        if recipe.corpus not in SEGMENTAL_CORPORA:
            changes["labels"] = _classes(recipe.corpus)
    elif recipe.system == "camulenet" and recipe.corpus != "ravdess":
        changes["labels"] = _classes(recipe.corpus)
    elif recipe.system in READS and recipe.corpus in HEARS_ONLY:
        changes["modalities"] = "audio"
    row = dict(rows[recipe.row])
    if recipe.system == "segmental" and recipe.corpus != "ravdess":
        row.pop("alpha", None)  # the weighted sum is RAVDESS's alone: section 4
    return {**changes, **row, **recipe.changes}


def _classes(corpus: str) -> tuple[str, ...]:
    return tuple(label for label in LIBRARY[corpus].labels if label in LABELS)


def new_model(recipe: Recipe) -> Model:
    """The system of the row with fresh weights, the same for the same seed. UsageError for choices that do not fit."""
    changes = configured(recipe)
    if recipe.size == "tiny":
        # The tiny encoders of one width stand for the row's.
        changes = {key: value for key, value in changes.items() if key not in ("speech", "text")}
    torch.manual_seed(recipe.seed)
    try:
        return cast(Model, build(recipe.system, recipe.size, **changes))
    except (TypeError, ValueError) as error:
        raise UsageError(f"{recipe.system}: {error}") from None
    except EmoscopeError as error:
        raise UsageError(f"{recipe.system}: {error}") from None


def dry(recipe: Recipe) -> Recipe:
    """The same recipe at a tiny size: an epoch of each phase, with small batches."""
    return replace(recipe, size="tiny", epochs=1, batch=min(recipe.batch, 8), patience=None)


def encoders_of(model: Model, speech: str | None) -> dict[str, str]:
    """Hub names of the model's encoders by field; `speech` in place of the row's own."""
    found = {}
    for field in ("speech", "text"):
        encoder = getattr(model, field, None)
        if encoder is not None:
            found[field] = encoder.config.checkpoint or SYSTEMS[model.architecture].encoders[field]
    return {**found, **({"speech": speech} if speech else {})}
