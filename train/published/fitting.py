"""The training of a published system: its stages one after the other, each from the best weights so far."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from emoscope.models.systems import AttentiveModel, SegmentalModel
from emoscope.models.systems.build import Size

from ..corpora import Clip
from ..corpora.audio import read_clip
from ..errors import CheckpointInvalid, Interrupted, LossNotFinite
from ..evaluation.protocols import Protocol, judge
from ..evaluation.scores import Probabilities, Truth, answers, macro_f1, uar
from ..fit.checkpoint import load_checkpoint, read_state, save_checkpoint
from ..progress import stage
from ..stop import StopRequest
from .losses import focal_loss, inverse_frequency, pick_triplets, segmental_loss
from .phases import EarlyStopping, Stage, enter, warm_up_then_cosine

Model = AttentiveModel | SegmentalModel

MERGED = {"calm": "neutral"}  # Porjazovski et al. (2024), section 2; `attentive` has no calm either


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the weights, besides the pretrained ones.

    row       of the paper's table: a pooling of `attentive`, a name in SEGMENTAL_ROWS of `segmental`
    epochs    the most that each stage lasts; patience: epochs without a better score that end one, None for never
    warm_up   share of a stage's steps, then the rate falls as a cosine; None for a constant rate
    """

    system: str
    row: str
    stages: tuple[Stage, ...]
    epochs: int
    batch: int
    patience: int | None
    warm_up: float | None
    size: Size = "published"
    seed: int = 1
    development: tuple[str, ...] = ("21", "22")
    test: tuple[str, ...] = ("23", "24")


class Best:
    """The weights of the best epoch so far, and how often there was a better one."""

    def __init__(self, model: nn.Module) -> None:
        self.steps = 0
        self.values: dict[str, Tensor] = {}
        self.keep(model)

    def keep(self, model: nn.Module) -> None:
        self.values = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.steps += 1


def fit(
    model: Model, taught: Sequence[Clip], choosing: Sequence[Clip], recipe: Recipe, checkpoint: Path, resume: bool
) -> dict[str, Any]:
    """Train `model` in place and leave the weights in it that are best on `choosing`; what a card tells of it.

    A checkpoint is written after every epoch and when the user stops; with `resume` an existing one is continued.
    Raises Interrupted, LossNotFinite, CheckpointInvalid.
    """
    best, weights = Best(model), alpha(model, taught)
    optimizer = enter(model, recipe.stages[0])
    begun = {"stage": 0, "epoch": 0, "step": 0, "sum": 0.0, "seconds": 0.0, "losses": [], "scores": [[]]}
    state: dict[str, Any] = {**begun, "config": fingerprint(recipe)}
    if resume and checkpoint.is_file():
        state = read_state(checkpoint)
        if state["config"] != fingerprint(recipe):
            raise CheckpointInvalid(f"{checkpoint} was begun with other settings; repeat them, or leave out --resume")
        optimizer = enter(model, recipe.stages[min(state["stage"], len(recipe.stages) - 1)])
        state = load_checkpoint(checkpoint, model, optimizer, best)
    steps = math.ceil(len(taught) / recipe.batch)
    per_stage = recipe.epochs * steps
    with stage(recipe.system, len(recipe.stages) * per_stage) as shown, StopRequest() as stop:
        while state["stage"] < len(recipe.stages):
            now = recipe.stages[state["stage"]]
            batches = draw_epoch(taught, recipe, state)
            model.train()
            while state["step"] < steps:
                began = monotonic()
                rate = now.rate * factor(recipe, per_stage, state["epoch"] * steps + state["step"])
                loss = step(model, optimizer, rate, batches[state["step"]], weights, recipe, state)
                state["step"] += 1
                state["sum"] += loss
                state["seconds"] += monotonic() - began
                note = f"{now.phase}, epoch {state['epoch'] + 1}, loss {state['sum'] / state['step']:.3f}"
                shown.advance(state["stage"] * per_stage + state["epoch"] * steps + state["step"] - shown.done, note)
                if stop.wanted:
                    save_checkpoint(checkpoint, model, optimizer, best, state)
                    raise Interrupted(f"stopped in epoch {state['epoch'] + 1} of phase {now.phase!r}; saved")
            score = chosen_by(model, choosing, recipe.batch)
            if score > max((old for scores in state["scores"] for old in scores), default=-1.0):
                best.keep(model)
            state["losses"].append(state["sum"] / steps)
            state["scores"][-1].append(score)
            state.update(epoch=state["epoch"] + 1, step=0, sum=0.0)
            if state["epoch"] == recipe.epochs or stale(state["scores"][-1], recipe.patience):
                model.load_state_dict(best.values)
                state.update(stage=state["stage"] + 1, epoch=0)
                if state["stage"] < len(recipe.stages):
                    state["scores"].append([])
                    optimizer = enter(model, recipe.stages[state["stage"]])
            save_checkpoint(checkpoint, model, optimizer, best, state)
    model.load_state_dict(best.values)
    model.eval()
    return {
        "epochs_of_stages": [len(scores) for scores in state["scores"]],
        "development": [[round(score, 4) for score in scores] for scores in state["scores"]],
        "last_loss": round(state["losses"][-1], 4),
        "minutes": round(state["seconds"] / 60, 1),
        "torch": str(torch.__version__),
    }


