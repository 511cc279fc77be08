"""`emoscope evaluate --words`: words against what was said, through the live path."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer.cli.main import main
from emoscope.streamer.protocol.events import SpokenWord, TranscriptFinal
from emoscope.train.corpora import load_corpora
from emoscope.train.evaluation.heard import lags
from emoscope.train.evaluation.words import Spread, plain, spread, word_errors

WHISPER = f"faster-whisper:{Path(__file__).parents[2] / 'fixtures' / 'tiny-whisper'}"
SENTENCES = st.lists(st.sampled_from(["kids", "are", "talking", "by", "the", "door"]), max_size=6).map(" ".join)


def evaluate(*options: object) -> int:
    return main(["evaluate", "--words", *map(str, options)])


def test_errors_are_substitutions_deletions_and_insertions():
    """Counted by hand; the first word, a word in the middle, the last."""
    said = "kids are talking by the door"
    assert word_errors(said, said) == 0
    assert word_errors(said, "kits are talking by door now") == 3
    assert word_errors(said, "") == 6
    assert word_errors("", "thank you") == 2
    assert word_errors("", "") == 0


@given(SENTENCES, SENTENCES)
def test_errors_are_the_same_in_both_directions_and_bounded(one, other):
    """A deletion in one direction is an insertion in the other."""
    assert word_errors(one, other) == word_errors(other, one)
    assert abs(len(one.split()) - len(other.split())) <= word_errors(one, other)
    assert word_errors(one, other) <= max(len(one.split()), len(other.split()))


def test_case_punctuation_and_composed_letters_are_no_errors():
    """What a recognizer writes differs from a corpus's table in these."""
    assert plain("  Könnte ich's, es ihm -- SAGEN?! ") == "könnte ich's es ihm sagen"
    assert plain("o\N{COMBINING DIAERESIS}ffnen") == plain("öffnen")


def test_the_sentences_of_ravdess_are_counted_through_the_live_path(shared, capsys):
    """The small recognizer of the tests knows both sentences, in voices that it learnt from."""
    code = evaluate(
        "--corpus", "ravdess", "--data", shared, "--speakers", "01", "--limit", 4, "--asr", WHISPER, "--json"
    )
    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (found["clips"], found["words"]) == (4, 24) and found["utterances"] >= 4
    assert found["errors"] < 0.5 and found["ci95"][0] <= found["errors"] <= found["ci95"][1]
    assert found["languages"].keys() == {"en"} and 0 < found["minutes"] < 0.5
    assert len(found["worst"]) <= 4 and all(said.endswith("by the door") for _, said, _ in found["worst"])


def test_a_session_a_speaker_has_one_column_for_each_corpus_with_everything(shared, tmp_path, capsys):
    """Times, lag, cost, one pass beside the live path, and what words change, in recordings that follow each other."""
    options = ("--data", shared, "--session", "speaker", "--language", "en", "--limit", 3, "--asr", WHISPER)
    assert evaluate("--corpus", "ravdess", "--speakers", "21", "--json", *options) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["sessions"], found["clips"], found["words"]) == (1, 3, 18) and found["language"] == "en"
    assert found["offline"] < 0.5 and found["changes"] == 0 and found["right_language"] == 1.0
    # A word is there once the silence after its utterance was long enough, or with an interim pass before.
    assert found["lag"]["count"] == found["recognized"] and 0.1 < found["lag"]["median"] < 4.0
    readings = found["readings"]
    assert readings["scored"] == 3 and readings["gain"] == pytest.approx(readings["both"] - readings["voice"])
    assert 0.0 <= readings["share"] <= readings["greatest"] <= 1.0 and readings["finals"] == found["utterances"]
    assert found["processor_s"] is None or found["processor_s"][0] > 0.0
    assert evaluate("--corpus", "ravdess,emodb", *options) == 0
    said = capsys.readouterr().out
    assert said.count("word error rate") == 1 and "ravdess" in said and "emodb" in said and "told en" in said


