"""From the source's samples to 16 kHz mono on the session's clock: mixing, resampling, level."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import soxr

from ..protocol.config import SAMPLE_RATE
from ..protocol.errors import ConfigInvalid, InputError
from .vad import Samples

LOUDEST = 1_000.0  # full scale is 1; a larger sample is an error, and its square would outweigh all others
RENEW_S = 2.0  # the resampler is made anew after this much input, so that little must be kept to rebuild it
RUN_IN_S = 0.1  # input that a new resampler is fed first, so that its output continues the old one's to about 1e-7
QUANTUM_S = 0.02  # the resampler is fed in fixed steps, so that its output does not depend on the chunks


@dataclass
class IntakeState:
    """What the intake remembers; all of it is saved. Input is counted in samples at the source's rate.

    accepted     input samples so far
    fed          how many of them the resampler was given
    produced     samples of the session's clock so far
    renewed      value of `fed` when the resampler was made
    origin       input sample at which the resampler's own clock began
    kept         mono input since `origin`
    level_power  mean square of the samples, smoothed over about 0.3 s
    """

    accepted: int = 0
    fed: int = 0
    produced: int = 0
    renewed: int = 0
    origin: int = 0
    kept: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    level_power: float = 0.0


def is_plausible(samples: Samples) -> npt.NDArray[np.bool_]:
    """Which rows of samples (n, channels) can be audio: finite, and not absurdly far beyond full scale."""
    usable: npt.NDArray[np.bool_] = np.all(np.abs(samples) <= LOUDEST, axis=1)
    return usable


class Intake:
    """Brings one source to the session's clock.

    soxr keeps its state in C, where it cannot be saved: a restore feeds it `IntakeState.kept` again.
    """

    def __init__(self, sample_rate: int, channels: int, state: IntakeState | None = None) -> None:
        self.rate, self.channels = sample_rate, channels
        self.state = IntakeState() if state is None else state
        self._period = sample_rate // math.gcd(sample_rate, SAMPLE_RATE)
        self._quantum = max(1, round(sample_rate * QUANTUM_S))
        self._renew_every = max(1, round(RENEW_S / QUANTUM_S)) * self._quantum
        self._run_in = round(RUN_IN_S * sample_rate)
        self._stream: soxr.ResampleStream | None = None
        self._skip = 0
        if sample_rate != SAMPLE_RATE and self.state.accepted:
            self._rebuild()

    @property
    def seconds(self) -> float:
        """Audio accepted, in seconds."""
        return self.state.accepted / self.rate

    @property
    def level_dbfs(self) -> float:
        """Level of about the newest second, dBFS; -120 for silence."""
        return max(-120.0, 10.0 * float(np.log10(self.state.level_power + 1e-12)))

    @property
    def clock(self) -> int:
        """Where the accepted input ends on the session's clock, in whole samples."""
        return self.state.accepted * SAMPLE_RATE // self.rate

    def feed(self, samples: npt.NDArray[np.generic]) -> Samples:
        """Accept `samples` (n,) or (n, channels); returns the samples of the session's clock that they complete.

        InputError for a sample that cannot be audio; ConfigInvalid for another type or number of channels.
        """
        mono = self._mono(samples)
        self._meter(mono)
        state = self.state
        state.accepted += len(mono)
        if self.rate == SAMPLE_RATE:
            state.fed, state.produced = state.accepted, state.accepted
            return mono
        state.kept = np.concatenate([state.kept, mono])
        out = []
        while (edge := (state.fed // self._quantum + 1) * self._quantum) <= state.accepted:
            out.append(self._push(edge))
            if edge % self._renew_every == 0:
                out.append(self._renew())
        return np.concatenate(out) if out else np.zeros(0, np.float32)

    def drain(self) -> Samples:
        """The rest of what was accepted, up to `clock`; the next `feed` goes on from there."""
        state = self.state
        if self.rate == SAMPLE_RATE or state.produced == self.clock:
            return np.zeros(0, np.float32)
        pushed = self._push(state.accepted)
        assert self._stream is not None
        missing = self.clock - state.produced
        rest = self._after_skip(self._stream.resample_chunk(np.zeros(0, np.float32), last=True))[:missing]
        state.produced = self.clock
        self._renew()
        return np.concatenate([pushed, rest, np.zeros(missing - len(rest), np.float32)])

    def _mono(self, samples: npt.NDArray[np.generic]) -> Samples:
        if samples.ndim == 1:
            samples = samples[:, None]
        if samples.ndim != 2 or samples.shape[1] != self.channels:
            raise ConfigInvalid(
                f"audio of shape {samples.shape} where {self.channels} channel(s) were declared", "channels"
            )
        if samples.dtype == np.int16:
            scaled = samples.astype(np.float32) / 32_768.0
            return np.ascontiguousarray(scaled[:, 0] if self.channels == 1 else scaled.mean(1, dtype=np.float32))
        elif np.issubdtype(samples.dtype, np.floating):
            scaled = samples.astype(np.float32)
        else:
            raise ConfigInvalid(f"audio of type {samples.dtype}; float or int16 samples are understood", "encoding")
        bad = ~is_plausible(scaled)
        if bad.any():
            at = (self.state.accepted + int(bad.argmax())) / self.rate
            raise InputError(
                f"the sample at {at:.3f} s is no number that sound can have (full scale is 1); decode the audio again"
            )
        return np.ascontiguousarray(scaled[:, 0] if self.channels == 1 else scaled.mean(1, dtype=np.float32))

    def _meter(self, mono: Samples) -> None:
        if len(mono):
            keep = math.exp(-len(mono) / self.rate / 0.3)
            newest = mono[-self.rate :]
            power = float(np.dot(newest, newest)) / len(newest)
            self.state.level_power = keep * self.state.level_power + (1 - keep) * power

    def _push(self, edge: int) -> Samples:
        """Give the resampler the input up to `edge`."""
        state = self.state
        if self._stream is None:
            self._stream = self._fresh()
        block = state.kept[state.fed - state.origin : edge - state.origin]
        state.fed = edge
        out = self._after_skip(self._stream.resample_chunk(block))
        state.produced += len(out)
        return out

    def _after_skip(self, out: Samples) -> Samples:
        """Leave out what the resampler made of its run-in."""
        dropped = min(self._skip, len(out))
        self._skip -= dropped
        return out[dropped:]

    def _fresh(self) -> soxr.ResampleStream:
        return soxr.ResampleStream(self.rate, SAMPLE_RATE, 1, dtype="float32")

    def _renew(self) -> Samples:
        """Make a new resampler. Its run-in begins on a whole period of the ratio of the two rates."""
        state = self.state
        origin = max(0, state.fed - self._run_in) // self._period * self._period
        state.kept = state.kept[origin - state.origin :].copy()
        state.origin, state.renewed = origin, state.fed
        out = self._run_in_stream()
        state.produced += len(out)
        return out

    def _run_in_stream(self) -> Samples:
        state = self.state
        self._stream = self._fresh()
        self._skip = state.produced - state.origin * SAMPLE_RATE // self.rate
        run_in = state.kept[: state.renewed - state.origin]
        return self._after_skip(self._stream.resample_chunk(run_in)) if len(run_in) else run_in

    def _rebuild(self) -> None:
        """Bring a new resampler to the saved state: repeat the calls since it was made, and discard their output."""
        state = self.state
        self._run_in_stream()
        assert self._stream is not None
        edge = state.renewed
        while edge < state.fed:
            following = (edge // self._quantum + 1) * self._quantum
            block = state.kept[edge - state.origin : following - state.origin]
            self._after_skip(self._stream.resample_chunk(block))
            edge = following
