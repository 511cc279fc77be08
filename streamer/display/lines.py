"""Readings as lines of plain text."""

from ..protocol.events import EmotionFinal, words_to_text
from ..protocol.text import clean


def clock(seconds: float) -> str:
    """mm:ss.t, with hours when there are any."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes:02d}:{rest:04.1f}"


def final_line(event: EmotionFinal) -> str:
    """A final as one line of plain text."""
    ranked = sorted(event.scores.items(), key=lambda item: -item[1])
    others = "  ".join(f"{name} {p:.2f}".replace("0.", ".") for name, p in ranked[:3])
    words = f'  "{words_to_text(event.words)}"' if event.words else ""
    return clean(f"  {clock(event.start)}-{clock(event.end)}  {event.label:<9}  {others}{words}")
