"""The utterances of a whole recording, found by the same rules as in a stream."""

from collections.abc import Callable

from emoscope.models.contract import ModelContract

from ..protocol.config import Config, to_samples
from .requests import DetectVoice, VoiceProbabilities
from .segmenter import Action, Segmenter, UtteranceEnded
from .vad import FRAME, Samples
from .voice_activity import VoiceActivity, VoiceActivityState
from .voice_gate import Backend


def speech_spans(
    audio: Samples,
    contract: ModelContract,
    config: Config | None = None,
    detect: Callable[[DetectVoice], VoiceProbabilities] | None = None,
) -> list[tuple[int, int]]:
    """Start and end, in samples, of each utterance of a whole recording at 16 kHz, as a session finds them.

    detect  gives the probabilities of a voice, such as `emoscope.streamer.engine.voice_activity.detect_voice`; without
            it webrtcvad decides alone, whatever the config's `vad.backend` is
    """
    config = Config() if config is None else config
    vad, segmenter = config.vad, Segmenter(contract, config)
    backend: Backend = "webrtc" if detect is None else vad.backend
    state = VoiceActivityState()
    activity = VoiceActivity(backend, vad.threshold, to_samples(vad.min_speech_s), state)
    activity.accept(audio[: len(audio) // FRAME * FRAME])
    end = state.judged
    activity.cut(len(audio))
    actions: list[Action] = []
    while segmenter.state.position + FRAME <= end:
        while detect is not None and (request := activity.ask(lambda: 0)) is not None:
            activity.answer(detect(request))
        for decision in activity.decide(segmenter.state.position, end):
            actions += segmenter.step(decision)
    actions += segmenter.cut(len(audio), "finish")
    return [(a.start, a.end) for a in actions if isinstance(a, UtteranceEnded) and a.end > a.start]
