"""The card of a system, from the model itself."""

from typing import Any

from ..cards import FORMAT, Audio, CalibrationCard, Card, Corpus
from ..model import StreamModel
from ..text_model import TextModel
from .attentive import AttentiveModel
from .attributes import AttributesModel
from .attributes_ensemble import AttributesEnsemble
from .camulenet import CamulenetModel
from .emospeech import EmospeechModel
from .ensemble import EmospeechEnsemble
from .scores import published_scores
from .segmental import SegmentalModel

UNTRAINED = "random weights: for tests and dry runs, its readings mean nothing"

SPANISH = "published on Spanish speech with its transcripts"
ENGLISH = "published on English podcasts with their transcripts"
READS_WORDS = (
    "in the live stream its text encoder reads the words of the utterance so far, and for the final the whole "
    "transcript. Where there are none (no recognizer, too early, another language) its text is an empty transcript, "
    "which training saw only where text was missing. No other text model joins it"
)
VOICE_ALONE = "it has no text encoder: it hears the voice alone, and the text branch joins it"
NO_TOKENIZER = (
    "it has no tokenizer, so its text encoder reads no words: it hears the voice alone, and the text branch joins it. "
    "`load_encoders` brings the tokenizer with the text encoder's weights"
)
ONE_SOFTMAX = "frames and words share one softmax; the attention that a reading shows is that of the frames"

DIMENSIONS_ALONE = (
    "its answer is arousal, valence and dominance, linearly from ratings in [1, 7] to [-1, 1]; it has no opinion on "
    "labels: their scores are all alike, and the label of the voice alone is always unsure"
)
SEGMENTS_ALONE = (
    "in the live stream each segment is encoded from its own 1.6 s of audio, and not cut from the encoder's "
    "output over the whole utterance as in the paper. Measured with another encoder, Whisper-base's first three "
    "layers, frozen, under a linear head trained the paper's way without triplets (RAVDESS, 7 classes, actors 01 "
    "to 20; 120 utterances of actors 21 and 22; three weight decays): UAR .759 to .777 as in the paper and .750 "
    "to .777 in windows, each with an interval of +-.07, and another label in 15 to 19 % of the utterances. A "
    "head trained on windows reads windows no better: .732 to .768"
)

# What a reader of the card should know of a system, whatever it learned from.
FACTS: dict[str, tuple[str, ...]] = {
    "segmental": (SEGMENTS_ALONE,),
    "attentive": (ENGLISH, READS_WORDS),
    "emospeech": (SPANISH, READS_WORDS, ONE_SOFTMAX),
    "emospeech-ensemble": (SPANISH, READS_WORDS, ONE_SOFTMAX, "the score of a label is its share of the models' votes"),
    "camulenet": (
        "its co-attention does not merge: in the live stream each window gives a posterior, and the utterance is their "
        "mean in the log domain, weighted by the frames that each window owns",
        "the speaker's gender is a second task of training; a reading says nothing of it",
    ),
    "attributes": (DIMENSIONS_ALONE, ENGLISH, READS_WORDS, "gender is learned beside, and said nowhere"),
    "attributes-ensemble": (DIMENSIONS_ALONE, ENGLISH, READS_WORDS, "each dimension is the mean of the models'"),
}


def draft_card(
    model: AttentiveModel
    | SegmentalModel
    | EmospeechModel
    | EmospeechEnsemble
    | CamulenetModel
    | AttributesModel
    | AttributesEnsemble,
    licence: str = "Apache-2.0",
    data: list[Corpus] | None = None,
    training: dict[str, Any] | None = None,
    notes: list[str] | None = None,
) -> Card:
    """A card for `save_model`, which fills in the weights' SHA-256. Without data the model counts as untrained.

    notes  by default, that an untrained model is one; what is known of the system is added
    """
    contract, calibration = model.contract, model.calibration
    normalisation = "none: it takes no audio"
    if getattr(model, "speech", None) is not None:
        config = model.speech.config
        normalisation = f"{config.family}, waveform normalised: {config.normalise}"
    return Card(
        format=FORMAT,
        id=contract.id,
        version="0",
        architecture=model.architecture,
        config=model.card_config(),
        audio=Audio.of(contract, normalisation),
        labels=list(contract.labels),
        dimensions=list(contract.dimensions),
        derived=contract.derived,
        calibration=CalibrationCard.of(calibration),
        languages=list(contract.languages),
        licence=licence,
        data=data or [],
        training=training or {},
        scores=published_scores(model.architecture),
        notes=[*(notes if notes is not None else ([] if data else [UNTRAINED])), *_facts(model)],
        weights_sha256="",
    )


def _facts(model: StreamModel) -> list[str]:
    """What is known of the system, as far as it is true of this model: one may have no part that reads words."""
    facts = FACTS.get(model.architecture, ())
    if not isinstance(model, TextModel) or model.tokenizer is not None:
        return list(facts)
    if model.text_encoders:
        return [NO_TOKENIZER if fact == READS_WORDS else fact for fact in facts]
    return [VOICE_ALONE if fact == READS_WORDS else fact for fact in facts if fact != ONE_SOFTMAX]
