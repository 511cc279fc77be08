"""`key=value` words on the command line: a recipe's own settings, and the choices of the system that it trains."""

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from emoscope.models.errors import UsageError
from emoscope.models.pooling import POOLINGS
from emoscope.models.systems import SYSTEMS

from ..corpora.tables import nearest
from .fitting import Recipe

OWN = (
    "row", "fold", "epochs", "batch", "patience", "warm_up", "precision", "accumulate", "seed", "augment", "crop_s",
    "longest_s", "ratio", "others",
)  # fmt: skip
OF_STAGES = ("rate", "decay")
FAMILIES = {"as": "AS", "sa": "SA", "mha": "MHA"}


def overridden(recipe: Recipe, words: Sequence[str]) -> Recipe:
    """The recipe with `key=value` words applied. UsageError names the nearest key, or what a value must be.

    `rate` and `decay` are those of the last stage; the rates of the others keep their ratio to it. `pooling=mqmha`
    takes `q` and `h` beside it, as in the paper's table.
    """
    given = dict(_pair(word) for word in words)
    choices = [one.name for one in fields(SYSTEMS[recipe.system].config)]
    shorthand = ["q", "h"] if "pooling" in choices else []
    known = [*OWN, *OF_STAGES, *choices, *shorthand, "labels", "window", "hop"]
    for key in given:
        if key not in known:
            raise UsageError(f"{recipe.system} has no setting {key!r}{nearest(key, known)}")
    if "pooling" in given or "q" in given or "h" in given:
        given["pooling"] = _pooling(str(given.get("pooling", "mqmha")), given.pop("q", 2), given.pop("h", 2))
    own = {key: value for key, value in given.items() if key in OWN}
    for key, value in own.items():
        _check(recipe, key, value)
    changes = {key: value for key, value in given.items() if key not in (*OWN, *OF_STAGES)}
    stages = recipe.stages
    if "rate" in given:
        ratio = float(given["rate"]) / stages[-1].rate
        stages = tuple(replace(one, rate=one.rate * ratio) for one in stages)
    if "decay" in given:
        stages = tuple(replace(one, decay=float(given["decay"])) for one in stages)
    return replace(recipe, **own, stages=stages, changes={**recipe.changes, **changes})


def _pair(word: str) -> tuple[str, Any]:
    key, equals, text = word.partition("=")
    if not equals or not key:
        raise UsageError(f"{word!r}: a setting is written key=value")
    try:
        return key.replace("-", "_"), json.loads(text)
    except ValueError:
        return key.replace("-", "_"), {"none": None, "true": True, "false": False}.get(text.lower(), text)


def _pooling(name: str, queries: object, heads: object) -> str:
    """The name in POOLINGS of what the paper's table calls it."""
    whole = f"MQMHA-{queries}x{heads}" if name.lower() == "mqmha" else FAMILIES.get(name.lower(), name)
    match = next((one for one in POOLINGS if one.lower() == whole.lower()), None)
    if match is None:
        raise UsageError(f"no pooling {whole!r}{nearest(whole, list(POOLINGS))}")
    return match


def _check(recipe: Recipe, key: str, value: Any) -> None:
    """UsageError for a value of another kind than the one that the recipe has there."""
    before = getattr(recipe, key)
    numbers = key not in ("row", "precision", "others")
    optional = key in ("patience", "warm_up", "crop_s", "longest_s", "ratio")
    if value is None and optional:
        return
    if numbers and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
        raise UsageError(f"{key}={value}: a number{' or none' if optional else ''}, such as {before}")
    if key in ("epochs", "batch", "accumulate") and (not isinstance(value, int) or value < 1):
        raise UsageError(f"{key}={value}: a whole number from 1")
    if key == "precision" and value not in ("fp32", "bf16"):
        raise UsageError(f"precision={value}: fp32 or bf16")
    if key == "others" and value not in ("none", "train", "both"):
        raise UsageError(f"others={value}: none, train or both (those of the development set too)")
