"""The evaluation itself: its figures, sessions, folds and refusals, on corpora of a minute."""

from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile

from emoscope.models.cards import read_card, write_card
from emoscope.models.store import load_model
from emoscope.streamer import Config, VadConfig, replay
from emoscope.train.corpora import load_corpora
from emoscope.train.errors import SpeakerLeak, SplitInvalid
from emoscope.train.evaluation.conditions import parse_conditions
from emoscope.train.evaluation.evaluate import Plan, evaluate
from emoscope.train.evaluation.protocols import own_protocol
from emoscope.train.evaluation.selection import fold_models, one_model
from emoscope.train.evaluation.sessions import SessionConfig
from emoscope.train.evaluation.tables import one_line

from .random_models import write_model

MADE = Config(pace="fast", attention=False, vad=VadConfig(backend="webrtc"))
"""For made voices, which the default detector refuses."""


def test_the_figures_are_those_of_the_finals_that_replay_gives(model, data):
    """For each clip, the readings of the live path are scored."""
    clips = load_corpora(data, ["emodb"])
    report = evaluate(
        Plan(config=MADE, corpus="emodb", parts=one_model(model, clips, True), protocol=own_protocol("emodb"))
    )
    assert [row.name for row in report.clips] == [clip.name for clip in clips]
    right = 0
    for clip, row in zip(clips, report.clips, strict=True):
        finals = [e for e in replay(clip.path, model, config=MADE) if e.type == "emotion.final"]
        assert len(finals) == 1
        assert row.scores == pytest.approx(finals[0].scores, abs=1e-5)
        classes = own_protocol("emodb").classes
        merged = {
            name: finals[0].scores[name] + (finals[0].scores["calm"] if name == "neutral" else 0) for name in classes
        }
        right += max(merged, key=merged.__getitem__) == clip.label
    assert report.figures.wa == pytest.approx(right / len(clips))


def test_two_processes_give_the_same_report_as_one(model, data):
    """The reports are equal to the last digit."""
    clips = load_corpora(data, ["emodb"])
    plan: dict[str, Any] = {
        "corpus": "emodb",
        "parts": one_model(model, clips, True),
        "protocol": own_protocol("emodb"),
        "others": clips,
    }
    conditions = parse_conditions(["babble:5"])
    alone = evaluate(Plan(**plan, config=MADE, conditions=conditions))
    both = evaluate(Plan(**plan, config=MADE, conditions=conditions, jobs=2))
    assert one_line(alone) == one_line(both)
    assert alone.conditions["babble:5"].n == len(clips)


def test_a_speakers_session_gives_each_clip_the_same_reading_as_a_session_of_its_own(model, data):
    """Without a baseline, other clips change only where an utterance ends (the last moment of a recording is cut)."""
    clips = load_corpora(data, ["emodb"])
    plan: dict[str, Any] = {
        "corpus": "emodb",
        "parts": one_model(model, clips, True),
        "protocol": own_protocol("emodb"),
    }
    alone = evaluate(Plan(**plan, config=MADE))
    for order in ("shuffled", "blocks"):
        together = evaluate(Plan(**plan, config=MADE, sessions=SessionConfig(session="speaker", order=order)))
        assert together.session == "speaker" and together.order == order
        assert together.figures.silent == 0
        assert len(alone.clips) == len(clips) == 21
        for one, other in zip(alone.clips, together.clips, strict=True):
            assert one.name == other.name
            assert one.scores == pytest.approx(other.scores, abs=0.05)


def test_an_enrolled_voice_changes_the_readings_and_its_calm_clip_is_not_scored(tmp_path, tiny_model, make_emodb):
    """Alone or in a speaker's session, each clip has the same speaker profile."""
    make_emodb(tmp_path / "emodb", ("08", "11"), flat=True, seconds=1.6)
    clips = load_corpora(tmp_path, ["emodb"])
    model = write_model(tmp_path / "model", tiny_model, {}, baseline=True)
    plan: dict[str, Any] = {
        "corpus": "emodb",
        "parts": one_model(model, clips, False),
        "protocol": own_protocol("emodb"),
    }
    off = {row.name: row.scores for row in evaluate(Plan(**plan, config=MADE)).clips}
    enrolled = msgspec.structs.replace(MADE, baseline="enrolled")
    alone, together = (
        evaluate(Plan(**plan, config=enrolled, sessions=SessionConfig(session=session, enrol=4)))
        for session in ("recording", "speaker")
    )
    assert alone.baseline == "enrolled" and alone.figures.absent == ["neutral"]
    assert [row.name for row in alone.clips] == [clip.name for clip in clips if clip.label != "neutral"]
    assert len(alone.clips) == 12
    for one, other in zip(alone.clips, together.clips, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=0.05)
        assert one.scores != pytest.approx(off[one.name], abs=1e-4)


