"""The protocol `emoscope.v1`: options, events, messages and errors, which every other room may import.

This package imports neither torch nor the models.
"""

from .messages import FATAL as FATAL
from .messages import PATH as PATH
from .messages import SUBPROTOCOL as SUBPROTOCOL
from .messages import CloseCode as CloseCode
