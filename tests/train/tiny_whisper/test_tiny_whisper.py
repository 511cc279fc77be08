"""The tiny Whisper: its tokenizer, its alignments, its samples, its network, and the model that is kept for tests."""

import math

import numpy as np
import pytest
import torch
from faster_whisper import WhisperModel
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer as WhisperTokenizer
from hypothesis import given
from hypothesis import strategies as st
from tiny_whisper import TINY_WHISPER

from emoscope.train.corpora.audio import read_clip
from emoscope.train.tiny_whisper.align import PHONES, WordTimes, word_times
from emoscope.train.tiny_whisper.convert import convert
from emoscope.train.tiny_whisper.measure import edits, plain_words
from emoscope.train.tiny_whisper.network import POSITIONS, decode, encode, gather, loss_of, make_model
from emoscope.train.tiny_whisper.samples import IGNORED, Sampler, Take, finish, power_of
from emoscope.train.tiny_whisper.tokens import SENTENCES, TIMES, control, first_time, make_tokenizer, vocabulary_size

TOKENIZER = make_tokenizer()


def made_take(sentence: str = "01", seed: int = 0) -> Take:
    """A clip of 3 s whose words stand a quarter of a second apart, in noise."""
    rng = np.random.default_rng(seed)
    starts = (0.8 + 0.25 * np.arange(6)).astype(np.float64)
    power = rng.normal(-4, 0.3, (80, 300)).astype(np.float32)
    power[:, 80:230] += 3
    return Take(power, "en", sentence, WordTimes(starts, starts + 0.25))


@pytest.mark.parametrize("text", [*SENTENCES.values(), " Kids are", " dörr 🚪 !", ""])
def test_every_text_comes_back_from_its_tokens(text):
    """Bytes are tokens, so nothing is unknown."""
    assert TOKENIZER.decode(TOKENIZER.encode(text).ids) == text


def test_a_word_of_the_sentences_is_one_or_two_tokens():
    """faster-whisper joins tokens to words; some words have two, so that this happens."""
    wrapped = WhisperTokenizer(TOKENIZER, True, "transcribe", "en")
    words, tokens = wrapped.split_to_word_tokens([*wrapped.encode(SENTENCES["01"]), wrapped.eot])
    assert words == [" Kids", " are", " talking", " by", " the", " door", ".", ""]
    assert [len(some) for some in tokens] == [1, 1, 2, 1, 1, 1, 1, 1]


def test_a_bare_space_and_a_new_word_are_not_blocked_by_faster_whisper():
    """It suppresses the first token of " -" and of a note: neither may be one that words begin with."""
    wrapped = WhisperTokenizer(TOKENIZER, True, "transcribe", "en")
    blocked = set(wrapped.non_speech_tokens)
    assert not blocked & set(wrapped.encode(" ")) and not blocked & {
        t for s in SENTENCES.values() for t in wrapped.encode(s)
    }


def test_times_follow_the_controls():
    """The order of ids is Whisper's: a time token is one after <|notimestamps|> and the last is 30 s."""
    assert first_time(TOKENIZER) == TOKENIZER.get_vocab_size() == control(TOKENIZER, "notimestamps") + 1
    assert vocabulary_size(TOKENIZER) - first_time(TOKENIZER) == TIMES


@pytest.mark.parametrize("kind", range(40))
def test_samples_are_what_whisper_expects(kind):
    """Each begins with <|startoftranscript|>, labels are the inputs moved by one, and times rise within the window."""
    rng = np.random.default_rng(kind)
    sampler = Sampler([made_take("01"), made_take("02", 1)], [Take(made_take().power, "pl")], TOKENIZER)
    sample = sampler.draw(rng, 500)
    assert sample.inputs[0] == control(TOKENIZER, "startoftranscript")
    assert len(sample.inputs) == len(sample.labels) == len(sample.spans)
    assert all(
        label in (IGNORED, after) for label, after in zip(sample.labels[:-1], sample.inputs[1:], strict=True)
    ) or (sample.labels[0] == control(TOKENIZER, "nospeech"))
    times = [token - first_time(TOKENIZER) for token in sample.inputs if token >= first_time(TOKENIZER)]
    timed = control(TOKENIZER, "notimestamps") not in sample.inputs and len(sample.inputs) > 1
    assert bool(times) == timed
    assert times == sorted(times) and all(0 <= time * 0.02 <= sample.mel.shape[1] * 0.01 + 0.15 for time in times)
    assert sample.mel.shape[0] == 80 and sample.mel.shape[1] <= 501 and np.isfinite(sample.mel).all()
    assert sample.mel.max() - sample.mel.min() <= 2 + 1e-5, "80 dB, as the feature extractor keeps"


