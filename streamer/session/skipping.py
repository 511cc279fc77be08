"""Interim readings that nobody gets because the model is slow, and the speech that their windows hold for good.

A window of a model with a `reach` holds complete cells beside what the interim alone needs. They are asked for again,
those of several windows in one request: that costs less, and no speech is lost.
"""

from collections.abc import Collection

import numpy as np

from emoscope.models.contract import ModelContract
from emoscope.models.windows import Window, without_last

from .open_requests import OpenRequests
from .requests import Encode
from .steps import AssemblyState, EncodedWindow, ReadingDue


class Skipping:
    """Collects the windows of interims that are skipped one after the other, and asks for their cells together."""

    def __init__(self, contract: ModelContract, state: AssemblyState, requests: OpenRequests) -> None:
        self._contract, self._state, self._requests = contract, state, requests
        self._steps: list[ReadingDue] = []
        self._windows: list[Encode] = []

    def skip(self, ids: Collection[int]) -> None:
        """Give up the interims that wait for these open windows."""
        for step in self._state.steps:
            if isinstance(step, ReadingDue) and step.encode is not None and step.encode in ids:
                self._give_up(step, step.encode)
            else:
                self._ask()  # what comes next counts all speech before it
        self._ask()

    def _give_up(self, step: ReadingDue, number: int) -> None:
        request = self._requests.close_window(number)
        cells = without_last(self._contract, request.window)
        if cells is None:
            self._state.encoded[number] = EncodedWindow(None)
            return
        if self._windows and cells.end - self._windows[0].window.start > self._contract.window:
            self._ask()
        step.encode, step.window, step.skipped = None, None, True
        self._steps.append(step)
        audio = request.audio[: len(request.audio) - (request.window.end - cells.end)]
        self._windows.append(Encode(number, cells, audio, request.voice, request.utterance))

    def _ask(self) -> None:
        """Ask for the cells that were collected; the last step takes them all."""
        if not self._windows:
            return
        step, request = self._steps[-1], joined(self._requests.new_id(), self._windows)
        step.encode, step.window = request.id, request.window
        self._requests.add_window(request, interim=False)
        self._steps, self._windows = [], []


def joined(number: int, requests: list[Encode]) -> Encode:
    """One request for the parts of several, each of which goes on where the one before it ends."""
    first, *later = requests
    window, audio = first.window, [first.audio]
    for request in later:
        audio.append(request.audio[len(request.audio) - (request.window.end - window.end) :])
        window = Window(
            start=window.start,
            end=request.window.end,
            own_start=window.own_start,
            own_end=request.window.own_end,
            index=window.index,
            borders=(*window.borders, window.own_end, *request.window.borders),
        )
    return Encode(number, window, np.concatenate(audio), first.voice, first.utterance)
