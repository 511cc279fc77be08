"""Systems by name: as published, or the same architecture tiny and random, with any choice changed."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from ..contract import ModelContract
from ..encoders import SpeechConfig, TextConfig, load_into, published, text_tokenizer, tiny_model
from ..encoders.speech import FRAME
from ..errors import UsageError
from ..model import StreamModel
from ..reading import DIMENSIONS, Calibration
from ..text_model import TextModel, common_tokenizer
from .attentive import LABELS as ATTENTIVE_LABELS
from .attentive import AttentiveConfig, AttentiveModel
from .attributes import LABELS as ATTRIBUTES_LABELS
from .attributes import UNDECIDED, AttributesConfig, AttributesModel
from .attributes_ensemble import AttributesEnsemble, AttributesEnsembleConfig
from .base import lookback
from .camulenet import LABELS as CAMULENET_LABELS
from .camulenet import CamulenetConfig, CamulenetModel
from .emospeech import LABELS as EMOSPEECH_LABELS
from .emospeech import EmospeechConfig, EmospeechModel
from .ensemble import EmospeechEnsemble, EnsembleConfig
from .rows import ATTRIBUTES_ENTRIES, WAVLM_LARGE
from .segmental import LABELS as SEGMENTAL_LABELS
from .segmental import SegmentalConfig, SegmentalModel

Size = Literal["published", "tiny"]
ENCODERS = ("speech", "text")

CALIBRATION = Calibration()  # as long as nothing is measured
TAIL = 3_200  # 0.2 s after the last voiced frame: breath and laughter carry much (Leygue et al. 2025, section 4.3)


@dataclass(frozen=True)
class System:
    """A published system.

    encoders   hub names of its encoders, by the config's field
    seconds    window and hop of the stream
    chosen     fields of its encoders' configs that are not the checkpoint's own, by the config's field
    tiny       fields of its config that size "tiny" makes small
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
    tiny: dict[str, Any] = dataclasses.field(default_factory=dict)
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
        chosen={"text": {"languages": ["en"]}},
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
        chosen={"speech": {"layer": "weighted"}, "text": {"languages": ["es"]}},
    ),
    "emospeech-ensemble": System(
        "emospeech-ensemble",
        "Casals-Salvador et al. 2024: a hard vote of three `emospeech` models",
        EmospeechEnsemble,
        EnsembleConfig,
        EMOSPEECH_LABELS,
        {"speech": "facebook/wav2vec2-xls-r-300m", "text": "llange/xlm-roberta-large-spanish"},
        (2.0, 1.0),
        chosen={"speech": {"layer": "weighted"}, "text": {"languages": ["es"]}},
    ),
    "camulenet": System(
        "camulenet",
        "Goel et al. 2024: spectrogram and MFCC in co-attention with Whisper-medium, gender as a second task",
        CamulenetModel,
        CamulenetConfig,
        CAMULENET_LABELS,
        {"speech": "openai/whisper-medium"},
        (3.0, 1.5),
        tiny={"channels": (4, 4, 4, 4, 4), "image": 16, "recurrent": 4, "attention": 8},
    ),
    "attributes": System(
        "attributes",
        "Lertpetchpun et al. 2025: WavLM and RoBERTa to arousal, valence and dominance, gender as a second task",
        AttributesModel,
        AttributesConfig,
        ATTRIBUTES_LABELS,
        {"speech": WAVLM_LARGE, "text": "FacebookAI/roberta-large"},
        (2.0, 1.0),
        chosen={"speech": {"layer": "weighted"}, "text": {"languages": ["en"]}},
        calibration=UNDECIDED,
        dimensions=DIMENSIONS,
    ),
    "attributes-ensemble": System(
        "attributes-ensemble",
        "Lertpetchpun et al. 2025: the mean of `attributes` with WavLM and with Whisper",
        AttributesEnsemble,
        AttributesEnsembleConfig,
        ATTRIBUTES_LABELS,
        {"speech": WAVLM_LARGE, "text": "FacebookAI/roberta-large"},
        (2.0, 1.0),
        chosen={"speech": {"layer": "weighted"}, "text": {"languages": ["en"]}},
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
    changes = {**(system.tiny if size == "tiny" else {}), **changes}
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

    A text encoder brings its tokenizer, by which the system reads the words of a stream.

    checkpoints  hub names or folders by field (`speech`, `text`); by default those that its config names. The members
                 of an ensemble are given the same
    download     fetch what is not cached on this machine

    >>> model = build("segmental")
    >>> load_encoders(model, download=True)
    """
    if isinstance(model, EmospeechEnsemble | AttributesEnsemble):
        members: Sequence[TextModel] = model.voters if isinstance(model, EmospeechEnsemble) else model.raters
        for member in members:
            load_encoders(member, checkpoints, download)
        model.tokenizer = common_tokenizer(members)
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
        if field == "text" and isinstance(model, TextModel):
            model.take_tokenizer(text_tokenizer(name, download), name)