def test_a_words_lag_ends_with_the_first_event_that_shows_it_as_it_stays():
    """A word that an interim had otherwise, or elsewhere, is not shown yet."""
    words = [SpokenWord(word=word, start=end - 0.2, end=end, p=0.9) for word, end in (("by", 1.0), ("the", 1.2))]
    final = TranscriptFinal(
        seq=1, utterance=1, start=0.5, end=1.3, text="by the", stable=6, language="en", language_p=0.9, words=words
    )
    shown = [(1.1, ["buy"]), (1.5, ["by", "a"]), (2.0, ["by", "the"])]
    assert lags(final, shown) == pytest.approx((0.5, 0.8))


def test_times_are_told_with_their_median_and_their_ninth_decile():
    assert spread([]) is None
    assert spread([0.0, 1.0, 2.0, 3.0, 10.0]) == Spread(median=2.0, p90=7.2, count=5)


def test_words_where_a_corpus_has_no_text_are_only_counted(tmp_path, capsys):
    """Of sounds every word would be an invented one."""
    import numpy as np
    import soundfile

    (tmp_path / "sounds").mkdir()
    noise = np.random.default_rng(0).normal(0, 0.02, 32_000).astype(np.float32)
    for number in range(2):
        soundfile.write(tmp_path / "sounds" / f"rain_{number:02}.wav", noise, 16_000)
    assert evaluate("--corpus", "sounds", "--data", tmp_path, "--asr", WHISPER) == 0
    said = capsys.readouterr().out
    rows = {line[:30].strip(): line[30:].strip() for line in said.splitlines()}
    assert (rows["clips, utterances"], rows["words recognized"], rows["word error rate"]) == ("2, 0", "0", "-")


def test_a_sentence_that_outlasts_its_recording_has_no_text(tmp_path, make_emodb):
    """Copies of EmoDB are cut to one length; the phone times tell."""
    folder = make_emodb(tmp_path / "emodb", ("03",), flat=True, seconds=0.6)
    (folder / "lablaut").mkdir()
    for emotion, last in (("W", 0.5), ("L", 5.0)):
        lines = ["signal x", "#", "    0.080109   -1 _t", f"    {last:.6f}   -1 k", f"    {last + 0.4:.6f}   -1 ."]
        (folder / "lablaut" / f"03a01{emotion}axx.lablaut").write_text("\n".join(lines) + "\n")
    clips = load_corpora(tmp_path, ["emodb"])
    texts = {clip.name: clip.text for clip in clips}
    sentence = "Der Lappen liegt auf dem Eisschrank"
    assert texts == {name: "" if name == "03a01La" else sentence for name in texts} and len(texts) == 7
    # A closure, in which nothing is heard, comes before the first sound.
    assert {clip.name: clip.spoken for clip in clips if clip.spoken} == {"03a01Wa": (0.080109, 0.5)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--corpus", "emodb"), "--words needs a recognizer"),
        (("--corpus", "emodb", "--asr", WHISPER, "--whole"), "--whole does not apply"),
        (("--corpus", "emodb", "--asr", WHISPER, "--baseline", "running"), "--baseline running does not apply"),
        (("--corpus", "emodb", "--asr", WHISPER, "--limit", 0), "--limit 0: must be at least 1"),
        (("--corpus", "goemotions", "--asr", WHISPER), "goemotions"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path, make_emodb, capsys, options, message):
    """Exit code 2, before anything is transcribed."""
    make_emodb(tmp_path / "emodb", ("03",), flat=True)
    assert evaluate(*options, "--data", tmp_path) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_a_limit_without_words_is_refused(capsys):
    """It would seem to have an effect."""
    assert main(["evaluate", "--corpus", "emodb", "--limit", "3"]) == 2
    assert "--language and --limit are of --words" in capsys.readouterr().err
