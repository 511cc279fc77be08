"""The command `emoscope analyse`, on a corpus of half a minute and models of a few hundred weights."""

import csv
import io
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from models.checkpoint_files import superb

from emoscope.streamer.cli.main import main as run_command

from ..evaluation.random_models import write_model

pytest.importorskip("matplotlib", reason="pictures need matplotlib")

UNHEARD = "08,10,11,13"  # by the model
NAMES = ("cumulative", "energy", "phonemes", "tsne", "reliability", "confusion", "seconds", "agreement")


@pytest.fixture
def analyse(model, data, tmp_path):
    """Runs an analysis of the corpus; a model may be named instead of the usual one."""

    def run(name, *arguments, models=model, speakers=UNHEARD):
        common = ["--corpus", "emodb", "--data", data, "--work", tmp_path / "work", "--vad", "webrtc"]
        who = ["--speakers", speakers] if speakers else []
        named = ["--model", models] if models else []
        return run_command([str(part) for part in ["analyse", name, *common, *who, *named, *arguments]])

    return run


@pytest.fixture
def options(model, tiny_model, tmp_path):
    """What each analysis needs beside the corpus to have enough of a small one."""
    other = write_model(tmp_path / "other", tiny_model, {}, seed=6)
    return {
        "phonemes": ({}, ["--fewest", "5"]),
        "tsne": ({"speakers": None}, ["--perplexity", "5"]),
        "agreement": ({"models": f"{model},{other}"}, []),
    }


@pytest.mark.parametrize("name", NAMES)
def test_each_analysis_prints_a_table_and_writes_a_picture_and_a_csv(name, analyse, options, tmp_path, capsys):
    """A picture is whole; the CSV has a row for every number of it."""
    changes, more = options.get(name, ({}, []))
    for suffix in (".svg", ".png"):
        picture, table = tmp_path / f"p{suffix}", tmp_path / "p.csv"
        extra = ["--dark"] if suffix == ".png" else []
        assert analyse(name, *more, *extra, "--out", picture, "--csv", table, **changes) == 0
        said = capsys.readouterr()
        assert "emodb" in said.out and str(picture) in said.out and "Traceback" not in said.err
    assert picture.read_bytes().startswith(b"\x89PNG") and len(picture.read_bytes()) < 150_000
    words = "".join(ET.fromstring((tmp_path / "p.svg").read_text()).itertext())
    assert said.out.splitlines()[0] in words, "the title is in the picture"
    rows = list(csv.reader(io.StringIO(table.read_text())))
    assert len(rows) > 1 and {len(row) for row in rows} == {len(rows[0])}


def test_the_second_analysis_of_a_model_loads_none(analyse, capsys, monkeypatch):
    """What was heard for one picture serves the next."""
    assert analyse("cumulative") == 0
    assert analyse("reliability") == 0
    first = capsys.readouterr().out

    def refuse(*arguments, **options):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("emoscope.streamer.engine.opening.open_engine", refuse)
    monkeypatch.setattr("emoscope.train.evaluation.pool.open_engine", refuse)
    assert analyse("cumulative") == 0
    assert analyse("reliability") == 0
    assert capsys.readouterr().out == first
    for name in ("energy", "confusion", "seconds"):
        assert analyse(name) == 0


def test_numbers_are_those_of_evaluate(analyse, model, data, capsys):
    """Recall and UAR are counted by the same code from the same answers."""
    assert analyse("confusion") == 0
    told = capsys.readouterr().out
    evaluate = ["evaluate", "--model", model, "--corpus", "emodb", "--data", data, "--speakers", UNHEARD]
    assert run_command([str(part) for part in [*evaluate, "--vad", "webrtc"]]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("UAR"))
    uar = line.split(")")[1].split()[0]
    assert f"UAR 0{uar}" in told


def test_a_voice_that_the_model_knows_is_named_and_is_never_scored(analyse, capsys):
    """Attention may be looked at; how right an answer is may not, unless it is allowed, and then that is said."""
    assert analyse("cumulative", speakers="03,08") == 0
    assert "trained on 1 of these 2 speakers (03)" in capsys.readouterr().out
    assert analyse("confusion", speakers="03,08") == 1
    assert "trained on 03 of emodb" in capsys.readouterr().err
    assert analyse("confusion", "--allow-trained", speakers="03") == 0
    assert "trained on all of these speakers" in capsys.readouterr().out


def test_attention_over_a_recording_marks_its_strongest_moments(model, conversation, tmp_path, capsys):
    """A row of the table for each utterance, and a strip of the picture for each recording."""
    picture = tmp_path / "attention.svg"
    assert run_command(["analyse", "attention", str(conversation), "--model", str(model), "-o", str(picture)]) == 0
    said = capsys.readouterr().out
    assert "1 recording, 16 utterances" in said and said.count("conversation.flac") == 16
    assert "conversation.flac" in "".join(ET.fromstring(picture.read_text()).itertext())