def step(
    model: Model,
    optimizer: torch.optim.Adam,
    rate: float,
    clips: Sequence[Clip],
    weights: Tensor,
    recipe: Recipe,
    state: Mapping[str, Any],
) -> float:
    """One step on a batch; its loss. LossNotFinite comes before the weights are touched."""
    # Each step has its own seed, so that one repeated after a restart drops the same units.
    at = [recipe.seed, state["stage"], state["epoch"], state["step"]]
    seed = int(np.random.SeedSequence(at).generate_state(1)[0])
    torch.manual_seed(seed)
    audio, lengths = gather(clips, model)
    targets = torch.tensor([target(model, clip) for clip in clips], device=audio.device)
    if isinstance(model, AttentiveModel):
        loss = focal_loss(model(audio, lengths=lengths), targets, weights.to(audio.device))
    else:
        triplets = pick_triplets(targets.tolist(), lengths.tolist(), seed)
        loss = segmental_loss(model.judge(audio, lengths), targets, triplets, model.config)
    value = loss.item()
    if not math.isfinite(value):
        raise LossNotFinite(
            f"the loss became {value} in phase {recipe.stages[at[1]].phase!r}, epoch {at[2] + 1}, step {at[3] + 1}; "
            "the last whole epoch is saved: lower the rate, or look at the clips of that step"
        )
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return value


def draw_epoch(clips: Sequence[Clip], recipe: Recipe, state: Mapping[str, Any]) -> list[list[Clip]]:
    """The batches of an epoch: every clip once, in an order that seed, stage and epoch decide."""
    order = np.random.default_rng([recipe.seed, state["stage"], state["epoch"]]).permutation(len(clips))
    return [[clips[i] for i in order[at : at + recipe.batch]] for at in range(0, len(clips), recipe.batch)]


def factor(recipe: Recipe, steps: int, at: int) -> float:
    """Share of a stage's learning rate at step `at` of its `steps`."""
    if recipe.warm_up is None:
        return 1.0
    return warm_up_then_cosine(steps, max(1, round(recipe.warm_up * steps)))(at)


def stale(scores: Sequence[float], patience: int | None) -> bool:
    """Whether a stage with these scores is over before its last epoch."""
    if patience is None:
        return False
    stopping = EarlyStopping(patience)
    return [stopping.over(score) for score in scores][-1]


def alpha(model: Model, clips: Sequence[Clip]) -> Tensor:
    """Weights (L,) of the focal loss: inverse frequencies of the labels."""
    labels = [target(model, clip) for clip in clips]
    return inverse_frequency(np.bincount(labels, minlength=len(model.contract.labels)).tolist())


def chosen_by(model: Model, clips: Sequence[Clip], batch: int) -> float:
    """The score that epochs are compared by: the paper's own, macro F1 for `attentive`, UAR for `segmental`."""
    said, truth = judged(model, clips, whole_utterances(model, clips, batch))
    return (macro_f1 if isinstance(model, AttentiveModel) else uar)(said, truth)


def fingerprint(recipe: Recipe) -> dict[str, Any]:
    """Settings as JSON would give them back."""
    told: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return told


def target(model: Model, clip: Clip) -> int:
    """The place of a clip's label among the model's."""
    return model.contract.labels.index(MERGED.get(clip.label, clip.label))


def gather(clips: Sequence[Clip], model: Model) -> tuple[Tensor, Tensor]:
    """Samples (B, N) of whole clips, zeros behind each, and how many count (B,), on the model's device."""
    sounds = [torch.from_numpy(read_clip(clip.path, model.contract.sample_rate)) for clip in clips]
    device = next(model.parameters()).device
    lengths = torch.tensor([len(sound) for sound in sounds], device=device)
    return nn.utils.rnn.pad_sequence(sounds, batch_first=True).to(device), lengths


def whole_utterances(model: Model, clips: Sequence[Clip], batch: int) -> Probabilities:
    """(N, L) as the papers score: each clip heard at once."""
    model.eval()
    rows = []
    for begin in range(0, len(clips), batch):
        audio, lengths = gather(clips[begin : begin + batch], model)
        with torch.inference_mode():
            rows.append(torch.softmax(model(audio, lengths=lengths).double(), -1).cpu())
    return np.asarray(torch.cat(rows).numpy())


def judged(model: Model, clips: Sequence[Clip], scores: Probabilities) -> tuple[Truth, Truth]:
    """What was answered and what is true (N,), over all labels of the model."""
    protocol = Protocol("", model.contract.labels, MERGED)
    counted, truth = judge(model.contract.labels, scores, [clip.label for clip in clips], protocol)
    return answers(counted), truth
