"""`small`, the model that ships with the package.

model      the model: encoder, attentive pooling, heads, and the speaker's baseline
frontend   log-mel powers and periodicity, 100 frames a second
pitch      the periodicity half of the front end
encoder    convolutions over the front end's frames, 25 feature frames a second
inference  the loaded model with its normalisation folded, to answer many requests
"""

from ..small_config import SmallConfig as SmallConfig
from .model import SmallModel as SmallModel

__all__ = ["SmallConfig", "SmallModel"]
