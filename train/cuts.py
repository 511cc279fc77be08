"""How trainings cut recordings into utterances: by webrtcvad alone, whatever detector a session uses by default.

The shipped weights, their calibration and the scores on their cards were made with these cuts, and the caches of
features are named after them: other cuts would make other models under the same names. webrtcvad also finds every clip
of the acted corpora, whose loudest shouts Silero does not take for a voice, and in a studio there is nothing to refuse.
"""

from collections.abc import Iterable, Iterator, Sequence

from emoscope.models.contract import ModelContract
from emoscope.streamer import Config, VadConfig, speech_spans

from .corpora.audio import Samples

TRAINING_VAD = VadConfig(backend="webrtc")


def training_spans(audio: Samples, contract: ModelContract) -> list[tuple[int, int]]:
    """Start and end, in samples, of each utterance of a recording at 16 kHz, for a training."""
    return speech_spans(audio, contract, Config(vad=TRAINING_VAD))


def in_whole_frames(
    spans: Iterable[tuple[int, int]],
    contract: ModelContract,
    longest_s: float,
    beginnings_s: Sequence[float] | None = None,
) -> Iterator[tuple[int, int]]:
    """What an encoder makes frames of: of each utterance its first `longest_s` s, in whole frames.

    beginnings_s  instead, its first seconds of each of these lengths that is shorter
    """
    for start, end in spans:
        longest = min(end - start, round(longest_s * contract.sample_rate))
        lengths = [longest]
        if beginnings_s is not None:
            asked = [round(seconds * contract.sample_rate) for seconds in beginnings_s]
            lengths = [length for length in asked if length < longest]
        for length in lengths:
            length -= length % contract.frame
            if length:
                yield start, start + length
