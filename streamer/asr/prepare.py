"""A recognizer and a session's wishes, brought together before the session begins."""

import time
from collections.abc import Callable
from typing import NamedTuple

from ..protocol.config import Config
from ..protocol.events import WarningEvent
from .recognizer import Recognizer, RecognizerUnavailable

LOOK_S = 0.1


class Prepared(NamedTuple):
    """What a session is opened with.

    recognizer  ready, or None: then there are no words
    options     of the config, where the recognizer decides one
    warnings    why there are no words though somebody wanted them
    """

    recognizer: Recognizer | None
    options: dict[str, object]
    warnings: list[WarningEvent]


def prepare(
    recognizer: Recognizer | None,
    config: Config,
    *,
    patience_s: float | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Prepared:
    """Wait until the recognizer is loaded, and see whether it can do what the config wants.

    patience_s  nobody waits longer for words; None as long as the recognizer allows itself
    stopped     nobody waits at all any more
    """
    if recognizer is None or not config.transcript:
        return Prepared(None, {}, [])
    began = time.monotonic()
    while not recognizer.loaded(LOOK_S):
        if stopped():
            return Prepared(None, {}, [])
        if patience_s is not None and time.monotonic() - began > patience_s:
            return _without(f"{recognizer.name} is not loaded yet; start again when it is")
    try:
        recognizer.check()
    except RecognizerUnavailable as error:
        return _without(str(error))
    if not recognizer.supports(config.language):
        return _without(f"{recognizer.name} supports {', '.join(recognizer.languages)}, not {config.language}")
    options: dict[str, object] = {}
    if config.language is None and len(recognizer.languages) == 1:
        options["language"] = recognizer.languages[0]
    return Prepared(recognizer, options, [])


def _without(why: str) -> Prepared:
    return Prepared(None, {}, [WarningEvent(code="text_disabled", message=f"transcription is disabled: {why}")])
