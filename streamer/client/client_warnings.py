"""Warnings that the client itself adds to the server's events. Times are seconds on the session's clock."""

from ..protocol.events import WarningEvent


def audio_dropped(start: float, end: float) -> WarningEvent:
    """Audio that left the ring buffer before it could be sent."""
    message = f"{end - start:.1f} s of audio could not be kept until the server was back; silence was sent instead"
    return WarningEvent(code="audio_dropped", message=message, start=round(start, 6), end=round(end, 6))


def session_lost(start: float, end: float) -> WarningEvent:
    """The session is lost: its audio before `start` was processed, and a new session gets the audio after `end`."""
    lost = f"{end - start:.1f} s of audio were lost" if end > start else "no audio was lost"
    message = (
        f"the server no longer had the session: a new one continues from {end:.1f} s, and its clock and sequence "
        f"numbers start again; {lost}"
    )
    return WarningEvent(code="session_lost", message=message, start=round(start, 6), end=round(end, 6))
