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
    """The branch with the most likely temperature and biases on held-out sentences, and the best thresholds.

    The biases also undo the class balancing of the training, so that probabilities follow the corpus.
    Vector scaling with one temperature: Guo et al. (2017), section 4.2.
    """
    logs = torch.from_numpy(np.log(probabilities(branch, held_out.words).clip(1e-12)))
    target = torch.from_numpy(held_out.truth / held_out.truth.sum(1, keepdims=True)).double()
    fitted = torch.zeros(1 + len(CLASSES), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([fitted], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        predicted = torch.log_softmax(logs * fitted[0].exp() + fitted[1:], -1)
        # The second term keeps the parameters finite when there are few sentences or no errors.
        off: Tensor = -(target * predicted).sum(1).mean() + 1e-3 * fitted.square().sum()
        off.backward()  # type: ignore[no-untyped-call]
        return off

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    found = fitted.detach().numpy()
    card = msgspec.structs.replace(
        branch.card,
        temperature=round(float(np.exp(-found[0])), 4),
        bias=[round(float(value), 4) for value in found[1:] - found[1:].mean()],
    )
    branch = TextBranch(card, branch.tokenizer.vocabulary, branch.weights)
    predicted, truth = probabilities(branch, held_out.words), held_out.truth > 0
    card = msgspec.structs.replace(
        card, thresholds=best_thresholds(predicted, truth), lean=best_lean(branch, predicted, truth)
    )
    say(f"temperature {card.temperature}, biases {card.bias}, thresholds {card.thresholds}, lean {card.lean}")
    say(f"held out: macro-F1 {f1_scores(several_classes(predicted, card.thresholds), truth).mean():.3f}")
    return TextBranch(card, branch.tokenizer.vocabulary, branch.weights)


def best_thresholds(predicted: Probabilities, truth: Flags) -> list[float]:
    """The threshold of each class with the best F1, smoothed because a single peak may be chance."""
    best = []
    for place in range(predicted.shape[1]):
        found = np.array([f1_scores(predicted[:, [place]] > cut, truth[:, [place]])[0] for cut in CUTS])
        smooth = np.convolve(np.pad(found, 2, mode="edge"), np.ones(5) / 5, "valid")
        best.append(round(float(CUTS[smooth.argmax()]), 3))
    return best


def best_lean(branch: TextBranch, predicted: Probabilities, truth: Flags) -> float:
    """The lean towards rare classes with the best macro-F1 on sentences of one class."""
    one = truth.sum(1) == 1
    leans = np.linspace(0, 1, 11)
    found = [f1_scores(one_class(predicted[one], branch.class_prior, lean), truth[one]).mean() for lean in leans]
    return round(float(leans[int(np.argmax(found))]), 2)
