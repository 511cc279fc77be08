"""What the client itself has to tell, as events among the server's. Times are seconds on the session's clock."""

from ..protocol.events import WarningEvent


def audio_dropped(start: float, end: float) -> WarningEvent:
    """Audio that could not be kept until it could be sent."""
    message = f"{end - start:.1f} s of audio could not be kept until the server was back; heard as silence"
    return WarningEvent(code="audio_dropped", message=message, start=round(start, 6), end=round(end, 6))


def session_lost(start: float, end: float) -> WarningEvent:
    """The session is gone: what it heard before `start` is answered, another one hears what came after `end`."""
    lost = f"{end - start:.1f} s of audio were lost" if end > start else "no audio was lost"
    message = (
        f"the server no longer had the session: another one goes on from {end:.1f} s, its clock and numbers begin "
        f"again; {lost}"
    )
    return WarningEvent(code="session_lost", message=message, start=round(start, 6), end=round(end, 6))
