"""The published systems, a file each.

attentive   Leygue et al. 2025: two modalities, attentive pooling
segmental   Porjazovski et al. 2024: overlapping segments, triplet loss
emospeech   Casals-Salvador et al. 2024: voice and words concatenated on time, reduced attention pooling
ensemble    a hard vote of three `emospeech`
camulenet   Goel et al. 2024: spectrogram and MFCC (`cepstral`) in co-attention with Whisper, gender as a second task
attributes  Lertpetchpun et al. 2025: arousal, valence and dominance; `attributes_ensemble`, their mean
rows        the rows of the papers' tables
build       any of them by name, published or tiny, with any choice changed
"""

from .attentive import AttentiveConfig as AttentiveConfig
from .attentive import AttentiveModel as AttentiveModel
from .attributes import AttributesConfig as AttributesConfig
from .attributes import AttributesModel as AttributesModel
from .attributes_ensemble import AttributesEnsemble as AttributesEnsemble
from .attributes_ensemble import AttributesEnsembleConfig as AttributesEnsembleConfig
from .build import SYSTEMS as SYSTEMS
from .build import System as System
from .build import build as build
from .build import load_encoders as load_encoders
from .camulenet import GENDERS as GENDERS
from .camulenet import CamulenetConfig as CamulenetConfig
from .camulenet import CamulenetModel as CamulenetModel
from .camulenet import CamulenetOutputs as CamulenetOutputs
from .cards import FACTS as FACTS
from .cards import draft_card as draft_card
from .emospeech import EmospeechConfig as EmospeechConfig
from .emospeech import EmospeechModel as EmospeechModel
from .ensemble import EmospeechEnsemble as EmospeechEnsemble
from .ensemble import EnsembleConfig as EnsembleConfig
from .rows import ATTRIBUTES_ENTRIES as ATTRIBUTES_ENTRIES
from .rows import ATTRIBUTES_ROWS as ATTRIBUTES_ROWS
from .rows import CAMULENET_ROWS as CAMULENET_ROWS
from .rows import EMOSPEECH_ROWS as EMOSPEECH_ROWS
from .rows import SEGMENTAL_CORPORA as SEGMENTAL_CORPORA
from .rows import SEGMENTAL_ROWS as SEGMENTAL_ROWS
from .scores import published_scores as published_scores
from .segmental import SegmentalConfig as SegmentalConfig
from .segmental import SegmentalModel as SegmentalModel

__all__ = [
    "ATTRIBUTES_ENTRIES",
    "ATTRIBUTES_ROWS",
    "CAMULENET_ROWS",
    "EMOSPEECH_ROWS",
    "FACTS",
    "GENDERS",
    "SEGMENTAL_CORPORA",
    "SEGMENTAL_ROWS",
    "SYSTEMS",
    "AttentiveConfig",
    "AttentiveModel",
    "AttributesConfig",
    "AttributesEnsemble",
    "AttributesEnsembleConfig",
    "AttributesModel",
    "CamulenetConfig",
    "CamulenetModel",
    "CamulenetOutputs",
    "EmospeechConfig",
    "EmospeechEnsemble",
    "EmospeechModel",
    "EnsembleConfig",
    "SegmentalConfig",
    "SegmentalModel",
    "System",
    "build",
    "draft_card",
    "load_encoders",
    "published_scores",
]
