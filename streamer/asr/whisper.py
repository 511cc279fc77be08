"""faster-whisper: Whisper on CTranslate2."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..protocol.errors import UsageError
from ..protocol.events import SpokenWord
from ..session.transcript.hypothesis import Hypothesis, RecognizedSegment
from .messages import LoadRequest

COMPUTE_TYPES = {"cpu": "int8", "cuda": "float16"}
TOKENS_A_SECOND = 20  # a decoder that goes in circles is stopped there
MOST_TOKENS = 200


class FasterWhisper:
    """A model of a size that its makers name, an id on the hub, or a converted folder."""

    def __init__(self, load: LoadRequest) -> None:
        from faster_whisper import WhisperModel

        logging.getLogger("faster_whisper").disabled = True  # it logs what was said
        folder = Path(load.model).expanduser()
        options: dict[str, Any] = {
            "device": load.device,
            "compute_type": COMPUTE_TYPES[load.device],
            "cpu_threads": load.threads,
        }
        if folder.is_dir():
            missing = [name for name in ("model.bin", "config.json", "tokenizer.json") if not (folder / name).is_file()]
            if missing:
                raise UsageError(f"{folder} is no converted Whisper model: {', '.join(missing)} missing")
            self._model = WhisperModel(str(folder), **options)
        else:
            try:
                self._model = WhisperModel(load.model, local_files_only=True, **options)
            except ValueError:  # no such size: it says which there are
                raise
            except Exception:
                if not load.fetch:
                    raise
                self._model = WhisperModel(load.model, **options)
        self.name = f"faster-whisper:{folder.name if folder.is_dir() else load.model}"
        self.languages = tuple(self._model.supported_languages) if not self._model.model.is_multilingual else ()

    def transcribe(self, audio: npt.NDArray[np.int16], language: str | None, final: bool) -> Hypothesis:
        """As `Backend.transcribe`. One temperature, no text carried over: the same audio gives the same words."""
        spoken, info = self._model.transcribe(
            audio.astype(np.float32) / 32_768,
            language=language,
            beam_size=5 if final else 1,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
            vad_filter=False,
            # What is not believed is left out in one place, `transcript.gate`, for all recognizers.
            no_speech_threshold=None,
            log_prob_threshold=None,
            compression_ratio_threshold=None,
            max_new_tokens=min(MOST_TOKENS, 16 + TOKENS_A_SECOND * len(audio) // 16_000),
        )
        segments = tuple(
            RecognizedSegment(
                words=tuple(
                    SpokenWord(
                        word=word.word.strip(),
                        start=float(word.start),
                        end=float(word.end),
                        p=float(word.probability),
                        space=word.word.startswith(" "),
                    )
                    for word in segment.words or ()
                ),
                no_speech_p=float(segment.no_speech_prob),
                avg_logprob=float(segment.avg_logprob),
                compression_ratio=float(segment.compression_ratio),
            )
            for segment in spoken
        )
        told = language is not None or not self._model.model.is_multilingual
        return Hypothesis(
            segments=segments,
            language=info.language,
            language_p=None if told else float(info.language_probability),
        )
