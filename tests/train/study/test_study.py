"""`emoscope train study` on made voices: tables with intervals, nothing computed twice, and the same after a kill."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from waiting import wait_until

from emoscope.models.errors import UsageError
from emoscope.streamer.cli.main import main
from emoscope.train.corpora import Clip
from emoscope.train.errors import CheckpointInvalid, SplitInvalid
from emoscope.train.study.clips import study_clips, study_folds, thinned
from emoscope.train.study.designs import DESIGNS, chosen_rows
from emoscope.train.study.heads import MEAN_RULE, OWN_RULE, HeadShape
from emoscope.train.study.picture import draw
from emoscope.train.study.recipe import joined
from emoscope.train.study.rows import FILE, Rows, Trained
from emoscope.train.study.tables import markdown, report_of

torch.set_num_threads(1)

SPEAKERS = ("03", "08", "09", "10", "11", "13")


@pytest.fixture
def data(tmp_path, make_emodb):
    """A made EmoDB of six speakers."""
    make_emodb(tmp_path / "data" / "emodb", SPEAKERS, flat=True, seconds=1.0)
    return tmp_path / "data"


def command(study, data, work, *options, rows="statistics"):
    given = ("--corpus", "emodb", "--data", data, "--work", work, "--encoder", "small", "--rows", rows, "--steps", 2)
    return ["train", "study", study, *(str(one) for one in (*given, *options))]


def lines(out):
    return [json.loads(line) for line in (out / FILE).read_text().splitlines()]


def written(out):
    return (out / FILE).read_bytes().count(b"\n") if (out / FILE).is_file() else 0


def far_enough(process, out, least):
    return written(out) >= least or process.poll() is not None


def answers(out):
    """What decides the table: the trainings without their times."""
    return {(one["row"], one["seed"], one["fold"]): one["answers"] for one in lines(out)}


def test_one_command_makes_a_table_and_repeating_it_trains_nothing(tmp_path, data, capsys):
    """The reference is trained too; another seed adds to what is there."""
    out = tmp_path / "work" / "pooling"
    assert main(command("pooling", data, tmp_path / "work", "--seeds", 1)) == 0
    said = capsys.readouterr()
    assert "42 clips, 6 speakers, 7 classes, 4 folds" in said.err
    assert said.out.strip() == (out / "table.md").read_text().strip()
    assert "| average |" in said.out and "| statistics |" in said.out and "difference from average" in said.out
    report = json.loads((out / "report.json").read_text())
    assert report["corpora"] == {"emodb": 6} and report["seeds"] == 1
    assert [(line["row"], line["difference"] is None) for line in report["lines"]] == [
        ("average", True), ("statistics", False),
    ]  # fmt: skip
    made = (out / FILE).read_bytes()
    assert len(lines(out)) == 8  # two rows on four folds
    assert main(command("pooling", data, tmp_path / "work", "--seeds", 1)) == 0
    assert (out / FILE).read_bytes() == made and "seed 1" not in capsys.readouterr().err
    assert main(command("pooling", data, tmp_path / "work", "--seeds", 2)) == 0
    assert (out / FILE).read_bytes().startswith(made) and len(lines(out)) == 16
    assert not list(out.glob("part-*"))


def test_every_speaker_is_scored_once_by_a_head_that_did_not_hear_them(tmp_path, data):
    """In each row and seed; all their clips are counted."""
    assert main(command("pooling", data, tmp_path / "work", "--seeds", 1)) == 0
    for row in ("average", "statistics"):
        own = [one for one in lines(tmp_path / "work" / "pooling") if one["row"] == row]
        scored = [speaker for one in own for speaker in one["answers"][OWN_RULE]]
        assert sorted(scored) == sorted(SPEAKERS)
        for one in own:
            held = one["answers"][OWN_RULE]
            assert one["clips"] == 42 - 7 * len(held)
            assert all(np.sum(matrix) == 7 for matrix in held.values())


def test_segments_answer_by_the_surest_segment_and_by_the_mean(tmp_path, data):
    """Two rules of the same weights; without segments there is one."""
    assert main(command("segments", data, tmp_path / "work", "--seeds", 1, rows="seg+tri(S)")) == 0
    rules = {one["row"]: sorted(one["answers"]) for one in lines(tmp_path / "work" / "segments")}
    assert rules == {"baseline": [OWN_RULE], "seg+tri(S)": sorted([OWN_RULE, MEAN_RULE])}
    assert "| seg+tri(S), by the mean |" in (tmp_path / "work" / "segments" / "table.md").read_text()


def test_a_study_that_was_killed_goes_on_to_the_same_rows(tmp_path, data):
    """Killed between two lines or in the middle of one, and stopped by Ctrl+C in the middle of a training."""
    assert main(command("pooling", data, tmp_path / "work", "--seeds", 1, "--out", tmp_path / "whole")) == 0
    out = tmp_path / "torn"
    given = command("pooling", data, tmp_path / "work", "--seeds", 1, "--out", out)
    for number, count in ((signal.SIGKILL, 2), (signal.SIGINT, 4)):
        process = subprocess.Popen(
            [sys.executable, "-m", "emoscope.streamer.cli", *given], stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        wait_until(partial(far_enough, process, out, count))
        process.send_signal(number)
        process.wait(100)
        whole = (out / FILE).read_bytes()
        (out / FILE).write_bytes(whole[:-20])  # as if the last line had been cut off
    assert main(given) == 0
    assert answers(out) == answers(tmp_path / "whole")
    assert (out / "table.md").read_text() == (tmp_path / "whole" / "table.md").read_text()


def test_rows_of_other_settings_are_not_mixed(tmp_path, data, capsys):
    """Nor those of another study, nor a file that is none."""
    out = tmp_path / "out"
    assert main(command("pooling", data, tmp_path / "work", "--seeds", 1, "--out", out)) == 0
    capsys.readouterr()
    assert main(command("pooling", data, tmp_path / "work", "--seeds", 1, "--out", out, "--each", 9)) == 1
    assert "begun with other clips of emodb, another encoder or other settings" in capsys.readouterr().err
    assert main(command("segments", data, tmp_path / "work", "--out", out, rows="seg")) == 1
    assert "holds the pooling study" in capsys.readouterr().err
    (out / FILE).write_text("{}\n")
    with pytest.raises(CheckpointInvalid, match="line 1: not of a study"):
        Rows(out)


def test_kept_actors_are_left_out(tmp_path, make_ravdess):
    """Actors 21 to 24 serve to score other models; of segments, calm counts as neutral."""
    make_ravdess(tmp_path / "ravdess", ("01", "02", "03", "04", "05", "06", "21", "24"), flat=True, seconds=0.05)
    clips = study_clips("ravdess", tmp_path)
    assert sorted({clip.speaker for clip in clips}) == ["01", "02", "03", "04", "05", "06"]
    few = study_clips("ravdess", tmp_path, each=3)
    assert len(few) == 6 * 8 * 3 and few == study_clips("ravdess", tmp_path, each=3)
    assert "calm" not in DESIGNS["segments"].labels("ravdess", ["calm", "neutral", "sad"])
    assert DESIGNS["segments"].labels("iemocap", ["angry", "bored"]) == ("angry", "happy", "neutral", "sad")
    assert "calm" in DESIGNS["pooling"].labels("ravdess", ["calm", "neutral", "sad"])


def test_too_few_speakers_are_refused(tmp_path, make_emodb):
    """An interval by speakers would mean nothing."""
    make_emodb(tmp_path / "emodb", SPEAKERS[:5], flat=True, seconds=0.05)
    with pytest.raises(SplitInvalid, match="5 known speakers to learn from"):
        study_clips("emodb", tmp_path)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["sad", "happy"])), max_size=40), st.integers(1, 5))
def test_thinning_keeps_order_and_at_most_so_many(whose, each):
    clips = [Clip("x", f"{i:02}", Path("x"), speaker, label) for i, (speaker, label) in enumerate(whose)]
    kept = thinned(clips, each)
    assert kept == [clip for clip in clips if clip in kept]
    for speaker, label in set(whose):
        of_all = sum(1 for clip in clips if (clip.speaker, clip.label) == (speaker, label))
        of_kept = sum(1 for clip in kept if (clip.speaker, clip.label) == (speaker, label))
        assert of_kept == min(each, of_all)


def test_folds_keep_speakers_apart():
    clips = [Clip("x", f"{s}{i}", Path("x"), f"s{s}", ("sad", "happy")[i % 2]) for s in range(9) for i in range(4)]
    folds = study_folds(clips)
    assert folds.by == "speaker" and len(folds.held_out) == 4
    held = [{clip.speaker for clip in part} for part in folds.held_out]
    assert sum(map(len, held)) == len(set.union(*held)) == 9


def test_frames_are_averaged_in_pairs():
    frames = np.array([[1, 2], [3, 6], [5, 5]], np.float16)
    assert joined(frames, 2).tolist() == [[2, 4]]
    assert joined(frames[:1], 2).tolist() == [[1, 2]]
    assert joined(frames, 1).tolist() == frames.tolist()


@pytest.mark.parametrize("row", ["tri(W)", "seg+tri(S)", "seg+tri(W)"])
def test_a_triplet_moves_the_projection(row):
    """Over frozen frames alone it could move nothing: something is trained before the mean."""
    torch.manual_seed(1)
    head: Any = DESIGNS["segments"].head(row, "ravdess", 6, 0.08, [4, 4], HeadShape(width=8))
    frames, mask = torch.randn(8, 50, 6), torch.ones(8, 50, dtype=torch.bool)
    head.config = replace(head.config, alpha=1.0)  # the triplet alone
    head.loss(frames, mask, torch.tensor([0, 1] * 4), 0).backward()
    assert head.project[0].weight.grad.abs().sum() > 0 and head.head.weight.grad.abs().sum() == 0


def test_segments_last_as_long_as_in_the_paper():
    """80 frames of 20 ms with a stride of 40 are 20 frames of 80 ms with a stride of 10."""
    made: list[Any] = [
        DESIGNS["segments"].head("seg+tri(W)", corpus, 6, 0.08, [4, 4], HeadShape(width=8))
        for corpus in ("ravdess", "emodb")
    ]
    assert [(one.config.segment, one.config.stride, one.config.alpha) for one in made] == [
        (20, 10, 0.2),
        (20, 10, None),
    ]


@pytest.mark.parametrize("row", DESIGNS["pooling"].rows)
def test_every_pooling_learns_the_same_way(row):
    """Padding changes nothing in its answer."""
    torch.manual_seed(1)
    head = DESIGNS["pooling"].head(row, "emodb", 6, 0.08, [3, 5], HeadShape(width=8)).eval()
    frames = torch.randn(2, 9, 6)
    mask = torch.arange(9)[None] < torch.tensor([[9], [5]])
    short = head.logits(frames[1:, :5], mask[1:, :5])[OWN_RULE]
    torch.testing.assert_close(head.logits(frames, mask)[OWN_RULE][1:], short)


def trained(row, seed, fold, right, speakers=8, corpus="emodb"):
    """A training that answers the share `right` of ten clips of each of two classes, for half of the speakers."""
    hits = round(10 * right)
    matrix = [[hits, 10 - hits], [10 - hits, hits]]
    own = [f"s{i}" for i in range(speakers) if i % 2 == fold]
    return Trained(
        study="pooling", corpus=corpus, row=row, seed=seed, fold=fold, settings="x", classes=["a", "b"], clips=1,
        parameters=5, seconds=1.0, loss=0.1, answers={OWN_RULE: dict.fromkeys(own, matrix)},
    )  # fmt: skip


def test_a_difference_that_every_speaker_shows_excludes_zero():
    """And a row that answers as the reference does not differ; the score is the mean over the seeds."""
    rows = {"average": (0.5, 0.7), "max": (0.5, 0.7), "AS": (0.9, 0.9)}
    some = [trained(row, seed, fold, rows[row][seed]) for row in rows for seed in (0, 1) for fold in (0, 1)]
    report = report_of(DESIGNS["pooling"], some, rounds=400)
    found: dict[str, Any] = {line.row: line for line in report.lines}
    assert [line.row for line in report.lines] == ["max", "average", "AS"]
    assert found["average"].scores["UAR"].value == 0.6 and found["average"].difference is None
    assert (found["average"].scores["UAR"].low, found["average"].scores["UAR"].high) == (0.5, 0.7)  # its two seeds
    assert found["max"].difference.value == 0.0 and not found["max"].difference.excludes_zero
    assert found["AS"].difference.value == pytest.approx(0.3) and found["AS"].difference.excludes_zero
    assert found["AS"].seeds == 0.0 and found["average"].seeds == pytest.approx(0.2 / 2**0.5, abs=1e-4)
    table = markdown(report, DESIGNS["pooling"])
    assert "| AS | 5 | .900 (.900 to .900) | **+.300 (+.200 to +.400)** | .000 | .900 | .388 (+.033) |" in table


def test_the_mean_of_two_corpora_has_its_own_lines():
    some = [
        trained(row, 1, fold, right, corpus=corpus)
        for corpus, better in (("emodb", 0.8), ("nemo", 0.6))
        for row, right in (("average", 0.5), ("AS", better))
        for fold in (0, 1)
    ]
    report = report_of(DESIGNS["pooling"], some, rounds=100)
    mean = [line for line in report.lines if line.corpus == "all"]
    assert [(line.row, round(line.scores["UAR"].value, 3)) for line in mean] == [("average", 0.5), ("AS", 0.7)]
    table = markdown(report, DESIGNS["pooling"])
    assert "| macro F1 | emodb | nemo | all | paper |" in table
    assert "| AS | .800 **+.300 (+.300 to +.300)** | .600 **+.100 (+.100 to +.100)** | .700 **+.200" in table
    assert mean[1].difference is not None and mean[1].difference.value == pytest.approx(0.2) and mean[1].seeds is None


@pytest.mark.parametrize("ending", [".svg", ".png"])
def test_the_picture_shows_every_difference(ending, tmp_path):
    """The same report gives the same file."""
    some = [trained(row, 1, fold, 0.5) for row in ("average", "AS", "max") for fold in (0, 1)]
    report = report_of(DESIGNS["pooling"], some, rounds=100)
    for name in ("one", "two"):
        draw(report, tmp_path / f"{name}{ending}")
    content = (tmp_path / f"one{ending}").read_bytes()
    assert content == (tmp_path / f"two{ending}").read_bytes()
    if ending == ".svg":
        assert all(f">{text}<".encode() in content for text in ("AS", "max", "emodb"))
        assert b"difference from average" in content


def test_rows_that_a_table_does_not_have_are_named():
    with pytest.raises(UsageError, match="the segments study has no row 'AS'; it has baseline"):
        chosen_rows(DESIGNS["segments"], ["AS"])
    assert chosen_rows(DESIGNS["segments"], ["seg"]) == ("baseline", "seg")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("pooling", "--rows", "MQHMA"), "has no row 'MQHMA'"),
        (("pooling", "--corpus", "emobd"), "no corpus 'emobd'"),
        (("pooling", "--corpus", ","), "name at least one corpus"),
        (("pooling", "--layer", "3"), "it is for public encoders"),
        (("pooling", "--picture", "x.svg", "--rows", "average"), "leaves nothing to compare"),
        (("pooling", "--picture", "x.pdf"), "its name must end in .png or .svg"),
        (("pooling", "--seeds", "0"), "must be at least 1"),
        (("poolings",), "pooling"),
    ],
)
def test_bad_options_are_said_without_a_traceback(given, said, tmp_path, capsys):
    work = ("--data", str(tmp_path), "--work", str(tmp_path / "work"))
    assert main(["train", "study", *given, *work]) in (1, 2)
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told
