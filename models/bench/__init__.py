"""What the models cost: encoders by the second of audio, readings by the second heard.

encoders  FLOPs, time and memory of each public encoder at its published shape, with random weights
readings  a reading after 5, 30, 60 and 120 s beside running the model again on all that was heard
"""

from .encoders import EncoderCost as EncoderCost
from .encoders import bench_encoders as bench_encoders
from .readings import MODELS as MODELS
from .readings import ReadingCost as ReadingCost
from .readings import bench_readings as bench_readings

__all__ = ["MODELS", "EncoderCost", "ReadingCost", "bench_encoders", "bench_readings"]