def test_a_sentence_that_is_cut_holds_the_words_that_are_in_the_audio():
    """A word whose end lies beyond the audio is left out, because a rolling transcript covers half sentences."""
    rng = np.random.default_rng(3)
    sampler = Sampler([made_take()], [], TOKENIZER)
    for _ in range(60):
        power, words = sampler._piece(rng, partial=True)
        assert 1 <= len(words) < 6
        assert words[-1].end <= power.shape[1] * 0.01 + 0.03


@given(st.integers(1, 400), st.integers(0, 2**31))
def test_features_and_powers_are_ways_back(frames, seed):
    """From faster-whisper's features to log powers and back is the same."""
    rng = np.random.default_rng(seed)
    mel = finish(rng.uniform(-9, 2, (80, frames)).astype(np.float32))
    np.testing.assert_allclose(finish(power_of(mel)), mel, atol=1e-5)


def test_aligned_words_follow_each_other_within_the_sound():
    """A made voice of distinct sounds: borders found within 50 ms, in order, both sentences together."""
    rng = np.random.default_rng(1)
    phones = sorted({p for words in PHONES.values() for word in words for p in word})
    spectra = {phone: rng.normal(0, 1.5, 80) for phone in phones}
    mels, sentences, truth = [], [], []
    for take in range(24):
        sentence = "01" if take % 2 else "02"
        pieces, edges, at = [rng.normal(-6, 0.3, (80, int(rng.integers(30, 60))))], [], 0
        at = pieces[0].shape[1]
        for word in PHONES[sentence]:
            edges.append(at)
            for phone in word:
                length = int(rng.integers(6, 14))
                pieces.append(spectra[phone][:, None] + rng.normal(0, 0.3, (80, length)))
                at += length
        pieces.append(rng.normal(-6, 0.3, (80, 40)))
        mels.append(np.concatenate(pieces, 1).astype(np.float32))
        sentences.append(sentence)
        truth.append((edges, at))
    for spoken, (edges, end) in zip(word_times(mels, sentences), truth, strict=True):
        np.testing.assert_allclose(spoken.starts, np.array(edges) / 100, atol=0.05)
        np.testing.assert_allclose(spoken.ends[:-1], spoken.starts[1:], atol=1e-9)
        assert abs(spoken.ends[-1] - end / 100) <= 0.05


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return make_model(TOKENIZER).eval()


def test_a_window_and_its_padding_are_the_thirty_seconds_that_faster_whisper_hands_over(network):
    """With every place of the padding seen, short windows give what 30 s give: to the last bits, logits too."""
    rng = np.random.default_rng(5)
    sampler = Sampler([made_take()], [], TOKENIZER)
    batch = gather([sampler.draw(rng, 400) for _ in range(2)], control(TOKENIZER, "endoftext"))
    window = batch.mel.shape[2] // 2
    whole = torch.nn.functional.pad(batch.mel, (0, 2 * POSITIONS - batch.mel.shape[2]))
    with torch.no_grad():
        short = encode(network, batch.mel, torch.arange(window, POSITIONS))
        full = encode(network, whole, torch.arange(0))
        torch.testing.assert_close(short.hidden, full.hidden, atol=1e-4, rtol=0)
        torch.testing.assert_close(
            decode(network, batch.inputs, short)[0], decode(network, batch.inputs, full)[0], atol=1e-4, rtol=0
        )


