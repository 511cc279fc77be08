"""PocketSphinx: a small recognizer of English that carries its model. It guesses a lot, and says so."""

import re

import numpy as np
import numpy.typing as npt

from ..protocol.events import SpokenWord
from ..session.transcript.hypothesis import Hypothesis, RecognizedSegment
from .messages import LoadRequest

FRAMES_A_SECOND = 100
TRUST = 0.6  # share of its words that were said at all, on clips of RAVDESS; its own posteriors know nothing of that
_variant = re.compile(r"\(\d+\)$")


class PocketSphinx:
    """The US English model and the language model that come with the package."""

    name = "pocketsphinx"
    languages: tuple[str, ...] = ("en",)

    def __init__(self, load: LoadRequest) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(samprate=16_000.0, cmn="batch", loglevel="FATAL")

    def transcribe(self, audio: npt.NDArray[np.int16], language: str | None, final: bool) -> Hypothesis:
        """As `Backend.transcribe`."""
        decoder = self._decoder
        decoder.reinit_feat()  # or its normalisation goes on from the audio before, and the words differ
        decoder.start_utt()
        try:
            decoder.process_raw(audio.astype("<i2").tobytes(), full_utt=True)
        finally:
            decoder.end_utt()  # or no other utterance could be begun
        if decoder.hyp() is None:
            return Hypothesis(language="en")
        words = tuple(
            SpokenWord(
                word=_variant.sub("", part.word),
                start=part.start_frame / FRAMES_A_SECOND,
                end=(part.end_frame + 1) / FRAMES_A_SECOND,
                p=TRUST * min(1.0, float(part.prob)),
            )
            for part in decoder.seg()
            if part.word[0] not in "<[+"
        )
        return Hypothesis(segments=(RecognizedSegment(words=words),), language="en")
