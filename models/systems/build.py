"""Systems by name: as published, or the same architecture tiny and random, with any choice changed."""

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from ..contract import ModelContract
from ..encoders import SpeechConfig, TextConfig, load_into, published, tiny_model
from ..encoders.speech import FRAME
from ..errors import UsageError
from ..model import StreamModel
from ..reading import DIMENSIONS, Calibration
from .attentive import LABELS as ATTENTIVE_LABELS
from .attentive import AttentiveConfig, AttentiveModel
from .attributes import LABELS as ATTRIBUTES_LABELS
from .attributes import UNDECIDED, AttributesConfig, AttributesModel
from .attributes_ensemble import AttributesEnsemble, AttributesEnsembleConfig
from .base import lookback
from .emospeech import LABELS as EMOSPEECH_LABELS
from .emospeech import EmospeechConfig, EmospeechModel
from .ensemble import EmospeechEnsemble, EnsembleConfig
from .segmental import LABELS as SEGMENTAL_LABELS
from .segmental import SegmentalConfig, SegmentalModel

Size = Literal["published", "tiny"]
ENCODERS = ("speech", "text")

CALIBRATION = Calibration()  # as long as nothing is measured
TAIL = 3_200  # 0.2 s after the last voiced frame: breath and laughter carry much (Leygue et al. 2025, section 4.3)

# The settings of section 4 of `segmental`, by corpus, as changes to `build("segmental", ...)`. FESC's checkpoint was
# XLSR-53 fine-tuned on Finnish speech; layer 23 of 24 is taken.
SEGMENTAL_CORPORA: dict[str, dict[str, Any]] = {
    "ravdess": {"segment": 80, "stride": 40, "alpha": 0.2},
    "iemocap": {
        "segment": 140, "stride": 70, "alpha": None, "triplet": "segments",
        "labels": ("neutral", "sad", "happy", "angry"),
    },
    "fesc": {
        "segment": 120, "stride": 60, "alpha": None,
        "labels": ("neutral", "sad", "happy", "affectionate", "angry"),
        "speech": {"checkpoint": "facebook/wav2vec2-large-xlsr-53", "layer": -2},
    },
}  # fmt: skip

# The rows of table 1 of `segmental`, as changes; alpha is RAVDESS's (section 4), elsewhere it is None.
SEGMENTAL_ROWS: dict[str, dict[str, Any]] = {
    "baseline": {"segments": False, "triplet": "none"},
    "seg": {"triplet": "none"},
    "tri(W)": {"segments": False, "triplet": "utterance", "alpha": 0.7},
    "seg+tri(S)": {"triplet": "segments", "alpha": 0.1},
    "seg+tri(W)": {"triplet": "utterance", "alpha": 0.2},
}

# The encoders of table 1 of `emospeech` and the classifiers of its table 2, as changes. "top 1" and "top 2" differ in
# weight decay alone (.01 and .1). BETO-EMO is BETO fine-tuned for emotions, so its shape is BETO's.
_ROBERTA, _BERT = "llange/xlm-roberta-large-spanish", "google-bert/bert-large-uncased"
_BETO, _XLS_R = "dccuchile/bert-base-spanish-wwm-cased", "facebook/wav2vec2-xls-r-300m"
EMOSPEECH_ROWS: dict[str, dict[str, Any]] = {
    "RoBERTa, WavLM large": {"text": _ROBERTA, "speech": "microsoft/wavlm-large"},
    "RoBERTa, XLSR": {"text": _ROBERTA, "speech": _XLS_R},
    "RoBERTa, HuBERT large": {"text": _ROBERTA, "speech": "facebook/hubert-large-ll60k"},
    "BERT, WavLM large": {"text": _BERT, "speech": "microsoft/wavlm-large"},
    "BERT, XLSR": {"text": _BERT, "speech": _XLS_R},
    "BETO, WavLM base plus": {"text": _BETO, "speech": "microsoft/wavlm-base-plus"},
    "top 1": {"hidden_layers": 2},
    "top 2": {"hidden_layers": 2},
    "top 3": {"hidden_layers": 3},
}

