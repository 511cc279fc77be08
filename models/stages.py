"""What the graph of a model takes and gives, and how far its parts see. Imports no torch.

A graph encodes a window whole, or goes on from what was kept of the same utterance. It has four parts, and a frame that
one of them makes is final once all that it depends on is there: what comes later does not change it.

    front end         samples to front-end frames; it looks ahead at nothing
    layers before     front-end frames to `middle`
    last block        `middle` to `late`
    layers over time  `late` to features and scores

Each is given the final frames before the new ones, as many as it sees, and makes those alone that are not known yet.
The frames that are not final, because the window ends too soon after them, are made again with the next window.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

AUDIO, PEAKS, FRONT, MIDDLE, LATE, PLACES = "audio", "peaks", "front", "middle", "late", "places"
FEATURES, SCORES = "features", "scores"
NEW_PEAKS, NEW_FRONT, NEW_MIDDLE, NEW_LATE = "new_peaks", "new_front", "new_middle", "new_late"
INPUTS = (AUDIO, PEAKS, FRONT, MIDDLE, LATE, PLACES)
OUTPUTS = (FEATURES, SCORES, NEW_PEAKS, NEW_FRONT, NEW_MIDDLE, NEW_LATE)
PLACE_COUNT = 5
"""`places`: the sample of `audio` at which the frames of mel bands begin; how many of these only tell how loud it was;
the sample at which the frames of periodicity begin; how many frames of the layers before, and of the last block, were
known already."""


@dataclass(frozen=True)
class Stages:
    """The shape of a graph.

    frame       samples of a feature frame
    stride      front-end frames of a feature frame
    lookback    samples before a window
    memory      front-end frames that are kept of how loud it was
    mel         samples before a front-end frame that its mel bands see
    raw         samples before it that all of it sees
    reaches     feature frames that the layers before, the last block and the layers over time see to each side
    channels    of front-end frames, of `middle` and of `late`
    """

    frame: int
    stride: int
    lookback: int
    memory: int
    mel: int
    raw: int
    reaches: tuple[int, int, int]
    channels: tuple[int, int, int]


@dataclass(frozen=True)
class GraphInput:
    """What a graph is given for B windows of one shape: see `INPUTS`.

    audio   (B, samples)
    peaks   (B, 1, memory) of frames before, or (B, 1, 0)
    front, middle, late  (B, channels, frames) before the new ones
    """

    audio: Array
    peaks: Array
    front: Array
    middle: Array
    late: Array
    places: npt.NDArray[np.int64]

    @property
    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """By their names."""
        return dict(zip(INPUTS, (self.audio, self.peaks, self.front, self.middle, self.late, self.places), strict=True))


@dataclass(frozen=True)
class GraphOutput:
    """What a graph gives: see `OUTPUTS`.

    features    (B, T, dim), scores (B, T, G) of the frames that were asked for
    new_...     of the frames that were not known: (B, 1, frames) and (B, channels, frames)
    """

    features: Array
    scores: Array
    new_peaks: Array
    new_front: Array
    new_middle: Array
    new_late: Array


def whole_window(stages: Stages, audio: Array) -> GraphInput:
    """The input for windows (B, lookback + N) of which nothing is known."""
    count = len(audio)
    peaks, front, middle, late = (np.zeros((count, channels, 0), np.float32) for channels in (1, *stages.channels))
    hop = stages.frame // stages.stride
    begin = stages.lookback - stages.mel - stages.memory * hop
    places = np.array([begin, stages.memory, stages.lookback - stages.raw, 0, 0], np.int64)
    return GraphInput(audio, peaks, front, middle, late, places)
