"""Pooling a sequence of frames into one vector, incrementally and exactly.

base       what every pooling offers
softmax    average, statistics, attentive (AS, SA, MHA, MQMHA) and reduced attention pooling
extremes   max pooling and the best-segment rule
named      the rows of the published comparison, by name
"""

from .base import Pooling as Pooling
from .extremes import BestSegmentPooling as BestSegmentPooling
from .extremes import MaxPooling as MaxPooling
from .named import POOLINGS as POOLINGS
from .named import make_pooling as make_pooling
from .softmax import AttentivePooling as AttentivePooling
from .softmax import AveragePooling as AveragePooling
from .softmax import ReducedAttentionPooling as ReducedAttentionPooling
from .softmax import StatisticsPooling as StatisticsPooling
from .softmax import summarise as summarise

__all__ = [
    "POOLINGS",
    "AttentivePooling",
    "AveragePooling",
    "BestSegmentPooling",
    "MaxPooling",
    "Pooling",
    "ReducedAttentionPooling",
    "StatisticsPooling",
    "make_pooling",
    "summarise",
]
