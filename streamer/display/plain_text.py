"""Finals as lines of plain text, without a screen."""

from ..protocol.events import EmotionFinal, words_to_text
from ..protocol.text import clean


def clock(seconds: float) -> str:
    """Format a time as mm:ss.t, or h:mm:ss.t from one hour on."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes:02d}:{rest:04.1f}"


def final_line(event: EmotionFinal) -> str:
    """A final as one line: its times, its label, the three most probable labels, and its words."""
    ranked = sorted(event.scores.items(), key=lambda item: -item[1])
    others = "  ".join(f"{name} {p:.2f}".replace("0.", ".") for name, p in ranked[:3])
    words = f'  "{words_to_text(event.words)}"' if event.words else ""
    return clean(f"  {clock(event.start)}-{clock(event.end)}  {event.label:<9}  {others}{words}")
