"""The tokenizer of the tiny Whisper: bytes, the words of RAVDESS's sentences, and Whisper's own control tokens.

The order of ids is Whisper's: text, end of text, start of transcript, languages, tasks, the other controls, then a
token for every 20 ms of 30 s. The libraries that run the model have three requirements:

- faster-whisper suppresses the first token of " -" and of " ♩": so the merges of a space with the byte after it come
  first, or a bare space would be suppressed.
- CTranslate2 expects an empty text token in a multilingual model.
- Its converter appends the time tokens, so the tokenizer file does not hold them.
"""

import json

from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

SENTENCES = {"01": " Kids are talking by the door.", "02": " Dogs are sitting by the door."}
LANGUAGES = ("en", "de", "pl")
CONTROLS = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
TIMES = 1501  # from 0 to 30 s
TIME_S = 0.02
ENDINGS = ("ing",)  # suffixes that are tokens of their own, so that some words have more than one token
SPACE = "Ġ"  # how byte-level tokenizers write a space


def make_tokenizer() -> Tokenizer:
    """The tokenizer, without the time tokens."""
    bytes_ = sorted(ByteLevel.alphabet())
    vocabulary = {"": 0, **{byte: place for place, byte in enumerate(bytes_, 1)}}
    merges: list[tuple[str, str]] = []

    def merge(left: str, right: str) -> str:
        both = left + right
        if both not in vocabulary:
            vocabulary[both] = len(vocabulary)
            merges.append((left, right))
        return both

    for byte in bytes_:
        merge(SPACE, byte)
    for sentence in SENTENCES.values():
        for word in sentence.rstrip(".").split():
            ending = next((end for end in ENDINGS if word.endswith(end)), "")
            stem = SPACE + word.removesuffix(ending)
            for part in (stem, ending):
                made = part[:2] if part.startswith(SPACE) else part[:1]
                for letter in part[len(made) :]:
                    made = merge(made, letter)
    tokenizer = Tokenizer(BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    names = ("endoftext", "startoftranscript", *LANGUAGES, *CONTROLS)
    tokenizer.add_special_tokens([AddedToken(f"<|{name}|>", special=True, normalized=False) for name in names])
    return tokenizer


def control(tokenizer: Tokenizer, name: str) -> int:
    """Id of a control token or language."""
    found = tokenizer.token_to_id(f"<|{name}|>")
    assert found is not None, name
    return int(found)


def first_time(tokenizer: Tokenizer) -> int:
    """Id of the time token of 0 s."""
    return control(tokenizer, "notimestamps") + 1


def vocabulary_size(tokenizer: Tokenizer) -> int:
    """The number of ids, including time tokens."""
    return first_time(tokenizer) + TIMES


def blocked(tokenizer: Tokenizer) -> list[int]:
    """Tokens that a transcript never holds: control tokens other than the end."""
    names = ("startoftranscript", *LANGUAGES, *(name for name in CONTROLS if name != "notimestamps"))
    return sorted(control(tokenizer, name) for name in names)


def specials(tokenizer: Tokenizer) -> str:
    """`tokenizer_config.json`, with which the converter reads the tokenizer."""
    return json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"}, indent=1) + "\n"
