"""`emoscope train text`: the text branch that ships, made again from GoEmotions.

Part of the training sentences is held out; on it temperature and thresholds are found. The development part is scored
once, at the end, and so is MELD's, which taught nothing.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from emoscope.models.card import Corpus, Score
from emoscope.models.text import TextBranch, save_text_branch
from emoscope.models.text.batch import gather
from emoscope.models.text.card import ARCHITECTURE, FORMAT, TextCard
from emoscope.models.text.network import TextConfig, TextNetwork
from emoscope.models.text.words import UNKNOWN, Text, Tokenizer, Vocabulary, most_frequent

from ..corpora import LABELS
from ..errors import LossNotFinite
from ..progress import say, stage
from ..text_data import CITATIONS, CLASSES, LICENCES, Labelled, read_goemotions, text_folder
from ..text_evaluate import (
    Flags,
    Probabilities,
    evaluate_text,
    f1_scores,
    one_class,
    probabilities,
    score,
    several_classes,
)
from .text_notes import NOTES

LABEL_OF = {
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fearful",
    "joy": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprise": "surprised",
}
# Words cannot tell a calm or a bored voice from a neutral one: the three keep fixed shares of what is neutral, so that
# words move them together and leave their odds to the voice.
SHARES = {"neutral": {"neutral": 0.8, "calm": 0.1, "bored": 0.1}}
CUTS = np.linspace(0.02, 0.9, 89)
GROUPED = 20  # batches whose sentences are sorted by length together


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the weights.

    unmarked      share of sentences that lose their ! and ?, as a recognizer may write none
    forgotten     share of words that lose their own vector and are known by their pieces alone
    dropped       share of words that are left out
    held_out      sentences that find temperature and thresholds
    least, most   occurrences that give a word a vector of its own, and how many words get one
    balance       how much a rare class's sentences count more: by its share to the power of minus this
    average       how slowly the average of the weights, which ships, follows them
    """

    epochs: int = 3
    batch: int = 192
    rate: float = 4e-3
    warm: float = 0.1
    weight_decay: float = 0.0
    unmarked: float = 0.5
    forgotten: float = 0.15
    dropped: float = 0.05
    held_out: int = 4000
    least: int = 3
    most: int = 20_000
    buckets: int = 16_000
    longest: int = 64
    balance: float = 1.0
    average: float = 0.99
    seed: int = 0
    shape: dict[str, Any] = field(default_factory=lambda: {"dropout": 0.4})


def train_text(data: Path, out: Path, recipe: Recipe, threads: int = 1) -> TextCard:
    """Train, calibrate, score, and write the branch to `out`; the card as written.

    data  holds goemotions and meld, or a folder `text` with both
    """
    torch.set_num_threads(threads)
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    folder = text_folder(data, "goemotions")
    text_folder(data, "meld")  # missing files are told now, not after the training
    everything = read_goemotions(folder, "train")
    order = np.random.default_rng(7).permutation(len(everything))
    held_out, train = everything.some(order[: recipe.held_out]), everything.some(order[recipe.held_out :])
    words = most_frequent(train.words, recipe.least, recipe.most)
    vocabulary = Vocabulary(words=["", *words], buckets=recipe.buckets)
    shape = TextConfig(words=len(vocabulary.words), buckets=recipe.buckets, classes=len(CLASSES), **recipe.shape)
    network = TextNetwork(shape)
    began = time.process_time()
    losses = fit(network, Tokenizer(vocabulary), train, recipe, rng)
    minutes = (time.process_time() - began) / 60
    # Half precision is what ships, so it is what is calibrated and scored.
    network.load_state_dict({name: value.half().float() for name, value in network.state_dict().items()})
    card = make_card(recipe, network, train, losses, minutes)
    branch = calibrate(TextBranch(card, vocabulary, network), held_out)
    scores = []
    for corpus in ("goemotions", "meld"):
        found = evaluate_text(corpus, data, branch)
        say(f"{corpus}, development part: {found}")
        scores += _scores(found)
    plain = score(branch, _without_marks(read_goemotions(folder, "dev")), several=True)
    scores.append(
        Score(corpus="goemotions, dev", protocol="lower case, no punctuation", metric="macro-F1",
              value=plain["macro_f1"], n=plain["n"])
    )  # fmt: skip
    branch.card = msgspec.structs.replace(branch.card, scores=scores)
    return save_text_branch(branch, out)


