"""The rules of a live stream, without threads, sockets or a clock: `now` is handed in, decisions come back.

`stream`  lag, skipped interims, dropped speech, the deadline of `finish`
`status`  the `status` event
`passes`  the queue of transcription passes: deadlines, superseded passes, and those that cannot finish in time

A microphone and a server apply the same rules; the server to as many streams as it has clients.
"""

from .passes import Decided, PassQueue, QueuedPass
from .status import SecondCounter, status
from .stream import (
    SKIP_LAG_S,
    ChannelShedding,
    FinishDeadline,
    QueuedWindow,
    Shedding,
    StreamRules,
    audio_dropped,
    may_read_on,
)
from .view import ChannelView, StreamView

__all__ = [
    "SKIP_LAG_S",
    "ChannelShedding",
    "ChannelView",
    "Decided",
    "FinishDeadline",
    "PassQueue",
    "QueuedPass",
    "QueuedWindow",
    "SecondCounter",
    "Shedding",
    "StreamRules",
    "StreamView",
    "audio_dropped",
    "may_read_on",
    "status",
]