# The models of tables 2, 3 and 6 of `attributes`, as changes; tables 4 and 5 vary the training set alone.
_WAVLM_LARGE = "microsoft/wavlm-large"
_WHISPER_LARGE = {"checkpoint": "openai/whisper-large-v3", "layer": "last"}
ATTRIBUTES_ROWS: dict[str, dict[str, Any]] = {
    "WavLM": {"modalities": "audio", "gender": False},
    "MMWavLM": {"gender": False},
    "+ S Emb": {"gender": False, "speaker_embedding": 192},  # the extractor is not named; 192 is ECAPA-TDNN's
    "+ S Pred": {"gender": False, "speakers": 1_000},  # how many is the training set's
    "+ G Pred": {"gender": True},
    "WavLM, gender": {"modalities": "audio", "gender": True},
    "MMWhisper": {"speech": _WHISPER_LARGE, "gender": False},
    "MMWhisper, gender": {"speech": _WHISPER_LARGE, "gender": True},
}
# Section 4.5: the entries that came first and second. The members of the second differ in their training sets too.
ATTRIBUTES_ENTRIES: dict[str, tuple[dict[str, Any], ...]] = {
    "2-system": (ATTRIBUTES_ROWS["WavLM, gender"], ATTRIBUTES_ROWS["MMWhisper"]),
    "3-system": (
        ATTRIBUTES_ROWS["WavLM, gender"], ATTRIBUTES_ROWS["WavLM, gender"], ATTRIBUTES_ROWS["MMWhisper, gender"],
    ),
}  # fmt: skip


@dataclass(frozen=True)
class System:
    """A published system.

    encoders   hub names of its encoders, by the config's field
    seconds    window and hop of the stream
    chosen     fields of its encoders' configs that are not the checkpoint's own, by the config's field
    calibration, dimensions  of the contract, where the system has its own
    """

    name: str
    title: str
    model: type[StreamModel]
    config: type[Any]
    labels: tuple[str, ...]
    encoders: dict[str, str]
    seconds: tuple[float, float]
    chosen: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    calibration: Calibration = CALIBRATION
    dimensions: tuple[str, ...] = ()


SYSTEMS: dict[str, System] = {
    "attentive": System(
        "attentive",
        "Leygue et al. 2025: W2V-BERT 2.0 and DeBERTa v3, attentive pooling",
        AttentiveModel,
        AttentiveConfig,
        ATTENTIVE_LABELS,
        {"speech": "facebook/w2v-bert-2.0", "text": "microsoft/deberta-v3-base"},
        (2.0, 1.0),
    ),
    "segmental": System(
        "segmental",
        "Porjazovski et al. 2024: wav2vec 2.0 on overlapping segments, triplet loss",
        SegmentalModel,
        SegmentalConfig,
        SEGMENTAL_LABELS,
        {"speech": "facebook/wav2vec2-base"},
        (1.6, 0.8),
    ),
    "emospeech": System(
        "emospeech",
        "Casals-Salvador et al. 2024: XLS-R and Spanish XLM-R concatenated on time, reduced attention pooling",
        EmospeechModel,
        EmospeechConfig,
        EMOSPEECH_LABELS,
        {"speech": "facebook/wav2vec2-xls-r-300m", "text": "llange/xlm-roberta-large-spanish"},
        (2.0, 1.0),
        chosen={"speech": {"layer": "weighted"}},
    ),
    "emospeech-ensemble": System(
        "emospeech-ensemble",
        "Casals-Salvador et al. 2024: a hard vote of three `emospeech` models",
        EmospeechEnsemble,
        EnsembleConfig,
        EMOSPEECH_LABELS,
        {"speech": "facebook/wav2vec2-xls-r-300m", "text": "llange/xlm-roberta-large-spanish"},
        (2.0, 1.0),
        chosen={"speech": {"layer": "weighted"}},
    ),
    "attributes": System(
        "attributes",
        "Lertpetchpun et al. 2025: WavLM and RoBERTa to arousal, valence and dominance, gender as a second task",
        AttributesModel,
        AttributesConfig,
        ATTRIBUTES_LABELS,
        {"speech": _WAVLM_LARGE, "text": "FacebookAI/roberta-large"},
        (2.0, 1.0),
        chosen={"speech": {"layer": "weighted"}},
        calibration=UNDECIDED,
        dimensions=DIMENSIONS,
    ),
    "attributes-ensemble": System(
        "attributes-ensemble",
        "Lertpetchpun et al. 2025: the mean of `attributes` with WavLM and with Whisper",
        AttributesEnsemble,
        AttributesEnsembleConfig,
        ATTRIBUTES_LABELS,
        {"speech": _WAVLM_LARGE, "text": "FacebookAI/roberta-large"},
        (2.0, 1.0),
        chosen={"speech": {"layer": "weighted"}},
        calibration=UNDECIDED,
        dimensions=DIMENSIONS,
    ),
}


