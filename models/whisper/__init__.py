"""`whisper`: Whisper-base's lower layers as they are, read by a head that was trained here.

ctranslate2  CTranslate2's file of weights, read without CTranslate2
encoder      two convolutions and three layers of Whisper-base
checkpoint   the user's own copy of the encoder: found, read, checked, kept
model        the encoder under attentive pooling and linear heads
"""

from .model import WhisperConfig, WhisperModel

__all__ = ["WhisperConfig", "WhisperModel"]
