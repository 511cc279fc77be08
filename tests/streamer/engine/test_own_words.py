"""Readings of voice and words by the model itself: batches, what is kept, and a process of its own."""

from typing import Any

import numpy as np
import pytest
import torch
from letters import letter_tokenizer

from emoscope.models import save_model
from emoscope.models.pool_state import PoolState
from emoscope.models.reading import Reading
from emoscope.models.systems import build, draft_card
from emoscope.models.text_model import TextModel
from emoscope.models.windows import grid_window
from emoscope.streamer.engine import EngineProcess, ModelRequest, own_words
from emoscope.streamer.engine.batch import BatchEngine
from emoscope.streamer.engine.opening import open_engine
from emoscope.streamer.engine.torch_model import TorchModel
from emoscope.streamer.session.requests import Done, Encode, Read, Summary

SYSTEMS = ("attentive", "emospeech", "attributes-ensemble")
TEXTS = ("I am so glad", "no", "", "what is this what is this what is this what is this", "I am so glad", "  ")


@pytest.fixture(params=SYSTEMS)
def model(request) -> TextModel:
    torch.manual_seed(8)
    made: Any = build(request.param, "tiny", text={"languages": ["en"]}).eval()
    made.take_tokenizer(letter_tokenizer(), "a test")
    assert isinstance(made, TextModel)
    return made


def states(engine: Any, count: int) -> list[PoolState]:
    """Pool states of as many different windows of noise."""
    contract, noise = engine.model.contract, np.random.default_rng(3)
    size = contract.lookback + contract.window
    window = grid_window(contract, 0, 0)
    asked = [Encode(n, window, (0.1 * noise.standard_normal(size)).astype(np.float32)) for n in range(count)]
    summaries = {done.id: done.value for done in engine(asked)}
    return [summary.state for _, summary in sorted(summaries.items()) if isinstance(summary, Summary)]


def readings(engine: Any, reads: list[Read]) -> list[Reading]:
    found = {done.id: done.value for done in engine(reads) if isinstance(done, Done)}
    return [found[read.id] for read in reads]  # type: ignore[misc]


def reads_of(engine: Any, texts: tuple[str, ...] = TEXTS) -> list[Read]:
    pooled = states(engine, len(texts))
    return [Read(n, pooled[n], 1.5, words=tuple(text.split()), text=text) for n, text in enumerate(texts)]


def numbers(reading: Reading) -> list[float]:
    return [*reading.scores.tolist(), *reading.dimensions.tolist()]


def test_a_reading_depends_neither_on_its_batch_nor_on_what_is_kept(model):
    """All at once, one by one with nothing kept, and again with everything kept."""
    engine = BatchEngine(TorchModel(model, 2), 2)
    reads = reads_of(engine)
    together, again = readings(engine, reads), readings(engine, reads)
    alone = [readings(BatchEngine(TorchModel(model)), [read])[0] for read in reads]
    for one, two, three, read in zip(together, again, alone, reads, strict=True):
        assert numbers(one) == pytest.approx(numbers(two), abs=1e-6)
        assert numbers(one) == pytest.approx(numbers(three), abs=1e-6)
        assert (one.text_share > 0) == bool(read.text.strip())


def test_a_reading_without_words_is_that_of_the_voice_alone_also_beside_others(model):
    """Missing text is the model's own answer without any token."""
    engine = BatchEngine(TorchModel(model))
    reads = reads_of(engine)
    silent = [Read(read.id, read.state, read.seconds) for read in reads]
    for read, spoken, alone in zip(reads, readings(engine, reads), readings(engine, silent), strict=True):
        assert (numbers(spoken) == numbers(alone)) == (not read.text.strip())


@pytest.mark.parametrize(("language", "counts"), [(None, True), ("en", True), ("en-GB", True), ("es", False)])
def test_words_in_a_language_that_the_text_encoder_does_not_know_count_nothing(model, language, counts):
    engine = BatchEngine(TorchModel(model))
    [state] = states(engine, 1)
    [reading] = readings(engine, [Read(1, state, 1.5, words=("glad",), text="glad", language=language)])
    assert (reading.text_share > 0) == counts


def test_each_transcript_is_encoded_once_while_it_is_kept(model, monkeypatch):
    """Readings of one utterance repeat their words; what was not used for long is let go."""
    seen: list[str] = []
    read_texts = model.read_texts

    def counted(texts):
        seen.extend(texts)
        return read_texts(texts)

    monkeypatch.setattr(model, "read_texts", counted)
    monkeypatch.setattr(own_words, "KEPT", 3)
    engine = BatchEngine(TorchModel(model))
    [state] = states(engine, 1)

    def read(*texts: str) -> None:
        readings(engine, [Read(n, state, 1.5, words=(text,), text=text) for n, text in enumerate(texts)])

    read("a", "b", "a")
    read("a", "c")
    assert seen == ["a", "b", "c"]
    read("a")
    read("d")  # the fourth: "b" was used longest ago
    read("a", "c", "d")
    assert seen == ["a", "b", "c", "d"]
    read("b")
    assert seen == ["a", "b", "c", "d", "b"]


def test_a_process_of_its_own_reads_the_same_words(model, tmp_path):
    """The folder brings the tokenizer, and the line of text crosses the pipe."""
    save_model(model, draft_card(model), tmp_path)  # type: ignore[arg-type]
    here = open_engine(tmp_path, threads=1, many_sessions=True).engine
    reads = reads_of(here)
    with EngineProcess(ModelRequest(model=str(tmp_path), threads=1)) as there:
        ours, theirs = readings(here, reads), readings(there, reads)
    assert [numbers(one) for one in ours] == [numbers(one) for one in theirs]
    assert [one.text_share for one in ours] == [one.text_share for one in theirs]
    assert ours[0].text_share > 0
