"""The published systems that read words themselves, tiny, through the live path: a session, a replay, a websocket."""

import asyncio
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile
import torch
from letters import letter_tokenizer
from odd_worker import odd_recognizer
from raw_client import raw

from emoscope.models import load_model, save_model
from emoscope.models.systems import build, draft_card
from emoscope.models.text_model import TextModel
from emoscope.streamer import Config, Session, VadConfig, open_engine
from emoscope.streamer.engine.batch import BatchEngine
from emoscope.streamer.engine.torch_model import TorchModel
from emoscope.streamer.protocol.events import EmotionFinal
from emoscope.streamer.runtime.replay import replay
from emoscope.streamer.server import serving
from emoscope.streamer.session.requests import Done, Engine, Late, Transcribe, with_words
from emoscope.streamer.testing import FakeEngine, answer_all, differences, run, silence, voice

torch.set_num_threads(1)

ENGLISH = {"text": {"languages": ["en"]}}  # as the recognizers of the suite hear it; it was published on Spanish
SYSTEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "attentive": ("attentive", {}),
    "attentive, max": ("attentive", {"pooling": "max"}),
    "attentive, reduced": ("attentive", {"pooling": "reduced"}),
    "emospeech": ("emospeech", ENGLISH),
    "emospeech, ensemble": ("emospeech-ensemble", ENGLISH),
    "attributes": ("attributes", {}),
    "attributes, ensemble": ("attributes-ensemble", {}),
}
RATE = 16_000
AUDIO = np.concatenate([silence(0.4), voice(4.3), silence(0.8), voice(2.2, 210.0), silence(0.7)])
# The default detector refuses made voices.
OPTIONS: dict[str, Any] = {
    "refresh_s": 0.7, "text_wait_s": 0.4, "pace": "fast", "vad": VadConfig(backend="webrtc"),
}  # fmt: skip
DURABLE = ("speech.started", "speech.ended", "transcript.final", "emotion.final", "mood")


@pytest.fixture(params=SYSTEMS)
def name(request) -> str:
    chosen: str = request.param
    return chosen


def made(name: str, *, reads: bool = True) -> TextModel:
    """A system with random weights, the same each time; with a tokenizer where it `reads` words."""
    torch.manual_seed(8)
    system, changes = SYSTEMS[name]
    model: Any = build(system, "tiny", **changes).eval()
    if reads:
        model.take_tokenizer(letter_tokenizer(), "a test")
    assert isinstance(model, TextModel)
    return model


def engine_of(model: TextModel, recognizer: Engine | None = None) -> Engine:
    return with_words(open_engine(model, threads=1).engine, recognizer or FakeEngine())


def events_of(model: TextModel, recognizer: Engine | None = None, *, words: bool = True, **options: Any) -> list:
    """The events of `AUDIO`, with the words that a scripted recognizer hears in it."""
    session = Session(model.contract, Config(**(OPTIONS | options), transcript=words), transcribe=True)
    return run(session, engine_of(model, recognizer), [AUDIO])


def of_type(events: list, *kinds: str) -> list:
    return [event for event in events if event.type in kinds]


def answer(event: Any) -> list[float]:
    """Scores and dimensions of a reading."""
    return [*event.scores.values(), *event.dimensions.values()]


def offline(model: TextModel, final: EmotionFinal, text: str | None) -> list[float]:
    """The model's own answer for the utterance of a final, at once; None: no tokens at all."""
    span = round(final.start * RATE), round(final.end * RATE)
    tokens = None if text is None else model.tokens([text])
    with torch.inference_mode():
        answered = model.forward_windows(torch.from_numpy(AUDIO), *span, tokens)
    assert answered is not None
    return [*answered[0].tolist(), *answered[1].tolist()]


def test_the_last_reading_is_the_offline_answer_for_voice_and_transcript(name):
    """Each final equals `forward_windows` of its audio and its transcript; the words changed it and say how much."""
    model = made(name)
    events = events_of(model)
    finals, transcripts = of_type(events, "emotion.final"), of_type(events, "transcript.final")
    assert len(finals) == 2
    for final, transcript in zip(finals, transcripts, strict=True):
        assert final.text == "used" and len(transcript.text) > 10
        assert answer(final) == pytest.approx(offline(model, final, transcript.text), abs=1e-5)
        assert answer(final) != pytest.approx(offline(model, final, None), abs=1e-3)
        assert 0.05 < final.sources.text < 0.95
        assert sum(word.weight for word in final.words) == pytest.approx(1, abs=1e-3)


def test_without_words_the_text_is_what_training_saw_as_missing(name):
    """No recognizer, one that hears nothing, and one whose language the text encoder does not know: one answer."""
    model = made(name)

    def deaf(requests):
        return [Late(request.id) for request in requests]

    for events in (
        events_of(model, words=False),
        events_of(model, deaf),
        events_of(model, language="de"),
    ):
        finals = of_type(events, "emotion.final")
        assert len(finals) == 2
        for final in finals:
            assert answer(final) == pytest.approx(offline(model, final, None), abs=1e-5)
            assert answer(final) == pytest.approx(offline(model, final, " "), abs=1e-5)
            assert final.sources.text == 0.0


