"""How trainings cut recordings into utterances: by webrtcvad alone, whatever detector a session uses by default.

The shipped weights, their calibration and the scores on their cards were made with these cuts, and the caches of
features are named after them: other cuts would make other models under the same names. webrtcvad also finds every clip
of the acted corpora, whose loudest shouts Silero does not take for a voice, and in a studio there is nothing to refuse.
"""

from emoscope.models.contract import ModelContract
from emoscope.streamer import Config, VadConfig, speech_spans

from .corpora.audio import Samples

TRAINING_VAD = VadConfig(backend="webrtc")


def training_spans(audio: Samples, contract: ModelContract) -> list[tuple[int, int]]:
    """Start and end, in samples, of each utterance of a recording at 16 kHz, for a training."""
    return speech_spans(audio, contract, Config(vad=TRAINING_VAD))
