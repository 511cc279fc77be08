"""The errors that Emoscope raises on purpose.

EmoscopeError
+-- UsageError              a request that cannot be met: says what can
+-- InputError              the audio or file                       (emoscope.streamer.protocol.errors)
|   +-- UnreadableAudio     not audio, or broken: says where
|   +-- UnusableDevice      a microphone that is not there, is busy, or went away: lists those that are there
|   +-- ConfigInvalid       a session option out of range: names the field and what was expected
|   +-- RecordInvalid       a record or saved session that cannot be read
|   +-- ProtocolError       a message that the other side of a socket cannot take: carries the protocol's code
|       +-- InvalidJson     not a JSON object, or fields that are missing, unknown or wrong
|       +-- UnknownType     a type that the protocol does not have
|       +-- InvalidAudio    a binary frame that is no audio of the agreed format
+-- ServerError             a server, as its client sees it
|   +-- UnreachableServer   no connection: says what was tried
|   +-- RefusedByServer     a wrong token, no room, another protocol
|   +-- Disconnected        the server ended the session: carries the close code
+-- ClusterError            a Ray cluster that cannot be reached, or cannot do what is asked of it
+-- ModelError              the weights, the card, the hub
|   +-- CardInvalid         the card lacks a field or holds a wrong one
|   +-- HeadMismatch        names the missing and the unexpected weights
|   +-- NotCached           says what to fetch, and which model works now
+-- TrainingError           corpora, splits, recipes                (emoscope.train.errors)

Each message says what happened and what to do. The root is defined here because `streamer` and `train` may both
import `models`, and `models` imports neither.
"""


class EmoscopeError(Exception):
    """The root: `except EmoscopeError` catches every error that Emoscope raises on purpose."""


class UsageError(EmoscopeError):
    """An argument or a request that cannot be used; the message says what can."""


class ModelError(EmoscopeError):
    """Something is wrong with a model's weights, its card, or its download."""


class CardInvalid(ModelError):
    """A model card lacks a field or holds a wrong one."""


class HeadMismatch(ModelError):
    """Weights that do not fit their card: missing, unexpected, of another shape, or altered."""


class NotCached(ModelError):
    """A model that is not on this machine; the message says how to get it."""
