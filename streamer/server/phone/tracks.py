"""The tracks of a call, put in order and side by side: one becomes one channel. No socket, no clock."""

import numpy as np

from .calls import CallAudio, Codec, Samples

HELD = 5  # chunks that wait for one before them; then that one is given up
MAX_LATE = 10  # chunks in a row; after so many the provider counts anew
GAP_S = 0.1  # a pause in the provider's times that is longer is silence of the call
MAX_GAP_S = 10.0  # that is filled at once: a time that jumps further is not believed
SKEW_S = 0.2  # that one track may lag behind the other before it counts as silent


class Track:
    """One track's chunks in the order of their numbers, with silence where the provider sent nothing.

    late  chunks that came after they had been given up
    """

    def __init__(self, codec: Codec, begin: int = 0) -> None:
        """begin: samples of the other track before the first of this one."""
        self._codec = codec
        self._expected = 1
        self._held: dict[int, CallAudio] = {}
        self._clock_s: float | None = None  # of the provider, at sample 0
        self.position = begin
        self.late = self._late_in_a_row = 0
        self.ready: list[Samples] = []

    @property
    def samples(self) -> int:
        """Samples that are ready."""
        return sum(map(len, self.ready))

    def accept(self, chunk: CallAudio) -> None:
        """Take a chunk; what it completes is `ready`."""
        if chunk.number is None:
            self._append(chunk)
            return
        if chunk.number < self._expected and self._late_in_a_row >= MAX_LATE:
            self.flush()
            self._expected = chunk.number
        if chunk.number < self._expected or chunk.number in self._held:
            self.late += 1
            self._late_in_a_row += 1
            return
        self._late_in_a_row = 0
        self._held[chunk.number] = chunk
        self._release()
        while len(self._held) > HELD:
            self._expected = min(self._held)
            self._release()

    def flush(self) -> None:
        """No more chunks come: what is held is ready, whatever is missing before it."""
        for number in sorted(self._held):
            self._append(self._held.pop(number))

    def pad(self, count: int) -> None:
        """Append silence."""
        if count > 0:
            self._add(np.zeros(count, np.int16))

    def take(self, count: int) -> Samples:
        """The oldest samples that are ready, `count` of them."""
        whole = np.concatenate(self.ready) if self.ready else np.zeros(0, np.int16)
        self.ready = [whole[count:]] if len(whole) > count else []
        return whole[:count]

    def _release(self) -> None:
        while (chunk := self._held.pop(self._expected, None)) is not None:
            self._expected += 1
            self._append(chunk)

    def _append(self, chunk: CallAudio) -> None:
        rate = self._codec.rate
        if chunk.time_s is not None:
            if self._clock_s is None:
                self._clock_s = chunk.time_s - self.position / rate
            gap_s = chunk.time_s - self._clock_s - self.position / rate
            if GAP_S < gap_s <= MAX_GAP_S:
                self.pad(round(gap_s * rate))
            elif gap_s > MAX_GAP_S:
                self._clock_s += gap_s
        self._add(self._codec.decode(chunk.data))

    def _add(self, samples: Samples) -> None:
        self.position += len(samples)
        self.ready.append(samples)


class Tracks:
    """Samples (n, tracks) of all tracks at once: a session's channels have one clock."""

    def __init__(self, codec: Codec, names: tuple[str, ...]) -> None:
        self._codec = codec
        self._tracks = {name: Track(codec) for name in names}

    @property
    def late(self) -> int:
        """Chunks of all tracks that came too late."""
        return sum(track.late for track in self._tracks.values())

    def accept(self, chunk: CallAudio) -> Samples:
        """What a chunk completes; KeyError for a track that is none of the names."""
        self._tracks[chunk.track].accept(chunk)
        newest = max(track.position for track in self._tracks.values())
        for track in self._tracks.values():
            track.pad(newest - round(SKEW_S * self._codec.rate) - track.position)
        return self._take()

    def finish(self) -> Samples:
        """What is left; a track that is shorter ends in silence."""
        for track in self._tracks.values():
            track.flush()
        newest = max(track.position for track in self._tracks.values())
        for track in self._tracks.values():
            track.pad(newest - track.position)
        return self._take()

    def _take(self) -> Samples:
        count = min(track.samples for track in self._tracks.values())
        return np.stack([track.take(count) for track in self._tracks.values()], axis=1)
