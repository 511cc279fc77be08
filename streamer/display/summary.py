"""The five-line summary that is printed after the screen was closed."""

from ..protocol.text import clean, printable
from .shapes import clock, probability
from .state import ScreenState


def summary(state: ScreenState, files: list[str]) -> list[str]:
    """Totals, labels, mood, speed and the files written, as five lines."""
    totals = state.closed.totals if state.closed is not None else None
    audio, speech = (totals.audio_s, totals.speech_s) if totals else (state.now_s, state.speech_s)
    count = totals.utterances if totals else len(state.turns)
    ranked = [f"{name} {round(100 * share)} %" for name, share in list(state.spoken.shares.items())[:4]]
    p50, p95 = state.percentile_ms(0.5), state.percentile_ms(0.95)
    speed = [f"lag at most {state.lag_worst_s:.2f} s"]
    if p50 is not None and p95 is not None:
        speed.append(f"infer p50/p95 {p50:.0f}/{p95:.0f} ms")
    speed += [f"RTF {state.rtf:.3f}" if state.rtf else "RTF -", f"dropped {state.dropped_s + state.lost_input_s:.1f} s"]
    mood = state.mood
    warnings = [f"{code} ×{times}" if times > 1 else code for code, times in sorted(state.warnings.items())]
    whole = "" if state.closed is not None or not state.labels else " · ended early"
    names = [clean(printable(name)) + " (cut short)" * (name in state.truncated) for name in files]
    return [
        f"{state.product} · {clock(audio, hours=True)} of audio, {clock(speech)} of speech, "
        f"{count} utterance{'s' * (count != 1)} · model {state.model}{whole}",
        "heard: " + (" · ".join(ranked) + " (share of speech)" if ranked else "no speech"),
        "mood at the end: "
        + (f"{mood.label} {probability(mood.confidence)}" if mood is not None else "-")
        + (f" · warnings: {', '.join(warnings)}" if warnings else ""),
        " · ".join(speed),
        "written: " + (", ".join(names) or "nothing" + state.live * "; neither audio nor readings were kept"),
    ]
