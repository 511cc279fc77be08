"""Degraded sound: noise, reverberation, telephone, codecs and gain.

Each condition takes the audio of a session at 16 kHz and returns the degraded audio with its sample rate.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from emoscope.models.errors import UsageError

Samples = npt.NDArray[np.float32]
Rng = np.random.Generator
Babble = Callable[[int], Samples]
"""Babble noise of other speakers: takes a number of samples at 16 kHz and returns them."""

RATE = 16_000
TELEPHONE_RATE = 8_000
TELEPHONE_HZ = (300.0, 3_400.0)
SNR_DB = (20, 10, 5, 0)
ROOMS_S = (0.3, 0.8)
GAINS_DB = (-20, -10, 10, 20)
DIRECT_TO_REVERBERANT_DB = 0.0  # about two metres from the speaker

# Format, subtype and libsndfile's compression level (0 to 1) of each codec; the bit rates were measured on speech.
CODECS: dict[str, tuple[str, str, float]] = {
    "opus-12k": ("OGG", "OPUS", 0.96),
    "opus-6k": ("OGG", "OPUS", 1.0),
    "vorbis-18k": ("OGG", "VORBIS", 1.0),
    "mp3-16k": ("MP3", "MPEG_LAYER_III", 0.95),
}


@dataclass(frozen=True)
class Condition:
    """One kind of degradation and its strength, e.g. `white:10`: 10 dB of signal over white noise."""

    kind: str
    value: str = ""

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.value}" if self.value else self.kind


CLEAN = Condition("clean")
GROUPS: dict[str, tuple[str, ...]] = {
    "noise": tuple(f"{kind}:{snr}" for kind in ("white", "babble") for snr in SNR_DB),
    "reverb": tuple(f"room:{t60:g}" for t60 in ROOMS_S),
    "telephone": ("telephone",),
    "codecs": tuple(f"codec:{name}" for name in CODECS),
    "gain": tuple(f"gain:{gain:+d}" for gain in GAINS_DB),
}
RANGES = {"white": (-20.0, 60.0), "babble": (-20.0, 60.0), "room": (0.05, 10.0), "gain": (-60.0, 60.0)}


def parse_conditions(words: Sequence[str]) -> list[Condition]:
    """Groups (`noise`, `all`, ...) and single conditions (`white:10`), each once, in the order given."""
    names: list[str] = []
    for word in words:
        if word == "all":
            names += [name for group in GROUPS.values() for name in group]
        else:
            names += GROUPS.get(word, (word,))
    return [_parse(name) for name in dict.fromkeys(names)]


def _parse(name: str) -> Condition:
    kind, _, value = name.partition(":")
    if kind in ("clean", "telephone") and not value:
        return Condition(kind)
    if kind == "codec" and value in CODECS:
        return Condition(kind, value)
    if kind in RANGES:
        low, high = RANGES[kind]
        try:
            if low <= float(value) <= high:
                return Condition(kind, value)
        except ValueError:
            pass
        raise UsageError(
            f"--conditions {name}: {kind} takes a number from {low:g} to {high:g}, e.g. {kind}:{high / 2:g}"
        )
    raise UsageError(
        f"--conditions {name}: there are all, {', '.join(GROUPS)}; or one of white:DB, babble:DB, room:SECONDS, "
        f"telephone, {', '.join(f'codec:{codec}' for codec in CODECS)}, gain:DB"
    )


def apply(condition: Condition, audio: Samples, rng: Rng, babble: Babble) -> tuple[Samples, int]:
    """The degraded audio and its sample rate; `audio` is at 16 kHz in [-1, 1]."""
    match condition.kind:
        case "clean":
            return audio, RATE
        case "white":
            return add(audio, rng.standard_normal(len(audio)).astype(np.float32), float(condition.value)), RATE
        case "babble":
            return add(audio, babble(len(audio)), float(condition.value)), RATE
        case "room":
            return reverberate(audio, float(condition.value), rng), RATE
        case "telephone":
            return telephone(audio), TELEPHONE_RATE
        case "codec":
            return coded(audio, *CODECS[condition.value]), RATE
        case "gain":
            # A sound card clips at full scale, and so does this.
            return np.clip(audio * np.float32(10 ** (float(condition.value) / 20)), -1, 1), RATE
    raise AssertionError(condition)


def speech_power(audio: Samples) -> float:
    """Mean power of the 20 ms frames within 30 dB of the loudest: the level of the speech without its pauses."""
    frame = RATE // 50
    frames = audio[: max(1, len(audio) // frame) * frame]
    frames = frames[: len(frames) // frame * frame].reshape(-1, frame) if len(frames) >= frame else frames[None]
    power = (frames.astype(np.float64) ** 2).mean(1)
    return float(power[power >= power.max() / 1000].mean())


def add(audio: Samples, noise: Samples, snr_db: float) -> Samples:
    """Add noise: `snr_db` is the level of the speech (see `speech_power`) over the mean level of the noise."""
    target = speech_power(audio) / 10 ** (snr_db / 10)
    power = float((noise.astype(np.float64) ** 2).mean())
    return np.asarray(audio + noise * np.sqrt(target / power) if power > 0 else audio, np.float32)


def babble_of(speakers: Sequence[Samples], rng: Rng) -> Babble:
    """The sum of six talkers at the same level; each repeats the recordings of `speakers` in an order of its own."""

    def make(count: int) -> Samples:
        total = np.zeros(count)
        for _ in range(6):
            order = rng.permutation(len(speakers))
            row = [speakers[i] / np.sqrt(max(speech_power(speakers[i]), 1e-12)) for i in order]
            whole = np.concatenate(row)
            start = int(rng.integers(len(whole)))
            total += np.take(whole, np.arange(start, start + count), mode="wrap")
        return total.astype(np.float32)

    return make


def reverberate(audio: Samples, t60_s: float, rng: Rng) -> Samples:
    """A room of reverberation time `t60_s`: the direct sound, then noise that decays exponentially (Polack's model)."""
    time = np.arange(round(t60_s * RATE)) / RATE
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / t60_s)
    tail[: RATE // 500] = 0  # no reflection arrives within 2 ms
    tail *= 10 ** (-DIRECT_TO_REVERBERANT_DB / 20) / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    size = len(audio) + len(tail) - 1
    wet = np.fft.irfft(np.fft.rfft(audio, size) * np.fft.rfft(tail, size), size)[: len(audio)]
    return np.asarray(wet, np.float32)


def telephone(audio: Samples) -> Samples:
    """300 to 3400 Hz at 8 kHz in mu-law (ITU-T G.711), as a telephone network transmits it."""
    narrow = np.asarray(soxr.resample(audio, RATE, TELEPHONE_RATE), np.float64)
    spectrum = np.fft.rfft(narrow)
    hz = np.fft.rfftfreq(len(narrow), 1 / TELEPHONE_RATE)
    spectrum[(hz < TELEPHONE_HZ[0]) | (hz > TELEPHONE_HZ[1])] = 0
    return _through("WAV", "ULAW", np.fft.irfft(spectrum, len(narrow)).astype(np.float32), TELEPHONE_RATE, None)


def coded(audio: Samples, container: str, subtype: str, compression: float) -> Samples:
    """Encoded and decoded in memory by libsndfile; UsageError when this build of it lacks the codec."""
    if subtype not in soundfile.available_subtypes(container):
        raise UsageError(f"this libsndfile cannot write {subtype}; leave its codec out of --conditions")
    decoded = _through(container, subtype, audio, RATE, compression)[: len(audio)]
    return np.pad(decoded, (0, len(audio) - len(decoded)))


def _through(container: str, subtype: str, audio: Samples, rate: int, compression: float | None) -> Samples:
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", rate, 1, subtype, format=container, compression_level=compression,
        bitrate_mode="CONSTANT" if container == "MP3" else None,
    ) as out:  # fmt: skip
        # In pieces: libsndfile's Vorbis encoder keeps all of one write on its stack.
        for begin in range(0, len(audio), rate):
            out.write(np.clip(audio[begin : begin + rate], -1, 1))
    file.seek(0)
    return np.asarray(soundfile.read(file, dtype="float32")[0], np.float32)
