"""The utterances of a whole recording, found by the same rules as in a stream."""

from emoscope.models.contract import ModelContract

from ..protocol.config import Config
from .segmenter import Action, Segmenter, UtteranceEnded
from .vad import FRAME, Samples


def speech_spans(audio: Samples, contract: ModelContract, config: Config | None = None) -> list[tuple[int, int]]:
    """Start and end, in samples, of each utterance of a whole recording at 16 kHz, as a session finds them."""
    segmenter = Segmenter(contract, Config() if config is None else config)
    actions: list[Action] = []
    for begin in range(0, len(audio) - FRAME + 1, FRAME):
        actions += segmenter.step(audio[begin : begin + FRAME])
    actions += segmenter.cut(len(audio), "finish")
    return [(a.start, a.end) for a in actions if isinstance(a, UtteranceEnded) and a.end > a.start]