def test_each_fold_is_scored_by_its_own_model(tmp_path, tiny_model, make_emodb):
    """Figures are pooled over all clips; a model that was trained on its own fold is a leak."""
    make_emodb(tmp_path / "emodb", ("03", "08", "09", "10", "11", "12"), flat=True)
    clips = load_corpora(tmp_path, ["emodb"])
    sides = [{"03", "08"}, {"09", "10"}, {"11", "13", "15"}, {"12", "14", "16"}]
    everybody = {"03", "08", "09", "10", "11", "12"}
    folders = [
        write_model(tmp_path / f"fold-{i}", tiny_model, {"emodb": sorted(everybody - side)}, seed=i)
        for i, side in enumerate(sides)
    ]
    parts = fold_models(folders, clips, False)
    report = evaluate(Plan(config=MADE, corpus="emodb", parts=parts, protocol=own_protocol("emodb")))
    assert report.figures.n == 42 and report.figures.ci95_by == "speaker"
    assert [fold.n for fold in report.folds] == [14, 14, 7, 7]
    pooled = sum(fold.n * fold.wa for fold in report.folds) / 42
    assert report.figures.wa == pytest.approx(pooled)
    with pytest.raises(SpeakerLeak):
        fold_models([folders[1], folders[0], *folders[2:]], clips, False)
    with pytest.raises(SplitInvalid, match="in no fold: 99"):
        fold_models(folders, [changed(clips[0], speaker="99")], False)


def changed(clip, **changes):
    from dataclasses import replace

    return replace(clip, **changes)


def test_a_speaker_without_a_final_counts_as_wrong(model, data):
    """Noise in place of speech gives no reading, counts as wrong, and its share is reported."""
    rng = np.random.default_rng(0)
    for path in (data / "emodb" / "wav").glob("08*.wav"):
        soundfile.write(path, (1e-4 * rng.standard_normal(16_000)).astype(np.float32), 16_000)
    clips = [clip for clip in load_corpora(data, ["emodb"]) if clip.speaker != "03"]
    figures = evaluate(
        Plan(config=MADE, corpus="emodb", parts=one_model(model, clips, False), protocol=own_protocol("emodb"))
    ).figures
    assert figures.silent == pytest.approx(0.5)
    assert np.array(figures.confusion)[:, -1].sum() == 7
    assert figures.wa <= 0.5


def test_whole_is_the_offline_answer_without_a_detector(model, data):
    """Silence around the speech is part of the input, so the answer differs from the stream's."""
    import torch

    clips = load_corpora(data, ["emodb"])[:3]
    report = evaluate(
        Plan(
            config=MADE,
            corpus="emodb",
            parts=one_model(model, clips, True),
            protocol=own_protocol("emodb"),
            how="whole",
        )
    )
    assert len(report.clips) == 3
    loaded: Any = load_model(model)
    for clip, row in zip(clips, report.clips, strict=True):
        audio, _ = soundfile.read(clip.path, dtype="float32")
        with torch.inference_mode():
            scores, _ = loaded.forward_windows(torch.from_numpy(audio))
        assert list(row.scores.values()) == pytest.approx(scores.tolist(), abs=1e-5)


def test_ratings_are_compared_by_ccc(tmp_path, tiny_model, make_emotale):
    """CCC is reported for the three dimensions, with intervals."""
    folder = make_emotale(tmp_path / "emotale", ("001", "004"))
    model = write_model(tmp_path / "model", tiny_model, {})
    clips = load_corpora(tmp_path, ["emotale"])
    figures = evaluate(
        Plan(config=MADE, corpus="emotale", parts=one_model(model, clips, False), protocol=own_protocol("emotale"))
    ).figures
    assert folder.is_dir() and set(figures.ccc) == {"arousal", "valence", "dominance"}
    assert all(-1 <= value <= 1 for value in figures.ccc.values())
    assert set(figures.by_language) == {"da", "en"}


def test_a_card_edited_after_the_models_were_made_is_noticed(tmp_path, tiny_model, data):
    """Labels of the folds' models must agree, or figures would be pooled over different things."""
    one = write_model(tmp_path / "one", tiny_model, {})
    other = write_model(tmp_path / "other", tiny_model, {}, seed=6)
    card = read_card(other)
    write_card(other, msgspec.structs.replace(card, labels=card.labels[::-1]))
    clips = load_corpora(data, ["emodb"])
    with pytest.raises(SplitInvalid, match="different labels"):
        fold_models([one, one, other, one], clips, False)  # 11 is in the third fold
