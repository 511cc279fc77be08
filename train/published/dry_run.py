"""A dry run: every phase of a recipe at the tiny size, on a few clips of the corpus, with a tokenizer of letters."""

import json
import string
from collections.abc import Sequence

from emoscope.models.encoders import TextTokenizer
from emoscope.models.text_model import TextModel

from ..corpora import Clip
from .scoring import Model

EACH = 4  # clips of a label on each side


def few(clips: Sequence[Clip], each: int = EACH) -> list[Clip]:
    """At most `each` clips of every label, evenly spread, so that several speakers are among them."""
    chosen: list[Clip] = []
    for label in sorted({clip.label for clip in clips}):
        own = [clip for clip in clips if clip.label == label]
        count = min(each, len(own))
        chosen += [own[round(i * (len(own) - 1) / max(1, count - 1))] for i in range(count)]
    return chosen


def give_letters(model: Model) -> None:
    """A tokenizer of letters for a tiny text encoder, which has no vocabulary of its own."""
    if not isinstance(model, TextModel) or not model.text_encoders:
        return
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import Lowercase
    from tokenizers.pre_tokenizers import Split

    pieces = ["[PAD]", "[UNK]", " ", *string.ascii_lowercase, *string.digits]
    tokenizer = Tokenizer(WordLevel({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")
    content = json.dumps(json.loads(tokenizer.to_str())).encode()
    model.take_tokenizer(TextTokenizer(content, "a dry run"), "a dry run")
