"""Supervised worker processes, for libraries that may crash, hang, or hold the interpreter's lock.

`SupervisedWorker` is the parent's side: it starts the process, asks it, times out, kills and restarts it. `child.run`
is the process's own main loop around a `Service`. `Messages` names the types that they exchange.
"""

from .messages import LoadFailed, Messages
from .process import WorkerError, WorkerExited
from .supervised import SupervisedWorker, WorkerState, WorkerUnavailable

__all__ = [
    "LoadFailed",
    "Messages",
    "SupervisedWorker",
    "WorkerError",
    "WorkerExited",
    "WorkerState",
    "WorkerUnavailable",
]
