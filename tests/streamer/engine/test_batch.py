"""The real engine: batches of many sessions, and models that break."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from real_voice import sentence
from strategies import speech_with_pauses

from emoscope.models import ModelError, load_model
from emoscope.streamer import Config, Session, VadConfig, open_engine, replay
from emoscope.streamer.runtime.drive import Drive
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, run, silence, voice

WEBRTC = Config(vad=VadConfig(backend="webrtc"))
"""The real network, which the engine has, takes the strategies' voices for none."""


@pytest.fixture(scope="module", params=["windows", "cells"])
def engine(tiny_model, request):
    """Of a model with overlapping windows, and of the same one with cells."""
    model = load_model(tiny_model)
    if request.param == "cells":
        model.contract = replace(model.contract, window=64_000, hop=8_000, reach=5_760)
    return open_engine(model, threads=1).engine


@given(one=speech_with_pauses(2), other=speech_with_pauses(2))
@settings(max_examples=15)
def test_a_reading_does_not_depend_on_which_sessions_shared_its_batch(engine, one, other):
    """Two voices interleaved block by block, their requests in one batch, equal the two alone."""
    contract = engine.model.contract
    sessions = [Session(contract, WEBRTC), Session(contract, WEBRTC)]
    events: list[list[Any]] = [[], []]
    waiting: list[list[Any]] = [[], []]

    def step(number, output):
        events[number] += output.events
        waiting[number] += output.requests

    def settle_both():
        while any(waiting):
            # Ids are each session's own: mark whose they are by their place in one common batch.
            mine, theirs = waiting[0][:], waiting[1][:]
            waiting[0].clear()
            waiting[1].clear()
            tagged = [(0, r) for r in mine] + [(1, r) for r in theirs]
            numbered = [type(r)(place, *list(vars(r).values())[1:]) for place, (_, r) in enumerate(tagged)]
            for result in engine(numbered):
                owner, request = tagged[result.id]
                step(owner, sessions[owner].apply([type(result)(request.id, *list(vars(result).values())[1:])]))

    pieces = [np.array_split(audio, 5) for audio in (one, other)]
    for blocks in zip(*pieces, strict=True):
        for number, block in enumerate(blocks):
            step(number, sessions[number].feed(block))
        settle_both()
    for number in (0, 1):
        step(number, sessions[number].finish())
    settle_both()
    for number, audio in enumerate((one, other)):
        assert differences(run(Session(contract, WEBRTC), engine, [audio]), events[number]) == []


def test_the_live_final_equals_the_models_offline_forward(engine):
    """Windows of the stream, merged in NumPy, against `forward_windows` in torch on the same span."""
    audio = np.concatenate([silence(0.7), sentence(0), silence(0.9), sentence(2), silence(0.5)])
    finals = [e for e in run(Session(engine.model.contract), engine, [audio]) if e.type == "emotion.final"]
    assert len(finals) == 2
    for final in finals:
        span = round(final.start * 16_000), round(final.end * 16_000)
        scores, dimensions = engine.model.model.forward_windows(torch.from_numpy(audio), *span)
        assert np.allclose(list(final.scores.values()), scores.detach(), atol=1e-5)
        assert np.allclose(list(final.dimensions.values()), dimensions.detach(), atol=1e-5)


def test_a_model_that_breaks_is_an_error_and_every_utterance_still_ends(engine, monkeypatch):
    """The error event names the model, the final is `unsure`, the driver raises in the end."""

    def broken(*_):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(engine.model, "encode", broken)
    drive = Drive(Session(engine.model.contract, Config(transcript=False)), engine)
    events: list[Any] = []
    with pytest.raises(ModelError, match="tiny: out of memory"):
        events.extend(drive.run([sentence(0)]))  # extend keeps what came before the error
    kinds = [e.type for e in events]
    assert kinds.count("emotion.final") == 1 and kinds[-1] == "session.closed" and "error" in kinds


@pytest.mark.parametrize("broken", ["encode", "read"])
def test_a_model_that_cannot_read_silence_is_not_opened(tiny_model, monkeypatch, broken):
    model = load_model(tiny_model)

    def fails(*_):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(type(model), broken, fails)
    with pytest.raises(ModelError, match=r"out of memory; it cannot read a window of silence"):
        open_engine(model, threads=1)


def test_a_missing_word_from_the_engine_is_not_waited_for_forever():
    """The engine owes one result a request; the session's pending list says what is owed."""
    session = Session(CONTRACT)
    _, requests = session.feed(voice(3.0))
    assert {r.id for r in session.pending()} == {r.id for r in requests}
    session.apply(FakeEngine()(requests[:1]))
    assert requests[0].id not in {r.id for r in session.pending()}


def test_the_demo_recording_is_read(conversation):
    """The shipped model gives a final for each clip of the conversation."""
    events = list(replay(conversation))
    finals = [e for e in events if e.type == "emotion.final"]
    assert 14 <= len(finals) <= 20
    assert {e.label for e in finals} - {"unsure"} and all(e.segments >= 1 for e in finals)
