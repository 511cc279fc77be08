"""Transcripts for clips that have none: by a recognizer, once, kept in a file of the work folder."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from emoscope.models.cards import replace_file
from emoscope.models.errors import UsageError
from emoscope.streamer.asr import Recognizer, choose
from emoscope.streamer.session.requests import Done, Transcribe
from emoscope.streamer.session.transcript.hypothesis import Hypothesis

from ..corpora import Clip
from ..corpora.audio import read_clip
from ..errors import TrainingError
from ..progress import stage

SAVE_EVERY = 50


def with_transcripts(clips: Sequence[Clip], asr: str, cache: Path) -> list[Clip]:
    """The clips, those without a text with what the recognizer `asr` (NAME[:MODEL]) understands; "none" changes none.

    cache  a folder for transcripts-NAME.json: what is there is not recognised again
    """
    choice = choose(asr)
    missing = [clip for clip in clips if not clip.text]
    if choice is None or not missing:
        return list(clips)
    path = cache / f"transcripts-{clips[0].corpus}-{''.join(c if c.isalnum() else '-' for c in asr)}.json"
    known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    left = [clip for clip in missing if clip.name not in known]
    if left:
        cache.mkdir(parents=True, exist_ok=True)
        with Recognizer(choice) as recognizer, stage(f"transcribing with {asr}", len(left)) as shown:
            recognizer.check()
            for number, clip in enumerate(left, 1):
                known[clip.name] = _transcript(recognizer, clip)
                shown.advance()
                if number % SAVE_EVERY == 0 or number == len(left):
                    replace_file(path, json.dumps(known, ensure_ascii=False, indent=0).encode())
    return [clip if clip.text else replace(clip, text=known[clip.name]) for clip in clips]


def _transcript(recognizer: Recognizer, clip: Clip) -> str:
    audio = read_clip(clip.path, 16_000)
    samples = np.clip(np.round(audio * 32_767), -32_768, 32_767).astype(np.int16)
    language = clip.language if clip.language and recognizer.supports(clip.language) else None
    result = recognizer.ask(
        Transcribe(id=0, utterance=0, begin=0, due=len(audio), final=True, language=language, audio=samples)
    )
    if not isinstance(result, Done) or not isinstance(result.value, Hypothesis):
        raise TrainingError(f"{clip.path}: no transcript: {getattr(result, 'message', result)}")
    words = [word for segment in result.value.segments for word in segment.words]
    return "".join(f" {word.word}" if word.space else word.word for word in words).strip()


def require_texts(clips: Sequence[Clip], system: str) -> None:
    """UsageError where a system that reads words has none to read."""
    if not any(clip.text for clip in clips):
        raise UsageError(
            f"{system} reads words, and {clips[0].corpus} has no transcripts: --asr faster-whisper:FOLDER makes them "
            "once, or modalities=audio trains on the voice alone"
        )
