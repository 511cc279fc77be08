"""Which language the recognizer is told: the configured one, or one that is locked after a confident detection."""

from .state import PassResult, TranscriptPass, TranscriptState

CONFIDENT_P = 0.8  # a detected language is locked from this probability on
DETECTED_SAMPLES = 16_000  # a detection from less than a second of audio is not trusted
DISBELIEVED_FINALS = 2  # so many final passes without a believed word lift the lock: the language may have changed


def language_of(configured: str | None, state: TranscriptState, epoch: int) -> str | None:
    """The configured language, or the one locked in this epoch; None when it is to be detected."""
    if configured is not None:
        return configured
    return state.language if state.locked_epoch == epoch else None


def follow_detection(configured: str | None, state: TranscriptState, made: TranscriptPass, result: PassResult) -> None:
    """After a final pass: lock a confident detection, or lift the lock when nothing is believed any more."""
    if configured is not None or made.end - made.begin < DETECTED_SAMPLES:
        return
    if language_of(configured, state, made.epoch) is None:
        if result.words and result.language is not None and (result.language_p or 0.0) >= CONFIDENT_P:
            state.language, state.locked_epoch, state.disbelieved = result.language, made.epoch, 0
        return
    state.disbelieved = state.disbelieved + 1 if result.disbelieved else 0
    if state.disbelieved >= DISBELIEVED_FINALS:
        state.language, state.disbelieved = None, 0
