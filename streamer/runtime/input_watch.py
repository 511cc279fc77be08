"""Warnings about an input: clipping, silence, a narrow band, a wrong rate. They follow from its samples alone."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..protocol.events import WarningEvent

Block = npt.NDArray[np.float32]

ENVELOPE_S = 0.05  # a point of the level curve
FULL_SCALE = 0.999
CLIPPED_SHARE = 0.001  # of the samples in a second
QUIET_DBFS = -55.0  # a room with nobody near
DIGITAL_SILENCE_DBFS = -90.0
QUIET_S = 5.0  # so long without anything louder before a warning
REPEAT_S = 30.0  # the same warning is not repeated sooner
BAND_HZ = 3_900.0  # a telephone, or a headset in call mode, passes nothing above
BAND_S = 3.0  # of loud enough audio, before a band is judged
BAND_DB = -55.0  # power above `BAND_HZ` relative to below: real microphones have noise there, at least
RATE_TOLERANCE = 0.02
RATE_SLACK_S = 0.25  # a buffer's worth, which a late callback may still hold
STALL_S = 1.5  # without a block: the process was stopped, or the machine slept; no sign of a wrong rate
RATE_FIRST_S, RATE_SPAN_S = 5.0, 60.0


def dbfs(block: Block) -> float:
    """Level of a block, dBFS; -120 for digital silence."""
    if not block.size:
        return -120.0
    return max(-120.0, 10.0 * float(np.log10(float(np.mean(np.square(block, dtype=np.float64))) + 1e-12)))


def mixed(samples: Block) -> Block:
    """The mean (n,) of channels (n, channels). A single one is taken as it is: its mean is a hundred times slower."""
    mono: Block = samples.mean(1) if samples.shape[1] > 1 else samples[:, 0]
    return mono


class InputWatch:
    """Checks one source's samples as they arrive; the time is handed in.

    recorded  the samples are of a recording: each warning comes once, and does not ask to turn the microphone
    """

    def __init__(self, sample_rate: int, *, recorded: bool = False) -> None:
        self.rate, self._recorded = sample_rate, recorded
        self.seconds = 0.0
        self._warned_at: dict[str, float] = {}
        self._second: list[Block] = []
        self._buffered = 0
        self._loud_at, self._loud_once = 0.0, False
        self._digital_since: float | None = None
        self._low, self._high, self._judged_s = 0.0, 0.0, 0.0
        self._band_done = False
        self._anchor: tuple[float, int] | None = None
        self._frames = 0
        self._last_wall_s = 0.0
        self._rest: Block = np.zeros(0, np.float32)
        self._peak = 0.0

    def check(self, samples: Block, wall_s: float | None) -> list[WarningEvent]:
        """Warnings that follow from more samples (n, channels), the last of which arrived at `wall_s`.

        `wall_s` is of any clock that only goes forward; None where arrival says nothing, as for a file.
        """
        if not len(samples):
            return []
        mono = mixed(samples)
        self.seconds += len(mono) / self.rate
        found = [] if wall_s is None else list(self._pace(len(mono), wall_s))
        self._peak = max(self._peak, float(np.abs(mono).max()))
        self._second.append(samples)
        self._buffered += len(samples)
        if self._buffered >= self.rate:
            second = np.concatenate(self._second)
            self._second, self._buffered = [], 0
            found += self._clipping(second)
            mono_second = mixed(second)
            found += self._quiet(mono_second)
            found += self._narrow(mono_second)
        return found

    def finish(self) -> list[WarningEvent]:
        """Warnings about a recording that ended before it was long enough to be judged as it goes."""
        if not self._recorded or self._loud_once or "too_quiet" in self._warned_at or not self.seconds:
            return []
        rest = mixed(np.concatenate(self._second)) if self._second else np.zeros(0, np.float32)
        if dbfs(rest) > QUIET_DBFS:
            return []
        return list(self._warn("too_quiet", self._too_quiet(self._peak)))

    def restart(self) -> None:
        """After a pause: pace and loudness are measured from here on."""
        self._anchor = None
        self._loud_at, self._loud_once = self.seconds, False

    def restart_pace(self) -> None:
        """Audio was lost: the pace is measured from here on, or it would look like a wrong rate."""
        self._anchor = None

    def envelope(self, samples: Block) -> list[float]:
        """Levels of the whole stretches of `ENVELOPE_S` that `samples` (n, channels) complete, dBFS."""
        self._rest = np.concatenate([self._rest, mixed(samples)])
        size = max(1, round(ENVELOPE_S * self.rate))
        whole = len(self._rest) // size
        parts, self._rest = self._rest[: whole * size].reshape(whole, size), self._rest[whole * size :]
        return [dbfs(part) for part in parts]

    def _warn(self, code: str, message: str) -> Iterator[WarningEvent]:
        last = self._warned_at.get(code)
        if last is None or (not self._recorded and self.seconds - last >= REPEAT_S):
            self._warned_at[code] = self.seconds
            yield WarningEvent(code=code, message=message, start=round(self.seconds, 3))  # type: ignore[arg-type]

    def _clipping(self, second: Block) -> Iterator[WarningEvent]:
        share = np.count_nonzero(np.abs(second) >= FULL_SCALE) / second.size
        if share > CLIPPED_SHARE:
            live = "turn the microphone down or move away from it"
            advice = "readings are less sure there" if self._recorded else live
            yield from self._warn("clipping", f"the input clips: {advice}")

    def _quiet(self, second: Block) -> Iterator[WarningEvent]:
        level = dbfs(second)
        if level > QUIET_DBFS:
            self._loud_at, self._loud_once = self.seconds, True
        if level > DIGITAL_SILENCE_DBFS:
            self._digital_since = None
        elif self._digital_since is None:
            self._digital_since = self.seconds
        if self.seconds - self._loud_at < QUIET_S or (self._recorded and not self._loud_once):
            return  # a recording in which nobody has spoken yet is judged at its end
        if self._digital_since is not None and self.seconds - self._digital_since >= QUIET_S - 2:
            asked = "" if self._recorded else "; is it muted, or not allowed?"
            yield from self._warn("too_quiet", f"no signal: the input is digital silence{asked}")
        elif not self._loud_once:  # after a voice that was loud enough it is a pause
            yield from self._warn("too_quiet", self._too_quiet(self._peak))

    def _too_quiet(self, peak: float) -> str:
        if not self._recorded:
            return f"nothing above {QUIET_DBFS:.0f} dBFS for {QUIET_S:.0f} s: turn the microphone up"
        if peak <= 10 ** (DIGITAL_SILENCE_DBFS / 20):
            return "no signal: the input is digital silence"
        return f"the recording is too quiet: its peaks are at {20 * np.log10(peak):.0f} dBFS; amplify it"

    def _narrow(self, second: Block) -> Iterator[WarningEvent]:
        if self._band_done:
            return
        if self.rate < 12_000:
            self._band_done = True
            yield from self._warn(
                "narrow_band", f"the input runs at {self.rate} Hz, a telephone's band: readings are less sure"
            )
            return
        if dbfs(second) < -45.0:
            return
        power = np.abs(np.fft.rfft(second * np.hanning(len(second)))) ** 2
        hz = np.fft.rfftfreq(len(second), 1 / self.rate)
        self._low += float(power[(hz > 200) & (hz < BAND_HZ - 500)].sum())
        self._high += float(power[(hz > BAND_HZ + 300) & (hz < min(7_800, self.rate / 2))].sum())
        self._judged_s += 1.0
        if self._judged_s >= BAND_S:
            self._band_done = True
            if self._high < self._low * 10 ** (BAND_DB / 10):
                yield from self._warn(
                    "narrow_band",
                    "nothing above 4 kHz: a headset in call mode, or a telephone; readings are less sure",
                )

    def _pace(self, frames: int, wall_s: float) -> Iterator[WarningEvent]:
        """Samples against wall time, counted from the end of a block to the end of a later one."""
        stalled, self._last_wall_s = wall_s - self._last_wall_s > STALL_S, wall_s
        if self._anchor is None or stalled:
            self._anchor, self._frames = (wall_s, 0), 0
            return
        self._frames += frames
        passed, count = wall_s - self._anchor[0], self._frames / self.rate
        if passed < RATE_FIRST_S:
            return
        if abs(count - passed) > RATE_TOLERANCE * passed + RATE_SLACK_S:
            self._anchor = None
            yield from self._warn(
                "rate_mismatch",
                f"{count / passed * self.rate:.0f} samples a second arrive where {self.rate} were promised: the voice "
                "sounds faster or slower than it is; try another device or rate",
            )
        elif passed > RATE_SPAN_S:
            self._anchor = None
