"""`emoscope bench inputs`: one recording in other containers, read beside the original."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from needed import program
from real_voice import sentence

from emoscope.streamer.bench import inputs
from emoscope.streamer.bench.input_rows import ROWS, Row
from emoscope.streamer.bench.inputs import compared
from emoscope.streamer.cli.main import main
from emoscope.streamer.protocol.events import EmotionFinal, Sources
from emoscope.streamer.testing import silence

ROW = Row("WAV", "PCM", "wav", ())


def final(start: float, end: float, label: str, **scores: float) -> EmotionFinal:
    return EmotionFinal(
        seq=1, utterance=1, start=start, end=end, label=label, confidence=max(scores.values()), scores=scores,
        dimensions={}, derived=True, segments=1, sources=Sources(audio=1.0, text=0.0), attention=[], baseline="off",
        text="off", words=[],
    )  # fmt: skip


def test_a_final_is_compared_with_the_one_that_overlaps_it_most() -> None:
    original = [final(1.0, 2.0, "sad", sad=0.8, calm=0.2), final(4.0, 6.0, "calm", sad=0.3, calm=0.7)]
    moved = [
        final(1.1, 2.1, "sad", sad=0.7, calm=0.3),
        final(2.2, 4.2, "sad", sad=1.0),
        final(4.3, 6.0, "sad", sad=0.9),
    ]
    answer = compared(ROW, original, moved, 7.0)
    assert (answer.utterances, answer.same, answer.moved) == (3, 1, 0.7)
    assert answer.others == ("4.0 s: sad, not calm",)
    assert compared(ROW, original, moved[:1], 7.0).others == ("4.0 s: no utterance, not calm",)


def test_no_two_rows_are_alike() -> None:
    assert len({(row.suffix, row.codec) for row in ROWS}) == len(ROWS) > 100


def test_files_are_made_and_read(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lossless ones are as the original; one that cannot be made is told, and makes the exit code 1."""
    program("ffmpeg")
    talk = np.concatenate([silence(0.5), sentence(0), silence(0.8), sentence(1), silence(0.7)])
    soundfile.write(tmp_path / "talk.flac", talk, 16_000)
    chosen = [row for row in ROWS if row.codec in ("PCM, written to a pipe", "AMR", "ALAC", "Opus, 16 kbit/s")]
    monkeypatch.setattr(inputs, "ROWS", chosen)
    arguments = ["bench", "inputs", str(tmp_path / "talk.flac"), "--model", str(tiny_model)]
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["utterances"] == 2 and [one["codec"] for one in told["files"]] == [row.codec for row in chosen]
    for one in told["files"]:
        assert one["problem"] == "" and one["seconds"] == pytest.approx(len(talk) / 16_000, abs=0.1)
        if one["codec"] in ("PCM, written to a pipe", "ALAC"):
            assert (one["same"], one["moved"]) == (2, pytest.approx(0.0, abs=1e-4))
    monkeypatch.setattr(inputs, "ROWS", [Row("X", "Y", "xyz", ())])
    assert main(arguments) == 1
    out = capsys.readouterr().out
    assert "not made: " in out and out.splitlines()[-1].startswith("1 files: 0 read to their end")
