"""`emoscope train text`: the text branch that ships, trained again from GoEmotions.

Temperature and thresholds are fitted on held-out training sentences. The development parts of GoEmotions and of MELD,
which is never trained on, are scored once at the end.
"""

from pathlib import Path

import msgspec
import numpy as np
import torch

from emoscope.models.cards import Score
from emoscope.models.text import TextBranch, save_text_branch
from emoscope.models.text.card import TextCard
from emoscope.models.text.config import TextConfig
from emoscope.models.text.network import TextNetwork
from emoscope.models.text.words import Tokenizer, Vocabulary, most_frequent

from ..progress import say
from .calibrate import calibrate
from .card import make_card, score_lines
from .data import CLASSES, Labelled, read_goemotions, text_folder
from .evaluate import evaluate_text, score
from .fitting import Recipe, fit


def train_text(data: Path, work: Path, out: Path, recipe: Recipe, resume: bool = False, threads: int = 1) -> TextCard:
    """Train, calibrate, score, and write the branch to `out`; the card as written.

    data  holds goemotions and meld, or a folder `text` with both
    work  the checkpoint, from which `resume` continues
    """
    torch.set_num_threads(threads)
    torch.manual_seed(recipe.seed)
    folder = text_folder(data, "goemotions")
    text_folder(data, "meld")  # reports missing files before the training
    everything = read_goemotions(folder, "train")
    order = np.random.default_rng(7).permutation(len(everything))
    held_out, train = everything.some(order[: recipe.held_out]), everything.some(order[recipe.held_out :])
    words = most_frequent(train.words, recipe.least, recipe.most)
    vocabulary = Vocabulary(words=["", *words], buckets=recipe.buckets)
    shape = TextConfig(words=len(vocabulary.words), buckets=recipe.buckets, classes=len(CLASSES), **recipe.shape)
    network = TextNetwork(shape)
    fitted = fit(network, Tokenizer(vocabulary), train, recipe, work / "text.safetensors", resume)
    # The shipped weights have half precision, so these are calibrated and scored.
    network.load_state_dict({name: value.half().float() for name, value in network.state_dict().items()})
    card = make_card(recipe, network, train, fitted)
    branch = calibrate(TextBranch(card, vocabulary, network.arrays()), held_out)
    scores = []
    for corpus in ("goemotions", "meld"):
        found = evaluate_text(corpus, data, branch)
        say(f"{corpus}, development part: {found}")
        scores += score_lines(found)
    plain = score(branch, _without_marks(read_goemotions(folder, "dev")), several=True)
    scores.append(
        Score(corpus="goemotions, dev", protocol="lower case, no punctuation", metric="macro-F1",
              value=plain["macro_f1"], n=plain["n"])
    )  # fmt: skip
    branch.card = msgspec.structs.replace(branch.card, scores=scores)
    return save_text_branch(branch, out)


def _without_marks(sentences: Labelled) -> Labelled:
    """The sentences as a recognizer without punctuation would write them."""
    kept = [[_letters(word) for word in words] for words in sentences.words]
    return Labelled([[word for word in words if word] for words in kept], sentences.truth)


def _letters(word: str) -> str:
    return "".join(c for c in word.lower() if c.isalnum() or c in "'’")
