"""Pretrained encoders of speech and text behind one adapter each, built with transformers.

config      what an encoder is built from
published   the shapes of the public encoders, and tiny ones
speech      the interface of speech encoders: frames, masks, windows, phases of training
waveform    wav2vec 2.0, HuBERT, WavLM, XLS-R
spectral    W2V-BERT 2.0 and Whisper's encoder
text        BERT, RoBERTa, XLM-R, DeBERTa v3, distilled variants
tokenizer   text to the ids of its tokens, from one file
checkpoint  weights of public checkpoints, fitted one by one
agreement   whether a checkpoint asks for the computation of an encoder that is built
"""

from .build import speech_encoder as speech_encoder
from .build import text_encoder as text_encoder
from .checkpoint import checkpoint_folder as checkpoint_folder
from .checkpoint import load_into as load_into
from .checkpoint import speech_checkpoint as speech_checkpoint
from .checkpoint import text_checkpoint as text_checkpoint
from .checkpoint import text_tokenizer as text_tokenizer
from .config import SpeechConfig as SpeechConfig
from .config import TextConfig as TextConfig
from .published import PUBLISHED as PUBLISHED
from .published import published as published
from .published import tiny_model as tiny_model
from .speech import SpeechEncoder as SpeechEncoder
from .text import TextEncoder as TextEncoder
from .text import Tokens as Tokens
from .text import tokenise as tokenise
from .tokenizer import TextTokenizer as TextTokenizer

__all__ = [
    "PUBLISHED",
    "SpeechConfig",
    "SpeechEncoder",
    "TextConfig",
    "TextEncoder",
    "TextTokenizer",
    "Tokens",
    "checkpoint_folder",
    "load_into",
    "published",
    "speech_checkpoint",
    "speech_encoder",
    "text_checkpoint",
    "text_encoder",
    "text_tokenizer",
    "tiny_model",
    "tokenise",
]
