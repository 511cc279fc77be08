"""Run sessions through the live path, or whole recordings offline, and collect the predictions for each clip."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from emoscope.models.reading import CIRCUMPLEX
from emoscope.models.speaker import SpeakerProfile
from emoscope.models.systems import (
    AttentiveModel,
    AttributesEnsemble,
    AttributesModel,
    CamulenetModel,
    EmospeechEnsemble,
    EmospeechModel,
    SegmentalModel,
)
from emoscope.streamer import Config, Drive, Session, replay
from emoscope.streamer.asr import Recognizer, RecognizerUnavailable, prepare
from emoscope.streamer.engine.opening import OpenedModel
from emoscope.streamer.engine.voice_activity import DetectorMissing, detect_voice
from emoscope.streamer.protocol.events import AnyEvent, EmotionFinal, EmotionInterim, WarningEvent
from emoscope.streamer.runtime.replay import with_source
from emoscope.streamer.session.requests import Engine, with_words
from emoscope.streamer.session.session import ENROLL_S
from emoscope.streamer.session.spans import speech_spans

from ..corpora import Clip
from ..corpora.audio import read_clip
from ..errors import SplitInvalid
from .conditions import CLEAN, RATE, Babble, Condition, Samples, apply, babble_of
from .predictions import SECONDS, ClipPredictions, Prediction, UtterancePredictions
from .sessions import PlannedSession, join

How = Literal["stream", "whole"]
Span = tuple[float, float]
BLOCK_S = 30.0  # the block size changes no reading; large blocks are faster because many windows share a batch
BABBLE_CLIPS = 18


class SessionRunner:
    """Runs sessions with one model.

    how     "stream": through the live path. "whole": each recording as one utterance, without a voice detector, a
            published system by its own `forward`
    config  of the sessions; sample rate and channels are set here
    others  clips for babble noise; those of speakers in the session are left out
    recognizer  transcribes for the text branch; the caller closes it
    """

    def __init__(
        self,
        opened: OpenedModel,
        how: How = "stream",
        config: Config | None = None,
        others: Sequence[Clip] = (),
        recognizer: Recognizer | None = None,
    ) -> None:
        self.opened, self.model, self.how, self.others = opened, opened.model, how, others
        self.config = config or Config(pace="fast", attention=False)
        self.engine: Engine = opened.engine
        self._recognizer = recognizer
        self._profiles: dict[tuple[tuple[Clip, ...], Condition], SpeakerProfile | None] = {}

    def predict(self, planned: PlannedSession, condition: Condition = CLEAN) -> list[ClipPredictions]:
        """The predictions for each scored clip of a session, in its order.

        Raises ClipUnusable for a clip that cannot be read, ModelError when the model breaks, RecognizerUnavailable when
        the recognizer does: it would not be known which predictions had a transcript.
        """
        self._healthy_recognizer()
        predictions = self._predict(planned, condition)
        self._healthy_recognizer()
        return predictions

    def _predict(self, planned: PlannedSession, condition: Condition) -> list[ClipPredictions]:
        if self.how == "whole":
            return [ClipPredictions(clip, self._predict_whole(clip, planned, condition)) for clip in planned.clips]
        profile = self._enrolled(planned, condition)
        if len(planned.clips) == 1 and condition == CLEAN:
            clip = planned.clips[0]
            events = replay(clip.path, self.opened, config=self.config, voice=profile, asr=self._healthy_recognizer())
            return [ClipPredictions(clip, tuple(utterance for _, utterance in self._utterances(events)))]
        pieces = [read_clip(clip.path, RATE) for clip in planned.clips]
        if len(pieces) == 1:
            audio, spans = pieces[0], [(0.0, len(pieces[0]) / RATE)]
        else:
            audio, spans = join(pieces, RATE, planned.seed)
        # Under degraded sound only finals are scored, and interims cost more than everything else.
        _, events = self._session(audio, planned, condition, interim=condition == CLEAN, profile=profile)
        assigned = assign_utterances(self._utterances(events), spans)
        return [ClipPredictions(clip, tuple(own)) for clip, own in zip(planned.clips, assigned, strict=True)]

    def _session(
        self,
        audio: Samples,
        planned: PlannedSession,
        condition: Condition,
        interim: bool,
        profile: SpeakerProfile | None = None,
    ) -> tuple[Session, Iterator[AnyEvent]]:
        """A session for `audio` (16 kHz) under a condition, and its events."""
        degraded, rate = apply(condition, audio, np.random.default_rng(planned.seed), self._babble(planned))
        options: dict[str, object] = {"sample_rate": rate, "channels": 1, "interim": self.config.interim and interim}
        recognizer, engine = self._healthy_recognizer(), self.engine
        if recognizer is not None:
            engine = with_words(engine, recognizer)
            options |= prepare(recognizer, self.config).options
        session = Session(
            self.model.contract, with_source(self.config, options), profile, transcribe=recognizer is not None
        )
        block = round(BLOCK_S * rate)
        blocks = (degraded[begin : begin + block] for begin in range(0, len(degraded), block))
        return session, Drive(session, engine).run(blocks)

    def _healthy_recognizer(self) -> Recognizer | None:
        """The recognizer; raises if it has failed, because some predictions would lack a transcript."""
        if self._recognizer is not None:
            self._recognizer.check()
            if self._recognizer.last_exit:  # it may have restarted, but some clip may lack its transcript
                raise RecognizerUnavailable(self._recognizer.last_exit)
        return self._recognizer

    def _enrolled(self, planned: PlannedSession, condition: Condition) -> SpeakerProfile | None:
        """The speaker profile from a session's enrolment clips, computed in a session of its own; None without them.

        The enrolment asks for four fifths of their speech, because degraded sound may hide some of it.
        """
        if not planned.enrolment:
            return None
        key = (planned.enrolment, condition)
        if key not in self._profiles:
            pieces = [read_clip(clip.path, RATE) for clip in planned.enrolment]
            spans = [self._spans(piece) for piece in pieces]
            seconds = 0.8 * sum(end - start for own in spans for start, end in own) / RATE
            audio, _ = join(pieces, RATE, planned.seed)
            session, events = self._session(audio, planned, condition, interim=False)
            session.enroll(min(max(seconds, ENROLL_S[0]), ENROLL_S[1]))
            for _ in events:
                pass
            self._profiles[key] = session.speaker
        return self._profiles[key]

    def _babble(self, planned: PlannedSession) -> Babble:
        """Babble noise, made on demand because it reads many recordings."""
        rng = np.random.default_rng(planned.seed)
        speakers = {clip.speaker for clip in planned.clips}
        others = [clip for clip in self.others if clip.speaker not in speakers]

        def make(count: int) -> Samples:
            if not others:
                raise SplitInvalid(
                    "babble is made of the corpus's other speakers, and there are none; leave babble out"
                )
            chosen = [others[i] for i in rng.permutation(len(others))[:BABBLE_CLIPS]]
            return babble_of([read_clip(clip.path, RATE) for clip in chosen], rng)(count)

        return make

    def _utterances(self, events: Iterable[AnyEvent]) -> list[tuple[Span, UtterancePredictions]]:
        """The utterances of a session, each with its span in seconds."""
        found: list[tuple[Span, UtterancePredictions]] = []
        interims: list[Prediction] = []
        for event in events:
            if isinstance(event, EmotionInterim):
                interims.append(self._prediction(event))
            elif isinstance(event, EmotionFinal):
                found.append(((event.start, event.end), UtterancePredictions(self._prediction(event), tuple(interims))))
                interims = []
            elif isinstance(event, WarningEvent) and event.code == "text_disabled":
                raise RecognizerUnavailable(event.message)
            elif isinstance(event, WarningEvent) and event.code == "vad_failed":
                raise DetectorMissing(event.message)  # other utterances would be scored than those that were asked for
        return found

    def _prediction(self, event: EmotionInterim | EmotionFinal) -> Prediction:
        contract = self.model.contract
        return Prediction(
            event.end - event.start,
            tuple(event.scores[label] for label in contract.labels),
            tuple(event.dimensions[name] for name in contract.dimensions),
        )

    def _predict_whole(
        self, clip: Clip, planned: PlannedSession, condition: Condition
    ) -> tuple[UtterancePredictions, ...]:
        audio = read_clip(clip.path, RATE)
        degraded, rate = apply(condition, audio, np.random.default_rng(planned.seed), self._babble(planned))
        if rate != RATE:
            import soxr

            degraded = np.asarray(soxr.resample(degraded, rate, RATE), np.float32)
        final = self._predict_utterance(torch.from_numpy(degraded))
        if final is None:
            return ()
        if condition != CLEAN:
            return (UtterancePredictions(final),)
        spans = self._spans(degraded)
        begin = spans[0][0] if spans else 0
        beginnings = [
            self._predict_utterance(torch.from_numpy(degraded[begin : begin + round(seconds * RATE)]))
            for seconds in SECONDS
            if begin + seconds * RATE < len(degraded)
        ]
        return (UtterancePredictions(final, tuple(reading for reading in beginnings if reading is not None)),)

    def _spans(self, audio: Samples) -> list[tuple[int, int]]:
        """The utterances of a recording as a session of this config finds them."""
        return speech_spans(audio, self.model.contract, self.config, detect_voice)

    def _predict_utterance(self, audio: Tensor) -> Prediction | None:
        """The offline prediction for one utterance; None if it is shorter than a frame."""
        contract, seconds = self.model.contract, len(audio) / RATE
        if len(audio) < contract.frame:
            return None
        audio = audio.to(self.opened.device)
        with torch.inference_mode():
            if isinstance(
                self.model, AttentiveModel | SegmentalModel | EmospeechModel | EmospeechEnsemble | CamulenetModel
            ):
                logits = self.model(audio[None]).float()
                scores = torch.softmax(logits / float(self.model.calibration.at(seconds)), -1)[0]
                if not contract.dimensions:
                    return Prediction(seconds, tuple(scores.tolist()))
                places = scores.new_tensor([CIRCUMPLEX[label] for label in contract.labels])
                return Prediction(seconds, tuple(scores.tolist()), tuple((scores @ places).tolist()))
            if isinstance(self.model, AttributesModel | AttributesEnsemble):
                dimensions = self.model.to_dimensions(self.model(audio[None]))[0]
                even = (1 / len(contract.labels),) * len(contract.labels)
                return Prediction(seconds, even, tuple(dimensions.tolist()))
            reading = self.model.forward_windows(audio)
        return None if reading is None else Prediction(seconds, *(tuple(part.tolist()) for part in reading))


def assign_utterances(
    utterances: Sequence[tuple[Span, UtterancePredictions]], spans: Sequence[Span]
) -> list[list[UtterancePredictions]]:
    """Assign each utterance to the clip that it overlaps most; one that overlaps no clip is dropped."""
    assigned: list[list[UtterancePredictions]] = [[] for _ in spans]
    for (start, end), utterance in utterances:
        overlaps = [min(end, until) - max(start, begin) for begin, until in spans]
        best = int(np.argmax(overlaps))
        if overlaps[best] > 0:
            assigned[best].append(utterance)
    return assigned