@pytest.mark.parametrize(
    ("name", "changes", "arguments", "code", "said"),
    [
        ("heat", {}, [], 2, "cumulative"),
        ("cumulative", {"models": "big"}, [], 1, "no model 'big'"),
        ("cumulative", {}, ["--out", "picture.pdf"], 2, ".png or .svg"),
        ("cumulative", {}, ["--csv", "table.txt"], 2, "ends in .csv"),
        ("cumulative", {"speakers": "77"}, [], 1, "--speakers 77: not in emodb"),
        ("cumulative", {}, ["--limit", "0"], 2, "--limit 0"),
        ("cumulative", {}, ["--vad", "silero", "--vad-threshold", "0.99"], 1, "no speech was found"),
        ("energy", {"models": "small,whisper"}, [], 2, "this picture shows one model"),
        ("phonemes", {}, [], 1, "--fewest N"),
        ("phonemes", {}, ["--top", "1"], 2, "--top 1"),
        ("tsne", {"speakers": "08"}, [], 1, "of one speaker"),
        ("tsne", {"speakers": "08,10"}, ["--perplexity", "5"], 1, "14 clips with speech are too few"),
        ("tsne", {}, ["--perplexity", "0"], 2, "from 5 to 100"),
        ("agreement", {}, [], 2, "two models or more"),
        ("confusion", {}, ["--protocol", "nine"], 2, "--protocol nine"),
        ("reliability", {}, ["--folds", "/nowhere"], 1, "fold-0"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(name, changes, arguments, code, said, analyse, capsys):
    """There is no traceback, and nothing on stdout."""
    try:
        found = analyse(name, *arguments, **changes)
    except SystemExit as leaving:
        found = leaving.code
    captured = capsys.readouterr()
    assert found == code and said in captured.err and "Traceback" not in captured.err
    assert captured.out == ""
    told = [line for line in captured.err.splitlines() if line.startswith("emoscope analyse:")]
    assert name == "heat" or len(told) == 1 or captured.err.count("\n") == 1


def test_a_corpus_without_phonemes_names_one_that_has_them(analyse, data, capsys):
    """EmoDB without its folder `lablaut` has none either."""
    for path in (data / "emodb" / "lablaut").iterdir():
        path.unlink()
    assert analyse("phonemes") == 1
    assert "no times of phonemes" in (said := capsys.readouterr().err) and "lablaut" in said


def test_a_corpus_that_is_none_is_answered_with_those_there_are(model, data, capsys):
    """Sounds without a voice have no labels."""
    for corpus in ("iemocap", "sounds"):
        assert run_command(["analyse", "cumulative", "--corpus", corpus, "--data", str(data)]) == 2
        assert f"--corpus {corpus}: there are ravdess, emodb" in capsys.readouterr().err


def test_a_model_without_attention_is_named(analyse, tmp_path, capsys):
    """A public checkpoint that averages its frames has embeddings, but no attention."""
    superb(tmp_path / "average")
    assert analyse("cumulative", models=tmp_path / "average", speakers="08") == 2
    assert "weighs all frames alike" in capsys.readouterr().err
    assert analyse("tsne", "--perplexity", "5", models=tmp_path / "average", speakers=None) == 0


def test_without_matplotlib_or_scikit_learn_one_line_says_what_to_install(analyse, tmp_path, monkeypatch, capsys):
    """A table needs no matplotlib."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert analyse("cumulative") == 0
    assert analyse("cumulative", "-o", tmp_path / "p.png") == 1
    assert "pip install 'emoscope[pictures]'" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert analyse("tsne") == 1
    assert "pip install 'emoscope[train]'" in capsys.readouterr().err


SCRIPT = """
import os, signal, sys
from emoscope.streamer.cli.main import main
from emoscope.train import progress
advance = progress.Stage.advance
def advance_and_stop(stage, *arguments):
    advance(stage, *arguments)
    if stage.done == 3:
        os.kill(os.getpid(), signal.SIGINT)
progress.Stage.advance = advance_and_stop
if __name__ == "__main__":
    sys.exit(main(["analyse", *sys.argv[1:]]))
"""


def test_after_ctrl_c_the_same_command_goes_on(analyse, model, data, tmp_path):
    """The signal comes after three clips: these are kept, and the next run makes the others."""
    common = ["--corpus", "emodb", "--data", data, "--work", tmp_path / "work", "--vad", "webrtc"]
    command = [sys.executable, "-c", SCRIPT, "seconds", "--model", model, *common, "--speakers", UNHEARD]
    stopped = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=120)
    assert stopped.returncode == 130 and stopped.stdout == "" and "Traceback" not in stopped.stderr
    assert "stopped after 3 of 28 clips; the same command goes on from there" in stopped.stderr
    (kept,) = (tmp_path / "work").glob("readings-*.jsonl")
    assert len(kept.read_text().splitlines()) == 3
    assert analyse("seconds") == 0
    assert len(kept.read_text().splitlines()) == 28
