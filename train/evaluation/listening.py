"""A session through the live path, or a recording at once; what was said about each of its clips."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from emoscope.models.reading import CIRCUMPLEX
from emoscope.models.speaker import SpeakerProfile
from emoscope.models.systems import AttentiveModel, SegmentalModel
from emoscope.streamer import Config, Drive, Session, replay
from emoscope.streamer.asr import Recognizer, RecognizerUnavailable, prepare
from emoscope.streamer.engine.opening import OpenedModel
from emoscope.streamer.protocol.events import AnyEvent, EmotionFinal, EmotionInterim, WarningEvent
from emoscope.streamer.runtime.replay import with_source
from emoscope.streamer.session.requests import Engine, with_words
from emoscope.streamer.session.session import ENROLL_S
from emoscope.streamer.session.spans import speech_spans

from ..corpora import Clip
from ..corpora.audio import read_clip
from ..errors import SplitInvalid
from .conditions import CLEAN, RATE, Babble, Condition, Samples, apply, babble_of
from .predictions import SECONDS, Heard, Said, Spoken
from .sessions import Planned, join

How = Literal["stream", "whole"]
Span = tuple[float, float]
BLOCK_S = 30.0  # how the audio is cut changes no reading; many windows at a time are quicker
BABBLERS = 18


class Listener:
    """Hears sessions with one model.

    how     "stream": what the live path says. "whole": each recording as one utterance, without a voice detector, a
            published system by its own `forward`
    config  of the live path's sessions; rate and channels are set here
    others  clips out of which babble is made, of speakers who are not in the session
    words   a recognizer whose words are counted; the caller closes it
    """

    def __init__(
        self,
        opened: OpenedModel,
        how: How = "stream",
        config: Config | None = None,
        others: Sequence[Clip] = (),
        words: Recognizer | None = None,
    ) -> None:
        self.opened, self.model, self.how, self.others = opened, opened.model, how, others
        self.config = config or Config(pace="fast", attention=False)
        self.engine: Engine = opened.engine
        self._words = words
        self._voices: dict[tuple[tuple[Clip, ...], Condition], SpeakerProfile | None] = {}

    def hear(self, planned: Planned, condition: Condition = CLEAN) -> list[Heard]:
        """What was said about each scored clip of a session, in its order.

        Raises ClipUnusable for a clip that cannot be read, ModelError when the model breaks, RecognizerUnavailable when
        the recognizer does: figures of which nobody knows how many had words would be of no use.
        """
        self._recognizer()
        heard = self._hear(planned, condition)
        self._recognizer()
        return heard

    def _hear(self, planned: Planned, condition: Condition) -> list[Heard]:
        if self.how == "whole":
            return [Heard(clip, self._whole(clip, planned, condition)) for clip in planned.clips]
        voice = self._enrolled(planned, condition)
        if len(planned.clips) == 1 and condition == CLEAN:
            clip = planned.clips[0]
            events = replay(clip.path, self.opened, config=self.config, voice=voice, asr=self._recognizer())
            return [Heard(clip, tuple(spoken for _, spoken in self._spoken(events)))]
        pieces = [read_clip(clip.path, RATE) for clip in planned.clips]
        if len(pieces) == 1:
            audio, spans = pieces[0], [(0.0, len(pieces[0]) / RATE)]
        else:
            audio, spans = join(pieces, RATE, planned.seed)
        # Under worse sound only finals are compared, and interims cost more than all the rest.
        _, events = self._session(audio, planned, condition, interim=condition == CLEAN, voice=voice)
        shared = share_out(self._spoken(events), spans)
        return [Heard(clip, tuple(own)) for clip, own in zip(planned.clips, shared, strict=True)]

    def _session(
        self, audio: Samples, planned: Planned, condition: Condition, interim: bool, voice: SpeakerProfile | None = None
    ) -> tuple[Session, Iterator[AnyEvent]]:
        """A session that will hear `audio` (16 kHz) as it arrives under a condition, and its events."""
        arrived, rate = apply(condition, audio, np.random.default_rng(planned.seed), self._babble(planned))
        options: dict[str, object] = {"sample_rate": rate, "channels": 1, "interim": self.config.interim and interim}
        recognizer, engine = self._recognizer(), self.engine
        if recognizer is not None:
            engine = with_words(engine, recognizer)
            options |= prepare(recognizer, self.config).options
        session = Session(
            self.model.contract, with_source(self.config, options), voice, transcribe=recognizer is not None
        )
        block = round(BLOCK_S * rate)
        blocks = (arrived[begin : begin + block] for begin in range(0, len(arrived), block))
        return session, Drive(session, engine).run(blocks)

    def _recognizer(self) -> Recognizer | None:
        """Loaded, and never broken: scores of which some had no words for that reason would mislead."""
        if self._words is not None:
            self._words.check()
            if self._words.last_exit:  # it may be running again, but some clip may have had no words
                raise RecognizerUnavailable(self._words.last_exit)
        return self._words

    def _enrolled(self, planned: Planned, condition: Condition) -> SpeakerProfile | None:
        """What is learnt from a session's enrolment, heard once by a session of its own; None where there is none.

        It is enrolled from four fifths of its speech: where worse sound hides some, what is heard must still suffice.
        """
        if not planned.enrolment:
            return None
        key = (planned.enrolment, condition)
        if key not in self._voices:
            pieces = [read_clip(clip.path, RATE) for clip in planned.enrolment]
            spans = [speech_spans(piece, self.model.contract) for piece in pieces]
            seconds = 0.8 * sum(end - start for own in spans for start, end in own) / RATE
            audio, _ = join(pieces, RATE, planned.seed)
            session, events = self._session(audio, planned, condition, interim=False)
            session.enroll(min(max(seconds, ENROLL_S[0]), ENROLL_S[1]))
            for _ in events:
                pass
            self._voices[key] = session.speaker
        return self._voices[key]

    def _babble(self, planned: Planned) -> Babble:
        """Made when it is wanted: reading eighteen recordings takes a while."""
        rng = np.random.default_rng(planned.seed)
        speakers = {clip.speaker for clip in planned.clips}
        others = [clip for clip in self.others if clip.speaker not in speakers]

        def make(count: int) -> Samples:
            if not others:
                raise SplitInvalid("babble is made of the corpus's other speakers, and there are none; leave it out")
            some = [others[i] for i in rng.permutation(len(others))[:BABBLERS]]
            return babble_of([read_clip(clip.path, RATE) for clip in some], rng)(count)

        return make

    def _spoken(self, events: Iterable[AnyEvent]) -> list[tuple[Span, Spoken]]:
        """Each utterance of a session with its span in seconds."""
        found: list[tuple[Span, Spoken]] = []
        interims: list[Said] = []
        for event in events:
            if isinstance(event, EmotionInterim):
                interims.append(self._said(event))
            elif isinstance(event, EmotionFinal):
                found.append(((event.start, event.end), Spoken(self._said(event), tuple(interims))))
                interims = []
            elif isinstance(event, WarningEvent) and event.code == "text_disabled":
                raise RecognizerUnavailable(event.message)
        return found

    def _said(self, event: EmotionInterim | EmotionFinal) -> Said:
        contract = self.model.contract
        return Said(
            event.end - event.start,
            tuple(event.scores[label] for label in contract.labels),
            tuple(event.dimensions[name] for name in contract.dimensions),
        )

    def _whole(self, clip: Clip, planned: Planned, condition: Condition) -> tuple[Spoken, ...]:
        audio = read_clip(clip.path, RATE)
        arrived, rate = apply(condition, audio, np.random.default_rng(planned.seed), self._babble(planned))
        if rate != RATE:
            import soxr

            arrived = np.asarray(soxr.resample(arrived, rate, RATE), np.float32)
        final = self._at_once(torch.from_numpy(arrived))
        if final is None:
            return ()
        if condition != CLEAN:
            return (Spoken(final),)
        spans = speech_spans(arrived, self.model.contract)
        begin = spans[0][0] if spans else 0
        beginnings = [
            self._at_once(torch.from_numpy(arrived[begin : begin + round(seconds * RATE)]))
            for seconds in SECONDS
            if begin + seconds * RATE < len(arrived)
        ]
        return (Spoken(final, tuple(said for said in beginnings if said is not None)),)

    def _at_once(self, audio: Tensor) -> Said | None:
        """One utterance, offline; None if it is shorter than a frame."""
        contract, seconds = self.model.contract, len(audio) / RATE
        if len(audio) < contract.frame:
            return None
        audio = audio.to(self.opened.device)
        with torch.inference_mode():
            if isinstance(self.model, AttentiveModel | SegmentalModel):
                logits = self.model(audio[None]).float()
                scores = torch.softmax(logits / float(self.model.calibration.at(seconds)), -1)[0]
                if not contract.dimensions:
                    return Said(seconds, tuple(scores.tolist()))
                places = scores.new_tensor([CIRCUMPLEX[label] for label in contract.labels])
                return Said(seconds, tuple(scores.tolist()), tuple((scores @ places).tolist()))
            said = self.model.forward_windows(audio)
        return None if said is None else Said(seconds, tuple(said[0].tolist()), tuple(said[1].tolist()))


def share_out(spoken: Sequence[tuple[Span, Spoken]], spans: Sequence[Span]) -> list[list[Spoken]]:
    """Each utterance to the clip that it overlaps most; one between the clips to nobody."""
    shared: list[list[Spoken]] = [[] for _ in spans]
    for (start, end), one in spoken:
        overlaps = [min(end, until) - max(start, begin) for begin, until in spans]
        best = int(np.argmax(overlaps))
        if overlaps[best] > 0:
            shared[best].append(one)
    return shared
