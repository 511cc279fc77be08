"""From a reading to its event."""

from emoscope.models.contract import ModelContract
from emoscope.models.reading import Reading, empty_reading

from ..protocol.config import SAMPLE_RATE, Config
from ..protocol.events import EmotionFinal, EmotionInterim, Latency, Mood, Sources, Span, WeighedWord
from .attention import word_weights
from .outbox import PendingReading
from .transcript.state import UtteranceWords

DIGITS = 6  # of probabilities and weights in events


def reading_event(
    contract: ModelContract, config: Config, pending: PendingReading, reading: Reading | None
) -> EmotionInterim | EmotionFinal | Mood | None:
    """The event of a reading. Without a reading, a final and a mood are `unsure`, and an interim is left out (None)."""
    if reading is None:
        if pending.kind == "interim":
            return None
        reading = empty_reading(contract.labels, len(contract.dimensions))
    fields = {
        "start": pending.start / SAMPLE_RATE,
        "end": pending.end / SAMPLE_RATE,
        "label": reading.label,
        "confidence": round(reading.confidence, DIGITS),
        "scores": {name: round(float(p), DIGITS) for name, p in zip(contract.labels, reading.scores, strict=True)},
        "dimensions": {
            name: round(float(value), DIGITS)
            for name, value in zip(contract.dimensions, reading.dimensions, strict=True)
        },
    }
    if pending.kind == "mood":
        return Mood(seq=0, half_life_s=config.half_life_s, **fields)  # type: ignore[arg-type]
    fields |= {
        "utterance": pending.utterance,
        "derived": contract.derived,
        "segments": pending.segments,
        "sources": Sources(audio=round(1 - reading.text_share, DIGITS), text=round(reading.text_share, DIGITS)),
        "attention": [
            Span(start=start / SAMPLE_RATE, end=end / SAMPLE_RATE, weight=round(weight, DIGITS))
            for start, end, weight in pending.attention
        ],
        "baseline": pending.baseline,
        "latency": Latency(
            window_s=pending.window / SAMPLE_RATE,
            queue_ms=round(pending.queue_ms, 3),
            infer_ms=round(pending.infer_ms, 3),
        ),
    }
    if pending.kind == "interim":
        return EmotionInterim(rev=pending.rev, **fields)  # type: ignore[arg-type]
    words = pending.words or UtteranceWords(utterance=pending.utterance, status="off")
    return EmotionFinal(
        seq=0,
        text=words.status,
        words=_weighed(words, pending, reading),
        **fields,  # type: ignore[arg-type]
    )


def _weighed(words: UtteranceWords, pending: PendingReading, reading: Reading) -> list[WeighedWord]:
    weights = word_weights(pending.word_attention, reading.word_shares, reading.text_share)
    return [
        WeighedWord(word=word.word, start=word.start, end=word.end, weight=round(weight, DIGITS), space=word.space)
        for word, weight in zip(words.words, weights, strict=True)
    ]
