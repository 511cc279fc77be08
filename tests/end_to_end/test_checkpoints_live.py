"""Public checkpoints, tiny and random, through the live path and the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from tiny_whisper import TINY_WHISPER

from emoscope.models import load_model
from emoscope.models.checkpoints import parts
from emoscope.streamer.cli import main as cli
from emoscope.streamer.protocol.events import EmotionFinal
from emoscope.streamer.runtime.replay import replay
from models import checkpoint_files as files

torch.set_num_threads(1)

# Each is given a folder and pytest's monkeypatch.
VOICES: dict[str, Any] = {
    "superb wav2vec2": lambda folder, _: files.superb(folder),
    "superb hubert": lambda folder, _: files.superb(folder, "hubert"),
    "superb wavlm": lambda folder, _: files.superb(folder, "wavlm", use_weighted_layer_sum=False),
    "audeering": lambda folder, _: files.dense(folder, files.MSP_DIM, "out_proj"),
    "ehcalabres": lambda folder, _: files.dense(folder, files.RAVDESS, "output"),
    "tiantiaf dimensions": lambda folder, patch: files.vox_profile(folder, patch, attributes=True),
    "tiantiaf labels": lambda folder, patch: files.vox_profile(folder, patch, attributes=False),
    "3loi": files.odyssey,
    "speechbrain": files.speechbrain,
}
HARTMANN = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")


@pytest.fixture
def short(tmp_path, conversation) -> Path:
    samples, rate = soundfile.read(conversation, dtype="float32", frames=16 * 16_000)
    path = tmp_path / "short.flac"
    soundfile.write(path, samples, rate)
    return path


@pytest.mark.parametrize("name", VOICES)
def test_a_checkpoints_finals_are_its_own_answers_for_each_utterance(name, tmp_path, short, monkeypatch):
    """Each utterance of the demo recording, read live, against the model over the same samples."""
    VOICES[name](tmp_path / "model", monkeypatch)
    samples, rate = soundfile.read(short, dtype="float32")
    finals = [event for event in replay(short, tmp_path / "model") if isinstance(event, EmotionFinal)]
    assert len(finals) >= 3
    model = load_model(tmp_path / "model")
    for final in finals:
        span = round(final.start * rate), round(final.end * rate)
        with torch.inference_mode():
            answer = model.forward_windows(torch.from_numpy(samples), *span)
        assert answer is not None
        scores, dimensions = answer
        assert scores.tolist() == pytest.approx([final.scores[label] for label in model.contract.labels], abs=1e-4)
        assert list(final.dimensions) == list(model.contract.dimensions)
        assert dimensions.tolist() == pytest.approx(list(final.dimensions.values()), abs=1e-4)
        assert final.label == "unsure" or not model.contract.dimensions


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """An empty hub cache, and an empty folder of our own; nothing is fetched."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("EMOSCOPE_CACHE", str(tmp_path / "own"))
    return tmp_path / "hub"


