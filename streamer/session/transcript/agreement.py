"""LocalAgreement-2: a word is committed when two passes in a row have it at the same place.

Liu et al. (2020), "Low-latency sequence-to-sequence speech recognition and translation by partial hypothesis
selection", section 3.2; Machacek et al. (2023), "Turning Whisper into real-time transcription system", section 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from ...protocol.events import SpokenWord

HOLD_S = 0.3  # a word that ends so near the end of the audio may still be a part of a longer one
OVERLAP_WORDS = 5


@dataclass
class AgreementState:
    """The committed words of one utterance, and the words that the last pass had after them."""

    committed: list[SpokenWord] = field(default_factory=list)
    tail: list[SpokenWord] = field(default_factory=list)


def agree(state: AgreementState, words: Sequence[SpokenWord], end_s: float, *, whole: bool = True) -> None:
    """Take the next pass's words. Committed words are never changed or removed.

    end_s  end of the audio of the pass
    whole  the pass began with the utterance, not within it
    """
    tail = _after(state.committed, words, whole=whole)
    same = 0
    for one, other in zip(state.tail, tail, strict=False):
        if _key(one) != _key(other) or other.end > end_s - HOLD_S:
            break
        same += 1
    state.committed += tail[:same]
    state.tail = tail[same:]


def _after(committed: Sequence[SpokenWord], words: Sequence[SpokenWord], *, whole: bool) -> list[SpokenWord]:
    """The words of a pass that come after the committed ones."""
    if not committed:
        return list(words)
    count = len(committed)
    if whole and _keys(words[:count]) == _keys(committed):
        rest = list(words[count:])
    else:
        border = committed[-1].end
        rest = [word for word in words if (word.start + word.end) / 2 > border]
        # Times move a little from pass to pass: what overlaps the border may be there already.
        if rest and rest[0].start < border:
            for length in range(min(OVERLAP_WORDS, len(rest), count), 0, -1):
                if _keys(rest[:length]) == _keys(committed[-length:]):
                    rest = rest[length:]
                    break
    # No word begins before the one before it, also where two passes differ.
    latest, ordered = committed[-1].start, []
    for word in rest:
        latest = max(latest, word.start)
        ordered.append(msgspec.structs.replace(word, start=latest, end=max(latest, word.end)))
    return ordered


def _keys(words: Sequence[SpokenWord]) -> list[str]:
    return [_key(word) for word in words]


def _key(word: SpokenWord) -> str:
    """What two words are compared by: case and punctuation do not count."""
    bare = "".join(sign for sign in word.word.casefold() if sign.isalnum())
    return bare or word.word
