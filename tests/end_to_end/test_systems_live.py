"""The published systems, tiny, saved and loaded, through the live path."""

from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from emoscope.models import load_model, save_model
from emoscope.models.errors import UsageError
from emoscope.models.systems import build, draft_card
from emoscope.streamer import Config, Session, VadConfig, open_engine
from emoscope.streamer.cli import main as cli
from emoscope.streamer.protocol.events import EmotionFinal
from emoscope.streamer.runtime.replay import replay
from emoscope.streamer.testing import answer_all, differences, run, silence, voice

torch.set_num_threads(1)

# One a kind of state, of front end and of ownership.
SYSTEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "attentive": ("attentive", {}),
    "attentive, max": ("attentive", {"pooling": "max"}),
    "attentive, reduced": ("attentive", {"pooling": "reduced", "modalities": "audio"}),
    "attentive, shared front end": (
        "attentive", {"speech": {"checkpoint": "facebook/wav2vec2-xls-r-300m", "normalise": [0.0, 0.1]}},
    ),
    "attentive, Whisper": ("attentive", {"speech": "openai/whisper-medium"}),
    "segmental": ("segmental", {}),
    "segmental, baseline": ("segmental", {"segments": False, "triplet": "none"}),
    "emospeech": ("emospeech", {}),
    "emospeech, ensemble": ("emospeech-ensemble", {}),
    "attributes": ("attributes", {}),
    "attributes, ensemble": ("attributes-ensemble", {}),
    "emospeech, shared front end": ("emospeech", {"speech": {"normalise": [0.0, 0.1]}}),
    "camulenet": ("camulenet", {}),
    "camulenet, concatenated": ("camulenet", {"multitask": False, "co_attention": False}),
}  # fmt: skip


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_final_is_what_forward_windows_says_of_the_utterance(name, tmp_path, conversation):
    """Each utterance of the demo recording, read live from a folder, against the model over the same samples."""
    torch.manual_seed(5)
    system, changes = SYSTEMS[name]
    made: Any = build(system, "tiny", **changes).eval()
    save_model(made, draft_card(made), tmp_path)
    samples, rate = soundfile.read(conversation, dtype="float32", frames=16 * 16_000)
    short = tmp_path / "short.flac"
    soundfile.write(short, samples, rate)
    finals = [event for event in replay(short, tmp_path) if isinstance(event, EmotionFinal)]
    assert len(finals) >= 3
    model: Any = load_model(tmp_path)
    labels = model.contract.labels
    for final in finals:
        span = round(final.start * rate), round(final.end * rate)
        with torch.inference_mode():
            scores, dimensions = model.forward_windows(torch.from_numpy(samples), *span)
        assert scores.tolist() == pytest.approx([final.scores[label] for label in labels], abs=1e-4)
        assert list(final.dimensions) == list(model.contract.dimensions) and not final.derived
        assert dimensions.tolist() == pytest.approx(list(final.dimensions.values()), abs=1e-4)
        assert final.label == "unsure" or not model.contract.dimensions
        assert sum(moment.weight for moment in final.attention) == pytest.approx(1.0, abs=1e-2)


@pytest.mark.parametrize("name", SYSTEMS)
def test_chunks_and_a_restored_session_change_nothing(name):
    """Every kind of pool state is saved and restored, and any chunking of the audio gives the same events."""
    torch.manual_seed(5)
    system, changes = SYSTEMS[name]
    engine = open_engine(build(system, "tiny", **changes), threads=1).engine
    contract, config = engine.model.contract, Config(transcript=False, vad=VadConfig(backend="webrtc"))
    audio = np.concatenate([silence(0.4), voice(4.3), silence(0.8), voice(1.2, 210.0), silence(0.7)])
    whole = run(Session(contract, config), engine, [audio])
    assert sum(event.type == "emotion.final" for event in whole) == 2
    assert differences(whole, run(Session(contract, config), engine, np.array_split(audio, 23))) == []
    first = Session(contract, config)
    events = run(first, engine, [audio[:50_000]], finish=False)
    second = Session.restore(first.save(), contract)
    events += answer_all(second, engine, [], second.pending())
    assert differences(whole, events + run(second, engine, [audio[50_000:]])) == []


def test_a_model_without_a_speech_encoder_is_refused_at_once(tmp_path, conversation):
    """A text-only system cannot follow a recording: one clear message, not one a window."""
    made: Any = build("attentive", "tiny", modalities="text")
    save_model(made, draft_card(made), tmp_path)
    with pytest.raises(UsageError, match="has no speech encoder"):
        list(replay(conversation, tmp_path))


def test_the_command_line_lists_shows_saves_and_replays_them(tmp_path, conversation, capsys):
    """`emoscope models` and `emoscope replay`, as a user would."""
    assert cli.main(["models", "list"]) == 0
    listed = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:4] for line in listed.splitlines()}
    assert rows["attentive"] == ["766.2M", "8", "labels"] and rows["segmental"] == ["94.4M", "7", "labels"]
    assert rows["camulenet"] == ["528.7M", "8", "labels"]
    assert rows["emospeech"] == ["875.3M", "6", "labels"] and rows["emospeech-ensemble"][0] == "2626.3M"
    assert cli.main(["models", "show", "segmental"]) == 0
    shown = capsys.readouterr().out
    assert "0.805  UAR, RAVDESS, 7 classes, actors 23-24, seg+tri(W) (Porjazovski et al. 2024, table 1)" in shown
    assert "measured here: nothing" in shown
    assert cli.main(["models", "show", "emospeech"]) == 0
    shown = capsys.readouterr().out
    assert "hears the voice alone" in shown and "validation set, RoBERTa, XLSR (Casals-Salvador et al. 2024" in shown
    assert rows["attributes"][1:] == ["8", "labels"] and rows["attributes-ensemble"][1:] == ["8", "labels"]
    assert cli.main(["models", "show", "attributes-ensemble"]) == 0
    shown = capsys.readouterr().out
    assert "0.6076  CCC, average, MSP-Podcast, test set, 2-system (Lertpetchpun et al. 2025, table 6)" in shown
    assert "no opinion on labels" in shown and "arousal valence dominance" in shown
    folder = tmp_path / "dry"
    assert cli.main(["models", "save", "segmental", str(folder), "--size", "tiny"]) == 0
    assert cli.main(["models", "show", str(folder)]) == 0
    assert "random weights" in capsys.readouterr().out
    assert cli.main(["replay", str(conversation), "--model", str(folder), "--no-interim"]) == 0
    assert "16 utterances" in capsys.readouterr().out
    assert cli.main(["models", "save", "segmental", str(folder), "--size", "tiny"]) == 2
    assert "already" in capsys.readouterr().err
    assert cli.main(["models", "show", "emotive"]) == 2
    assert "attentive" in capsys.readouterr().err
