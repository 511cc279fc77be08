"""Temperature, biases, thresholds and lean of a trained text branch, found on held-out sentences."""

import msgspec
import numpy as np
import torch
from torch import Tensor

from emoscope.models.text import TextBranch

from ..progress import say
from .data import CLASSES, Labelled
from .evaluate import Flags, Probabilities, f1_scores, one_class, probabilities, several_classes

CUTS = np.linspace(0.02, 0.9, 89)


def calibrate(branch: TextBranch, held_out: Labelled) -> TextBranch:
    """The branch with the temperature and biases that make held-out sentences likeliest, and the best decisions.

    The biases also take back what the balance of the training moved, so that probabilities are those of the corpus.
    Vector scaling with one temperature: Guo et al. (2017), section 4.2.
    """
    logs = torch.from_numpy(np.log(probabilities(branch, held_out.words).clip(1e-12)))
    target = torch.from_numpy(held_out.truth / held_out.truth.sum(1, keepdims=True)).double()
    fitted = torch.zeros(1 + len(CLASSES), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([fitted], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        said = torch.log_softmax(logs * fitted[0].exp() + fitted[1:], -1)
        # The second term alone bounds what few or faultless sentences would drive to infinity.
        off: Tensor = -(target * said).sum(1).mean() + 1e-3 * fitted.square().sum()
        off.backward()  # type: ignore[no-untyped-call]
        return off

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    found = fitted.detach().numpy()
    card = msgspec.structs.replace(
        branch.card,
        temperature=round(float(np.exp(-found[0])), 4),
        bias=[round(float(value), 4) for value in found[1:] - found[1:].mean()],
    )
    branch = TextBranch(card, branch.tokenizer.vocabulary, branch.network)
    said, truth = probabilities(branch, held_out.words), held_out.truth > 0
    card = msgspec.structs.replace(card, thresholds=best_thresholds(said, truth), lean=best_lean(branch, said, truth))
    say(f"temperature {card.temperature}, biases {card.bias}, thresholds {card.thresholds}, lean {card.lean}")
    say(f"held out: macro-F1 {f1_scores(several_classes(said, card.thresholds), truth).mean():.3f}")
    return TextBranch(card, branch.tokenizer.vocabulary, branch.network)


def best_thresholds(said: Probabilities, truth: Flags) -> list[float]:
    """Of each class, the cut with the best F1. A single peak may be luck: of the running mean over five cuts."""
    best = []
    for place in range(said.shape[1]):
        found = np.array([f1_scores(said[:, [place]] > cut, truth[:, [place]])[0] for cut in CUTS])
        smooth = np.convolve(np.pad(found, 2, mode="edge"), np.ones(5) / 5, "valid")
        best.append(round(float(CUTS[smooth.argmax()]), 3))
    return best


def best_lean(branch: TextBranch, said: Probabilities, truth: Flags) -> float:
    """Which lean towards rare classes gives the best macro-F1 where sentences have one class."""
    one = truth.sum(1) == 1
    leans = np.linspace(0, 1, 11)
    found = [f1_scores(one_class(said[one], branch.class_prior, lean), truth[one]).mean() for lean in leans]
    return round(float(leans[int(np.argmax(found))]), 2)