def test_our_passes_are_those_of_transformers(network):
    """The forward written here gives the logits that transformers' own gives on 30 s."""
    rng = np.random.default_rng(6)
    sampler = Sampler([made_take()], [], TOKENIZER)
    batch = gather([sampler.draw(rng, 400)], control(TOKENIZER, "endoftext"))
    whole = torch.nn.functional.pad(batch.mel, (0, 2 * POSITIONS - batch.mel.shape[2]))
    with torch.no_grad():
        ours = decode(network, batch.inputs, encode(network, whole, torch.arange(0)))[0]
        theirs = network(input_features=whole, decoder_input_ids=batch.inputs).logits
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_a_few_steps_lower_the_loss(network):
    """Gradients reach every weight that is trained, and following them helps."""
    torch.manual_seed(1)
    model = make_model(TOKENIZER)
    rng = np.random.default_rng(2)
    sampler = Sampler([made_take("01"), made_take("02", 1)], [], TOKENIZER)
    batch = gather([sampler.draw(rng, 400) for _ in range(8)], control(TOKENIZER, "endoftext"))
    tail = torch.arange(batch.mel.shape[2] // 2, POSITIONS, 90)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 2e-3)
    seen = []
    for _ in range(12):
        loss, said = loss_of(model, batch, 0.1, tail)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(said)
    assert seen[0] == pytest.approx(math.log(vocabulary_size(TOKENIZER)), rel=0.2)
    assert seen[-1] < 0.7 * seen[0]


def test_a_converted_model_is_multilingual_and_answers(network, tmp_path):
    """Untrained weights in the real library: it opens the folder, knows that there are languages, and transcribes."""
    convert(network, TOKENIZER, tmp_path / "made")
    model = WhisperModel(str(tmp_path / "made"), device="cpu", compute_type="int8", cpu_threads=1)
    assert model.model.is_multilingual
    segments, info = model.transcribe(np.zeros(16_000, np.float32), beam_size=1, temperature=0.0, max_new_tokens=8)
    assert info.language in ("en", "de", "pl")
    assert [segment.start for segment in segments if segment.start < 0] == []


@pytest.mark.parametrize(
    ("said", "recognized", "expected"),
    [("a b c", "a b c", 0), ("a b c", "", 3), ("", "a", 1), ("a b c", "a x c", 1), ("a b", "b", 1), ("a", "a a b", 2)],
)
def test_edits_are_the_fewest_words_to_change(said, recognized, expected):
    """Levenshtein's distance over words."""
    assert edits(said.split(), recognized.split()) == expected
    assert edits(recognized.split(), said.split()) == expected


def test_words_are_compared_without_case_and_punctuation():
    """As word error rates are."""
    assert plain_words(" Kids are TALKING, by the door.") == ["kids", "are", "talking", "by", "the", "door"]


@pytest.fixture(scope="module")
def tiny() -> WhisperModel:
    return WhisperModel(str(TINY_WHISPER), device="cpu", compute_type="int8", cpu_threads=1)


@pytest.mark.parametrize("clip", ["03-01-03-01-01-01-21", "03-01-05-01-02-01-22", "03-01-01-01-01-02-22"])
def test_the_real_library_transcribes_actors_outside_the_training_data(tiny, shared, clip):
    """faster-whisper with the tiny model: the sentence that is said, its words in order, on the clip's own clock."""
    audio = read_clip(shared / "ravdess" / f"{clip}.flac", 16_000)
    segments, info = tiny.transcribe(audio, beam_size=1, word_timestamps=True, condition_on_previous_text=False)
    words = [word for segment in segments for word in segment.words]
    said = plain_words(SENTENCES[clip.split("-")[4]])
    recognized = plain_words("".join(word.word for word in words))
    assert info.language == "en"
    assert edits(said, recognized) <= 1
    starts = [word.start for word in words]
    assert starts == sorted(starts) and starts[0] > 0.2 and words[-1].end <= len(audio) / 16_000


def test_half_a_sentence_is_transcribed_as_half_a_sentence(tiny, shared):
    """What a rolling transcript needs: words that were not said yet are not there yet."""
    audio = read_clip(shared / "ravdess" / "03-01-01-01-01-01-21.flac", 16_000)
    mel = FeatureExtractor()(audio)
    level = mel.mean(0)
    voiced = np.flatnonzero(level > level.min() + 0.4 * (np.percentile(level, 95) - level.min()))
    middle = (voiced[0] + (voiced[-1] - voiced[0]) // 2) * 160
    counts = []
    for stop in (middle, len(audio)):
        segments, _ = tiny.transcribe(audio[:stop], beam_size=1, condition_on_previous_text=False)
        counts.append(len(plain_words("".join(segment.text for segment in segments))))
    assert 0 < counts[0] < counts[1]
