"""Speech recognizers behind one small interface, each in a process of its own.

>>> from emoscope.streamer.asr import choose, Recognizer
>>> with Recognizer(choose("pocketsphinx")) as recognizer:             # doctest: +SKIP
...     results = recognizer(requests)
"""

from .choice import Choice, choose, default_choice
from .recognizer import Recognizer

__all__ = ["Choice", "Recognizer", "choose", "default_choice"]
