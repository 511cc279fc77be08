"""What one pass of a recognizer says; the same structs cross the pipe from its process."""

import msgspec


class HeardWord(msgspec.Struct, frozen=True, kw_only=True):
    """One word of a pass.

    start, end  seconds from the first sample of the pass
    p           how sure the recognizer is of it, 0 to 1
    space       it stands apart from the word before it (not so in Chinese or Japanese)
    """

    text: str
    start: float
    end: float
    p: float
    space: bool = True


class HeardSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch that the recognizer decoded at once, with what it thinks of it.

    no_speech_p  probability that nobody speaks
    avg_logprob  mean log probability of its tokens
    compression  how much the text shrinks when compressed: a text that goes in circles shrinks much
    """

    words: tuple[HeardWord, ...]
    no_speech_p: float = 0.0
    avg_logprob: float = 0.0
    compression: float = 1.0


class Hypothesis(msgspec.Struct, frozen=True, kw_only=True):
    """All that a pass says. `language_p` is None where the language was told or is the only one."""

    segments: tuple[HeardSegment, ...] = ()
    language: str | None = None
    language_p: float | None = None