def encoder_fields(field: str, checkpoint: str, size: Size, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a `SpeechConfig` or `TextConfig`: a hub encoder's shape, or the tiny one of its architecture."""
    shape = published(checkpoint)
    config: SpeechConfig | TextConfig = shape.speech() if field == "speech" else shape.text()
    made = asdict(config)
    if size == "tiny":
        norm = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}
        made["model"] = {**tiny_model(config.family), **(norm if "feat_extract_norm" in shape.model else {})}
    return {**made, **changes}


def encoder_of(system: System, field: str, size: Size, change: str | Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a system's encoder: a hub name, or some fields with an optional `checkpoint`, over the published."""
    change = {"checkpoint": change} if isinstance(change, str) else change
    fields = {**system.chosen.get(field, {}), **change}
    named = fields.pop("checkpoint", None)
    if "model" in fields and named is None:
        fields["checkpoint"] = None  # no weights are known for a shape of one's own
    return encoder_fields(field, named or system.encoders[field], size, fields)


def build(name: str, size: Size = "published", **changes: Any) -> StreamModel:
    """A published system with random weights.

    size      "published", or "tiny": the same architecture with encoders of a few thousand parameters
    changes   fields of its config, each an ablation. `speech` and `text` take a hub name, or some fields of the
              encoder's config with an optional `checkpoint`, a hub name; `labels`, `window` and `hop` (samples)
              change the contract

    >>> build("attentive", "tiny", pooling="AS", speech={"layer": "weighted"})
    """
    if name not in SYSTEMS:
        raise UsageError(f"no published system {name!r}; there are {', '.join(SYSTEMS)}")
    if size not in ("published", "tiny"):
        raise UsageError(f"size must be 'published' or 'tiny'; got {size!r}")
    system = SYSTEMS[name]
    known = {one.name for one in fields(system.config)} | {"labels", "window", "hop"}
    if unknown := sorted(changes.keys() - known):
        raise UsageError(f"{name} has no field {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    labels = tuple(changes.pop("labels", system.labels))
    window, hop = (round(seconds * 16_000) for seconds in system.seconds)
    if name == "segmental" and changes.get("segments", True):
        window = changes.get("segment", SegmentalConfig.segment) * FRAME
        hop = changes.get("stride", SegmentalConfig.stride) * FRAME
    window, hop = changes.pop("window", window), changes.pop("hop", hop)
    for field in system.encoders:
        changes[field] = encoder_of(system, field, size, changes.get(field, {}))
    ahead = lookback(changes["speech"])
    if name == "attributes-ensemble":
        members = changes.get("members", ATTRIBUTES_ENTRIES["2-system"])
        changes["members"] = [
            {
                **member,
                **{field: encoder_of(system, field, size, member[field]) for field in ENCODERS if field in member},
            }
            for member in members
        ]
        ahead = max((lookback(member.get("speech", changes["speech"])) for member in changes["members"]), default=ahead)
    config = system.config(**changes)
    contract = ModelContract(
        id=name if size == "published" else f"{name}-tiny",
        labels=labels,
        window=window,
        hop=hop,
        frame=FRAME,
        lookback=ahead,
        tail=TAIL,
        sample_rate=changes["speech"].get("sample_rate", 16_000),
        dimensions=system.dimensions,
    )
    return system.model(config, contract, system.calibration)


def load_encoders(
    model: StreamModel, checkpoints: Mapping[str, str | Path] | None = None, download: bool = False
) -> None:
    """Give a system's encoders their pretrained weights, every weight accounted for; the rest stays random, to train.

    checkpoints  hub names or folders by field (`speech`, `text`); by default those that its config names. The members
                 of an ensemble are given the same
    download     fetch what is not cached on this machine

    >>> model = build("segmental")
    >>> load_encoders(model, download=True)
    """
    if isinstance(model, EmospeechEnsemble | AttributesEnsemble):
        for member in model.voters if isinstance(model, EmospeechEnsemble) else model.raters:
            load_encoders(member, checkpoints, download)
        return
    has = {field: encoder for field in ENCODERS if (encoder := getattr(model, field, None)) is not None}
    asked = checkpoints or {field: encoder.config.checkpoint for field, encoder in has.items()}
    if not asked:
        raise UsageError(f"{model.architecture} has no encoder that takes a checkpoint")
    for field, name in asked.items():
        if field not in has:
            raise UsageError(f"this {model.architecture} has no {field} encoder to give {str(name)!r} to")
        if name is None:
            raise UsageError(
                f"no checkpoint is known for this {model.architecture}'s {field} encoder; give one: "
                f"checkpoints={{{field!r}: NAME}}"
            )
    for field, name in asked.items():
        load_into(has[field], name, download)
