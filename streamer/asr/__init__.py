"""Speech recognizers behind one small interface, each in a process of its own.

>>> from emoscope.streamer.asr import choose, Recognizer
>>> with Recognizer(choose("pocketsphinx")) as recognizer:             # doctest: +SKIP
...     results = recognizer(requests)
"""

from .choice import HOW, Choice, choose, default_choice
from .prepare import Prepared, prepare
from .recognizer import Recognizer, RecognizerUnavailable, SpeechRecognizer

__all__ = [
    "HOW",
    "Choice",
    "Prepared",
    "Recognizer",
    "RecognizerUnavailable",
    "SpeechRecognizer",
    "choose",
    "default_choice",
    "prepare",
]
