"""A tokenizer of letters, small enough for the tiny text encoders."""

import json
import string

from emoscope.models.encoders import TextTokenizer


def letter_tokenizer(highest: int = 41) -> TextTokenizer:
    """One token a letter or digit between two special tokens; `highest` is the highest id."""
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import Lowercase
    from tokenizers.pre_tokenizers import Split
    from tokenizers.processors import TemplateProcessing

    listed = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", " ", *string.ascii_lowercase, *string.digits]
    vocabulary = {piece: number for number, piece in enumerate(listed)} | {"|": highest}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = Lowercase()  # type: ignore[assignment]
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")  # type: ignore[assignment]
    tokenizer.post_processor = TemplateProcessing(  # type: ignore[assignment]
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_truncation(4)  # as public checkpoints come; a transcript is read whole all the same
    tokenizer.enable_padding(length=8)
    return TextTokenizer(json.dumps(json.loads(tokenizer.to_str())).encode(), "a test")