def fit(
    network: TextNetwork, tokenizer: Tokenizer, train: Labelled, recipe: Recipe, rng: np.random.Generator
) -> list[float]:
    """Train on the soft distribution of each sentence's classes; the mean loss of each epoch."""
    texts = [tokenizer(words[: recipe.longest]) for words in train.words]
    truth = torch.from_numpy(train.truth / train.truth.sum(1, keepdims=True))
    counts = truth @ truth.mean(0) ** -recipe.balance
    counts = counts / counts.mean()
    steps = recipe.epochs * math.ceil(len(texts) / recipe.batch)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=steps, pct_start=recipe.warm)
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    losses = []
    network.train()
    with stage("training", steps) as shown:
        for epoch in range(recipe.epochs):
            total, batches = 0.0, _batches(texts, recipe.batch, rng)
            for places in batches:
                sentences = gather([disturb(texts[i], recipe, rng) for i in places])
                logs = torch.log_softmax(network(sentences), -1)
                loss: Tensor = -(counts[places] * (truth[places] * logs).sum(1)).mean()
                if not math.isfinite(loss.item()):
                    raise LossNotFinite(f"the loss is {loss.item()} in epoch {epoch}; lower the recipe's rate")
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                for name, value in network.state_dict().items():
                    average[name].lerp_(value, 1 - recipe.average)
                total += loss.item()
                shown.advance(note=f"epoch {epoch + 1}, loss {loss.item():.3f}")
            losses.append(round(total / len(batches), 4))
    network.load_state_dict(average)
    network.eval()
    return losses


def _batches(texts: Sequence[Text], size: int, rng: np.random.Generator) -> list[npt.NDArray[np.int64]]:
    """Places of all texts in batches of sentences about as long, in random order."""
    order = rng.permutation(len(texts))
    batches = []
    for first in range(0, len(order), size * GROUPED):
        some = order[first : first + size * GROUPED]
        some = some[np.argsort([len(texts[i].words) for i in some], kind="stable")]
        batches += [some[i : i + size] for i in range(0, len(some), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def disturb(text: Text, recipe: Recipe, rng: np.random.Generator) -> Text:
    """The sentence as another recognizer might have written it: words misheard or missed, marks left out."""
    forgotten = rng.random(len(text.words)) < recipe.forgotten
    kept = text.spoken & (rng.random(len(text.words)) >= recipe.dropped)
    return replace(
        text,
        words=np.where(forgotten, UNKNOWN, text.words),
        spoken=kept if kept.any() else text.spoken,
        marks=text.marks * np.float32(rng.random() >= recipe.unmarked),
    )


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


def _without_marks(sentences: Labelled) -> Labelled:
    """As a recognizer without punctuation gives them."""
    kept = [[_letters(word) for word in words] for words in sentences.words]
    return Labelled([[word for word in words if word] for words in kept], sentences.truth)


def _letters(word: str) -> str:
    return "".join(c for c in word.lower() if c.isalnum() or c in "'’")


def _scores(found: dict[str, Any]) -> list[Score]:
    several = found["corpus"] == "goemotions"
    rules = ("several classes a sentence, thresholds", "one class a sentence, the card's lean; never trained on")
    protocol = rules[0 if several else 1]
    where = f"{found['corpus']}, {found['part']}"
    n = found["n"]
    return [
        Score(corpus=where, protocol=protocol, metric="macro-F1", value=found["macro_f1"], n=n),
        *(
            Score(corpus=where, protocol=protocol, metric=f"F1 {name}", value=value, n=n)
            for name, value in found["f1"].items()
        ),
        Score(corpus=where, protocol="the likeliest class", metric="ECE", value=found["ece"], n=n),
    ]


def make_card(
    recipe: Recipe, network: TextNetwork, train: Labelled, losses: Sequence[float], minutes: float
) -> TextCard:
    """The card without temperature, thresholds and scores."""
    prior = (train.truth / train.truth.sum(1, keepdims=True)).mean(0)
    return TextCard(
        format=FORMAT,
        id="goemotions",
        version="1",
        architecture=ARCHITECTURE,
        config=asdict(network.config),
        classes=list(CLASSES),
        class_prior=[round(float(share), 5) for share in prior],
        labels=list(LABELS),
        label_of=LABEL_OF,
        shares=SHARES,
        temperature=1.0,
        bias=[0.0] * len(CLASSES),
        thresholds=[0.5] * len(CLASSES),
        lean=0.0,
        languages=["en"],
        licence=LICENCES["goemotions"],
        data=[Corpus(name="goemotions", speakers=[], licence=LICENCES["goemotions"], citation=CITATIONS["goemotions"])],
        training={
            "command": "emoscope train text",
            "parameters": sum(p.numel() for p in network.parameters()),
            "sentences": len(train),
            "processor_minutes": round(minutes, 1),
            "losses": list(losses),
            "torch": str(torch.__version__),
            **asdict(recipe),
        },
        scores=[],
        notes=list(NOTES),
        vocabulary_sha256="",
        weights_sha256="",
    )