def test_interims_read_the_words_that_are_settled_and_the_mood_reads_none(name):
    """The first interims have no words yet; later ones read those that two passes agree on; then the voice alone."""
    model = made(name)
    spoken, alone = events_of(model), events_of(model, words=False)
    with_words = [event.sources.text > 0 for event in of_type(spoken, "emotion.interim")]
    assert not with_words[0]
    if name != "emospeech, ensemble":  # a vote may stay as it was
        assert any(with_words)
    for event, other in zip(
        of_type(spoken, "emotion.interim", "mood"), of_type(alone, "emotion.interim", "mood"), strict=True
    ):
        words_counted = event.type == "emotion.interim" and event.sources.text > 0
        assert (answer(event) == pytest.approx(answer(other), abs=1e-5)) != words_counted


def test_words_that_come_too_late_are_left_out(name):
    """A final that timed out reads the words that were settled before, as its words say."""
    model = made(name)
    recognizer = FakeEngine()

    def late(requests):
        return [Late(r.id) if isinstance(r, Transcribe) and r.final else recognizer([r])[0] for r in requests]

    events = events_of(model, late)
    finals = of_type(events, "emotion.final")
    assert [final.text for final in finals] == ["timeout"] * 2 and finals[0].words
    for final in finals:
        settled = " ".join(word.word for word in final.words)
        assert answer(final) == pytest.approx(offline(model, final, settled), abs=1e-5)


@pytest.mark.parametrize("cut_s", [2.9, 4.75, 5.3])
def test_a_session_restored_beside_another_engine_goes_on_alike(name, cut_s):
    """The engine keeps nothing that an answer depends on: saved within an utterance, at its end, and after it."""
    config = Config(**OPTIONS)
    whole = events_of(made(name))
    at = round(cut_s * RATE)
    first = Session(made(name).contract, config, transcribe=True)
    events = run(first, engine_of(made(name)), [AUDIO[:at]], finish=False)
    events += first.feed(AUDIO[at : at + 4_000]).events
    engine = engine_of(made(name))
    second = Session.restore(first.save(), made(name).contract)
    events += answer_all(second, engine, [], second.pending())
    events += run(second, engine, [AUDIO[at + 4_000 :]])
    assert differences(of_type(whole, *DURABLE), of_type(events, *DURABLE)) == []


def test_a_websocket_and_a_replay_read_the_same_words(name, tmp_path):
    """A folder with its tokenizer, a recognizer's real process, a real socket: the same finals as a file's."""
    model = made(name)
    save_model(model, draft_card(model), tmp_path / "model")  # type: ignore[arg-type]
    soundfile.write(tmp_path / "talk.wav", AUDIO, RATE, subtype="FLOAT")
    config = Config(**OPTIONS)
    with odd_recognizer("answers") as recognizer:
        replayed = list(replay(tmp_path / "talk.wav", tmp_path / "model", config=config, asr=recognizer))

    async def converse() -> list:
        opened = open_engine(load_model(tmp_path / "model"), threads=1, many_sessions=True)
        recognizers = [odd_recognizer("answers")]
        async with serving(opened.loaded, recognizers=recognizers) as server, raw(server.url) as client:
            await client.say("session.update", config=msgspec.to_builtins({**OPTIONS, "encoding": "pcm_f32le"}))
            await client.until("session.updated")
            await client.audio(AUDIO, 8_000, "pcm_f32le")
            return await client.finished()

    received = asyncio.run(converse())
    assert differences(of_type(received, *DURABLE), of_type(replayed, *DURABLE)) == []
    finals = of_type(received, "emotion.final")
    assert [[word.word for word in final.words] for final in finals] == [["yes"]] * 2
    for final in finals:
        assert answer(final) == pytest.approx(offline(model, final, "yes"), abs=1e-4)
        assert answer(final) != pytest.approx(offline(model, final, None), abs=1e-4) or final.sources.text == 0
    assert name == "emospeech, ensemble" or all(final.sources.text > 0 for final in finals)


def test_a_model_that_reads_words_itself_is_not_fused_with_the_text_branch(name):
    """The branch is not even loaded; a model that has no tokenizer hears the voice, and the branch joins it."""
    asked = []

    def branch():
        asked.append(1)

    def events(model: TextModel) -> list:
        engine = with_words(BatchEngine(TorchModel(model), text_branch=branch), FakeEngine())
        config = Config(**OPTIONS)
        return run(Session(model.contract, config, transcribe=True), engine, [AUDIO])

    assert of_type(events(made(name)), "emotion.final")[0].words and not asked
    assert of_type(events(made(name, reads=False)), "emotion.final")[0].words and asked


def test_the_words_are_joined_as_their_language_joins_them():
    """The model reads the line of the transcript, not its pieces with a space between."""
    model, recognizer = made("attentive"), FakeEngine()

    def unspaced(requests):
        results = []
        for request in requests:
            heard = recognizer.transcribe(request)
            words = tuple(msgspec.structs.replace(word, space=False) for word in heard.segments[0].words)
            segment = msgspec.structs.replace(heard.segments[0], words=words)
            results.append(Done(request.id, msgspec.structs.replace(heard, segments=(segment,))))
        return results

    events = events_of(model, unspaced)
    final, transcript = of_type(events, "emotion.final")[0], of_type(events, "transcript.final")[0]
    assert " " not in transcript.text and len(final.words) > 5
    assert answer(final) == pytest.approx(offline(model, final, transcript.text), abs=1e-5)
