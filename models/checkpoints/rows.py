"""The public checkpoints that are known by name: what their pages say of them. Nothing here was measured here."""

import re
from dataclasses import dataclass

from ..cards import Score


@dataclass(frozen=True, kw_only=True)
class Row:
    """One checkpoint.

    family      which adapter reads it
    parts       the encoder it was made from
    parameters  how many are loaded here
    outputs     what it calls its outputs, in order; its own config decides, and this is for lists
    """

    id: str
    family: str
    parts: str
    parameters: int
    outputs: tuple[str, ...]
    languages: tuple[str, ...]
    licence: str
    published: tuple[Score, ...] = ()
    notes: tuple[str, ...] = ()


def _score(corpus: str, protocol: str, metric: str, value: float, source: str) -> Score:
    return Score(corpus=corpus, protocol=protocol, metric=metric, value=value, source=source)


_SUPERB = "Yang et al. 2021, table 2"
_IEMOCAP = ("neu", "hap", "ang", "sad")
_PAGE = "see its page"
_CARD = "its page"
_GOEMOTIONS = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire",
    "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy",
    "love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral",
)  # fmt: skip

ROWS: tuple[Row, ...] = (
    Row(
        id="superb/wav2vec2-base-superb-er", family="classifier", parts="facebook/wav2vec2-base",
        parameters=94_569_617, outputs=_IEMOCAP, languages=("en",), licence="Apache-2.0",
        published=(_score("IEMOCAP", "4 classes, 5 folds", "accuracy", 0.6343, _SUPERB),),
    ),
    Row(
        id="superb/hubert-large-superb-er", family="classifier", parts="facebook/hubert-large-ll60k",
        parameters=315_702_173, outputs=_IEMOCAP, languages=("en",), licence="Apache-2.0",
        published=(_score("IEMOCAP", "4 classes, 5 folds", "accuracy", 0.6762, _SUPERB),),
    ),
    Row(
        id="audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim", family="classifier",
        parts="facebook/wav2vec2-large-robust, 12 of its 24 layers", parameters=165_336_707,
        outputs=("arousal", "dominance", "valence"), languages=("en",), licence="CC BY-NC-SA 4.0",
        published=(
            _score("MSP-Podcast", "the paper's best model", "CCC, valence", 0.638, "Wagner et al. 2023, abstract"),
        ),
    ),
    Row(
        id="tiantiaf/wavlm-large-msp-podcast-emotion-dim", family="vox-profile", parts="microsoft/wavlm-large",
        parameters=316_045_276, outputs=("arousal", "valence", "dominance"), languages=("en",),
        licence="RAIL, non-commercial",
    ),
    Row(
        id="tiantiaf/wavlm-large-categorical-emotion", family="vox-profile", parts="microsoft/wavlm-large",
        parameters=315_915_234, languages=("en",), licence="RAIL",
        outputs=(
            "Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise", "Other",
        ),
    ),
    Row(
        id="3loi/SER-Odyssey-Baseline-WavLM-Categorical", family="odyssey", parts="microsoft/wavlm-large",
        parameters=318_612_168, languages=("en",), licence="MIT",
        outputs=("Angry", "Sad", "Happy", "Surprise", "Fear", "Disgust", "Contempt", "Neutral"),
    ),
    Row(
        id="speechbrain/emotion-recognition-wav2vec2-IEMOCAP", family="speechbrain", parts="facebook/wav2vec2-base",
        parameters=94_374_784, outputs=("neu", "ang", "hap", "sad"), languages=("en",), licence="Apache-2.0",
        published=(_score("IEMOCAP", "4 classes, test set", "accuracy", 0.787, _CARD),),
    ),
    Row(
        id="ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition", family="classifier",
        parts="facebook/wav2vec2-large-xlsr-53", parameters=316_496_520, languages=("en",), licence="Apache-2.0",
        outputs=("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised"),
        published=(_score("RAVDESS", "8 classes, its own validation set", "accuracy", 0.8223, _CARD),),
        notes=("no config says what stands between its head's two layers; tanh, as in the class it was copied from",),
    ),
    Row(
        id="j-hartmann/emotion-english-distilroberta-base", family="text", parts="distilbert/distilroberta-base",
        parameters=82_123_783, languages=("en",), licence=_PAGE,
        outputs=("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"),
        published=(_score("six corpora", "7 classes, evaluation set", "accuracy", 0.66, _CARD),),
    ),
    Row(
        id="SamLowe/roberta-base-go_emotions", family="text", parts="FacebookAI/roberta-base", parameters=124_667_164,
        languages=("en",), licence="MIT", outputs=_GOEMOTIONS,
        published=(_score("GoEmotions", "28 labels, threshold .5, test set", "accuracy", 0.474, _CARD),),
        notes=("its 28 labels are grouped as Ekman's (Demszky et al. 2020); of a group the surest counts",),
    ),
    Row(
        id="cardiffnlp/twitter-roberta-base-emotion", family="text", parts="cardiffnlp/twitter-roberta-base",
        parameters=124_648_708, languages=("en",), licence=_PAGE, outputs=("joy", "optimism", "anger", "sadness"),
    ),
    Row(
        id="MilaNLProc/feel-it-italian-emotion", family="text", parts="Musixmatch/umberto-commoncrawl-cased-v1",
        parameters=110_625_028, languages=("it",), licence=_PAGE, outputs=("anger", "fear", "joy", "sadness"),
        notes=("in one revision id2label and label2id disagree, and that one is refused",),
    ),
    Row(
        id="pysentimiento/robertuito-emotion-analysis", family="text",
        parts="pysentimiento/robertuito-base-uncased", parameters=108_792_583, languages=("es",), licence=_PAGE,
        outputs=("others", "joy", "sadness", "anger", "surprise", "disgust", "fear"),
        published=(_score("EmoEvent, Spanish", "7 classes, test set", "macro F1", 0.56, _CARD),),
        notes=("it reads 128 tokens at most: of a longer utterance the last",),
    ),
)  # fmt: skip
KNOWN: dict[str, Row] = {row.id: row for row in ROWS}


def row_of(name: str) -> Row | None:
    """What is known of a checkpoint by the hub's name, a revision aside."""
    return KNOWN.get(name.partition("@")[0])


NON_COMMERCIAL = re.compile(r"\bnc\b|non-?\s?commercial", re.IGNORECASE)
CONDITIONAL = re.compile(r"\b(open)?rail\b", re.IGNORECASE)
UNSTATED = ("not stated", _PAGE)


def licence_warning(licence: str) -> str:
    """What a person must know of a licence before using the model; "" for one that allows everything here."""
    if NON_COMMERCIAL.search(licence):
        return f"non-commercial: its licence ({licence}) forbids commercial use"
    if CONDITIONAL.search(licence):
        return f"its licence ({licence}) restricts what it may be used for: read it first"
    if any(text in licence for text in UNSTATED):
        return "its licence is not known here: read the checkpoint's page before you use it"
    return ""
