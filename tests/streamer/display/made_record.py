"""Events of a session that nobody spoke: the same ones every time, whatever the model and its weights."""

import math

from emoscope.streamer.protocol.config import Config
from emoscope.streamer.protocol.events import (
    NOTICE,
    PROTOCOL,
    AnyEvent,
    EmotionFinal,
    EmotionInterim,
    Lag,
    Latency,
    Limits,
    ModelInfo,
    Mood,
    SessionClosed,
    SessionCreated,
    Sources,
    Span,
    SpeechEnded,
    SpeechStarted,
    SpokenWord,
    Status,
    Totals,
    TranscriptFinal,
    TranscriptInterim,
    WeighedWord,
)

LABELS = ["angry", "bored", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised"]
SAID = ["I told you twice already that this is", "hm", "so what do we do now"]
UTTERANCES = [(0.4, 3.2), (5.0, 9.8), (12.0, 13.4), (16.2, 21.0), (24.5, 31.0), (38.0, 41.5), (44.0, 50.0)]


def scores(seed: float) -> dict[str, float]:
    """A distribution that differs for each `seed`."""
    raw = [math.exp(2.2 * math.sin(1.7 * seed + 2.4 * place)) for place in range(len(LABELS))]
    return {name: round(value / sum(raw), 6) for name, value in zip(LABELS, raw, strict=True)}


def _reading(seed: float, start: float, end: float, words: bool) -> dict[str, object]:
    p = scores(seed)
    label = max(p, key=lambda name: p[name])
    count = max(1, round((end - start) / 0.2))
    weights = [1.0 + math.sin(seed + 0.9 * i) for i in range(count)]
    step = (end - start) / count
    return {
        "start": start,
        "end": end,
        "label": label if p[label] >= 0.34 else "unsure",
        "confidence": p[label],
        "scores": p,
        "dimensions": {name: math.sin(seed + shift) for name, shift in
                       (("arousal", 0.0), ("valence", 1.0), ("dominance", 2.0))},
        "derived": True,
        "segments": 1,
        "sources": Sources(audio=0.8, text=0.2) if words else Sources(),
        "attention": [Span(start=start + i * step, end=start + (i + 1) * step, weight=w / sum(weights))
                      for i, w in enumerate(weights)],
        "baseline": "off",
        "latency": Latency(window_s=1.6, queue_ms=2.0, infer_ms=30.0 + 20.0 * math.sin(seed)),
    }  # fmt: skip


def events(*, words: bool = False, closed: bool = True) -> list[AnyEvent]:
    """A session of 55 s with seven utterances, in the order and with the numbers that the protocol asks for."""
    made: list[AnyEvent] = [
        SessionCreated(
            session_id="made", source="Blue Yeti", protocol=PROTOCOL, server="emoscope 0.1.0",
            started_at="2026-01-01T00:00:00.000+00:00",
            model=ModelInfo(id="small", labels=LABELS, dimensions=["arousal", "valence", "dominance"],
                            languages=["en"], licence="CC BY-NC-SA 4.0"),
            config=Config(sample_rate=48_000, channels=2), limits=Limits(), notice=NOTICE,
        )
    ]  # fmt: skip
    timed: list[tuple[float, AnyEvent]] = []
    seq = 0

    def durable(at: float, kind: type, **fields: object) -> None:
        nonlocal seq
        seq += 1
        timed.append((at, kind(seq=seq, **fields)))

    for number, (start, end) in enumerate(UTTERANCES, 1):
        durable(start, SpeechStarted, utterance=number, start=start)
        at, rev = start + 0.5, 0
        text = SAID[number % len(SAID)]
        while at < end:
            rev += 1
            if words:
                shown = text[: int(len(text) * (at - start) / (end - start))]
                timed.append((at, TranscriptInterim(utterance=number, start=start, end=at, text=shown,
                                                    stable=len(shown) // 2)))  # fmt: skip
            timed.append((at, EmotionInterim(utterance=number, rev=rev, **_reading(number + at / 9, start, at, words))))  # type: ignore[arg-type]
            at += 0.5
        durable(end, SpeechEnded, utterance=number, start=start, end=end, reason="silence")
        spoken = text.split()
        each = (end - start) / len(spoken)
        if words:
            durable(end, TranscriptFinal, utterance=number, start=start, end=end, text=text, stable=len(text),
                    language="en", language_p=0.98, words=[
                        SpokenWord(word=w, start=start + i * each, end=start + (i + 1) * each, p=0.9)
                        for i, w in enumerate(spoken)])  # fmt: skip
        weighed = [
            WeighedWord(word=w, start=start + i * each, end=start + (i + 1) * each, weight=(1 + i % 3) / 10)
            for i, w in enumerate(spoken)
        ]
        durable(end, EmotionFinal, utterance=number, text="used" if words else "off", words=weighed if words else [],
                **_reading(number + end / 9, start, end, words))  # fmt: skip
        p = scores(number / 3)
        label = max(p, key=lambda name: p[name])
        durable(end, Mood, start=UTTERANCES[0][0], end=end, half_life_s=30.0, label=label, confidence=p[label],
                scores=p, dimensions={"arousal": 0.1, "valence": -0.2, "dominance": 0.0})  # fmt: skip
    for second in range(1, 56):
        timed.append(
            (
                float(second),
                Status(audio_s=float(second), processed_s=second - 0.02, lag_s=Lag(audio=0.02), dropped_s=0.0,
                       rtf=0.12, level_dbfs=round(-40 + 15 * math.sin(second), 1)),
            )
        )  # fmt: skip
    timed.sort(key=lambda item: item[0])
    made += [event for _, event in timed]
    if closed:
        speech = sum(end - start for start, end in UTTERANCES)
        totals = Totals(audio_s=55.0, speech_s=round(speech, 3), utterances=len(UTTERANCES), dropped_s=0.0)
        made.append(SessionClosed(seq=seq + 1, reason="finish", totals=totals))
    return made