def test_the_command_line_pulls_checks_shows_and_replays_a_checkpoint(hub, tmp_path, short, capsys):
    """As a user would, with a copy that is on the machine already."""
    name = "superb/wav2vec2-base-superb-er"
    files.superb(tmp_path / "copy")
    assert cli.main(["models", "check", name]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"`emoscope models pull {name}` fetches it once, into {hub}" in said
    assert cli.main(["models", "pull", name, "--from", str(tmp_path / "copy")]) == 0
    said = capsys.readouterr().out
    assert f"where       {tmp_path / 'own'}" in said
    assert "0 neu -> neutral" in said and "none is missing, none left over" in said
    assert "4 s each 2 s" in said and "Apache-2.0" in said and "warning" not in said
    assert cli.main(["models", "check", name]) == 0
    assert str(tmp_path / "own") in capsys.readouterr().out
    assert cli.main(["models", "show", name]) == 0
    assert "0.6343  accuracy, IEMOCAP" in capsys.readouterr().out
    assert cli.main(["replay", str(short), "--model", name, "--json", "--no-interim"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    finals = [event for event in events if event["type"] == "emotion.final"]
    assert finals and set(finals[0]["scores"]) == {"neutral", "happy", "angry", "sad"}


def test_a_copy_is_read_once_under_its_name_on_the_hub_before_it_is_kept(hub, tmp_path, monkeypatch, capsys):
    """A copy that cannot be used replaces none that can."""
    name, read, loaded = "superb/wav2vec2-base-superb-er", [], parts.read_tensors

    def read_tensors(folder):
        read.append(folder)
        return loaded(folder)

    files.superb(tmp_path / "copy")
    monkeypatch.setattr(parts, "read_tensors", read_tensors)
    assert cli.main(["models", "pull", name, "--from", str(tmp_path / "copy")]) == 0
    assert read == [tmp_path / "copy"] and capsys.readouterr().out.startswith(f"{name}\n")
    files.edit_weights(tmp_path / "copy", lambda weights: weights.pop("projector.weight"))
    assert cli.main(["models", "pull", name, "--from", str(tmp_path / "copy")]) == 1
    assert cli.main(["models", "check", name]) == 0


def test_a_folder_is_checked_and_shown_with_what_its_own_page_says(hub, tmp_path, capsys):
    """A checkpoint that nobody knows by name: licence and language from its README.md."""
    files.superb(tmp_path / "mine")
    (tmp_path / "mine" / "README.md").write_text("---\nlanguage: de\nlicense: cc-by-nc-4.0\n---\n# A model\n")
    assert cli.main(["models", "check", str(tmp_path / "mine")]) == 0
    said = capsys.readouterr().out
    assert "languages   de" in said and "warning     non-commercial" in said
    assert cli.main(["models", "show", str(tmp_path / "mine")]) == 0
    assert "classifier" in capsys.readouterr().out
    assert cli.main(["models", "pull", str(tmp_path / "mine")]) == 2
    assert "is a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("models pull small", 2, "small: nothing to fetch"),
        ("models pull attentive", 2, "attentive: nothing to fetch"),
        ("models pull superb/wav2vec2-base-superb-er --from nowhere", 2, "--from nowhere: no such folder"),
        ("models check attentive", 2, "has no weights to check"),
        ("models check nothing", 1, "neither shipped"),
        ("models show some/thing", 1, "is not on this machine"),
        ("replay x.wav --model some/thing", 1, "is not on this machine"),
    ],
)
def test_what_cannot_be_pulled_checked_or_shown_is_one_line(hub, line, code, said, capsys, short, monkeypatch):
    """Exit code 2 for a request that makes no sense, 1 for what is not there."""
    assert cli.main(line.replace("x.wav", str(short)).split()) == code
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1 and said in errors


def test_the_list_fits_80_columns_and_names_systems_ensembles_and_every_checkpoint(monkeypatch, capsys):
    """Architecture, parameters, labels, licence, published and measured scores, for a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(["models", "list"]) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert max(map(len, lines)) <= 80
    names = [line.split()[0] for line in lines if not line.startswith(" ")]
    from emoscope.models.checkpoints import ROWS

    systems = ["attentive", "segmental", "emospeech", "emospeech-ensemble", "camulenet", "attributes"]
    assert names == ["small", "whisper", *systems, "attributes-ensemble", *(row.id for row in ROWS)]
    for title in ("licence: ", "published: ", "measured here: "):
        assert sum(line.startswith(f"  {title}") for line in lines) == len(names)


def test_auto_is_shown_as_the_model_that_it_takes(hub, capsys):
    """`--model auto` is the default of the commands, so a person may ask what it is."""
    assert cli.main(["models", "show", "auto"]) == 0
    assert capsys.readouterr().out.startswith("small\n")


def test_a_text_model_reads_the_words_of_the_recognizer_live(tmp_path, short):
    """The voice says nothing: a final is what the checkpoint says of the final's own words, as sure as they are."""
    files.text(tmp_path / "t", HARTMANN)
    events = list(replay(short, tmp_path / "t", asr=f"faster-whisper:{TINY_WHISPER}"))
    finals = [event for event in events if isinstance(event, EmotionFinal)]
    spoken = [event for event in events if event.type == "transcript.final" and event.text.strip()]
    assert len(finals) >= 3 and spoken
    model: Any = load_model(tmp_path / "t")
    for event in spoken:
        [final] = [one for one in finals if one.utterance == event.utterance]
        read = model.words.read([word.word for word in event.words])
        by_us = dict(zip(model.contract.labels, read.scores.tolist(), strict=True))
        assert max(final.scores, key=lambda label: final.scores[label]) == max(by_us, key=lambda label: by_us[label])
        assert final.label != "unsure"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--asr none", "reads the words alone, and there is no transcript"),
        ("--language de", "reads en alone, and the speech is said to be de"),
    ],
)
def test_a_text_model_without_words_that_it_knows_is_one_line(tmp_path, short, options, said, capsys):
    """No recognizer, or a language that is not spoken."""
    files.text(tmp_path / "t", HARTMANN)
    (tmp_path / "t" / "README.md").write_text("---\nlanguage:\n- en\n---\n")
    line = ["replay", str(short), "--model", str(tmp_path / "t"), "--plain"]
    recognizer = [] if "--asr" in options else ["--asr", f"faster-whisper:{TINY_WHISPER}"]
    assert cli.main([*line, *recognizer, *options.split()]) == 1
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1 and said in errors
