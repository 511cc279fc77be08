"""The front end of `small` in its graph: audio to levelled mel bands and periodicity.

The spectra are matrix products of what is even and what is odd around the middle of a frame, which cost half of one
with the whole frame; that of the mel bands is halved once more.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..stages import AUDIO, NEW_FRONT, NEW_PEAKS, PEAKS, PLACES
from .frontend import FFT, Frontend, LogMel
from .graph_writer import END, GraphWriter
from .pitch import FFT as PITCH_FFT
from .pitch import PitchLags


def frontend_nodes(graph: GraphWriter, frontend: Frontend) -> str:
    """Levelled mel bands and periodicity below each other, (B, bands + lags, T), of the frames that are new.

    They are an output, and so is the loudest band of each frame, from which later ones are measured.
    """
    mel_begin, heard, pitch_begin = (graph.slice(PLACES, place, place + 1, 0) for place in range(3))
    mel = _mel_db(graph, frontend.mel, graph.slice_from(AUDIO, mel_begin, 1))
    peak = graph.add("Unsqueeze", graph.add("ReduceMax", mel, axes=[2], keepdims=0), graph.whole(1))
    peaks = graph.add("Concat", PEAKS, peak, axis=2)
    loudest = graph.add("MaxPool", peaks, kernel_shape=[frontend.memory], strides=[1])
    below = graph.add("Sub", graph.slice_from(mel, heard, 1), graph.add("Transpose", loudest, perm=[0, 2, 1]))
    half = frontend.range_db / 2
    raised = graph.add("Add", graph.add("Max", below, graph.constant(-frontend.range_db)), graph.constant(half))
    frames = graph.add("Div", raised, graph.constant(half / 2))
    graph.add("Identity", peak, name=NEW_PEAKS)
    if frontend.pitch is not None:
        audio = graph.slice_from(AUDIO, pitch_begin, 1)
        frames = graph.add("Concat", frames, _periodicity(graph, frontend.pitch, audio), axis=2)
    return graph.add("Transpose", frames, perm=[0, 2, 1], name=NEW_FRONT)


def _mel_db(graph: GraphWriter, mel: LogMel, audio: str) -> str:
    """Mel power in dB (B, frames, bands). The taper is even around the middle of a frame, its first sample is 0.

    Around the middle, sample i has the phase k i of bin k, and (-1)^i times that of bin FFT / 2 - k, mirrored. So the
    samples with an even and with an odd i are summed apart, for the lower half of the bins: what they add up to is the
    spectrum at k, and what they differ by that at FFT / 2 - k.
    """
    filters, half = mel.filters.numpy(), mel.length // 2
    heard = np.flatnonzero(filters.any(0))
    bins = np.arange(min(heard[0], FFT // 2 - heard[-1]), FFT // 4 + 1)
    taper = mel.taper.double().numpy()[half:]
    sums = []
    for parity in range(2):
        alternate = graph.slice(audio, parity, END, 1, 2)
        even, odd = _mirrored(graph, alternate, half // 2, mel.hop // 2, shared=parity == 0)
        cosines, sines = _waves(graph, 2 * math.pi / FFT * np.arange(parity, half, 2), taper[parity::2], bins)
        sums.append([graph.add("MatMul", even, cosines), graph.add("MatMul", odd, sines)])
    lower, upper = (_power(graph, operation, sums) for operation in ("Add", "Sub"))
    above = filters[:, FFT // 2 - bins].T * (bins < FFT // 4)[:, None]  # the bin in the middle is its own image
    bands = graph.add(
        "Add",
        graph.add("MatMul", lower, graph.constant(filters[:, bins].T)),
        graph.add("MatMul", upper, graph.constant(above)),
    )
    logarithm = graph.add("Log", graph.add("Add", bands, graph.constant(1e-16)))
    return graph.add("Mul", logarithm, graph.constant(10 / math.log(10)))


def _power(graph: GraphWriter, operation: str, sums: list[list[str]]) -> str:
    """Power of a spectrum whose cosines and sines are the sums, or the differences, of two."""
    parts = [graph.add(operation, one, other) for one, other in zip(*sums, strict=True)]
    return graph.add("Add", *(graph.add("Mul", part, part) for part in parts))


def _periodicity(graph: GraphWriter, pitch: PitchLags, audio: str) -> str:
    """Periodicity (B, frames, lags)."""
    half, bins = pitch.length // 2, len(pitch.kernel)
    taper = np.sin(math.pi * (0.5 + np.arange(half) / pitch.length)) ** 2  # a Hann window from its middle on
    cosines, sines = _waves(graph, 2 * math.pi / PITCH_FFT * np.arange(half), taper, np.arange(1, bins + 1))
    even, odd = _mirrored(graph, audio, half, pitch.hop, shared=True)
    sums = [graph.add("MatMul", even, cosines), graph.add("MatMul", odd, sines)]
    spectrum = graph.add("Add", *(graph.add("Mul", one, one) for one in sums))
    total = graph.add("Max", graph.add("ReduceSum", spectrum, graph.whole(-1)), graph.constant(1e-9))
    share = graph.add("Div", graph.add("MatMul", spectrum, graph.constant(pitch.kernel.numpy())), total)
    return graph.add("Clip", share, graph.constant(-2.0), graph.constant(2.0))


def _waves(
    graph: GraphWriter, phases: npt.NDArray[Any], taper: npt.NDArray[Any], bins: npt.NDArray[Any]
) -> tuple[str, str]:
    """Cosines and sines (samples, bins) under the taper, for what is even and what is odd around the middle."""
    angle = phases[:, None] * bins[None]
    cosines, sines = np.cos(angle) * taper[:, None], np.sin(angle) * taper[:, None]
    if phases[0] == 0:
        cosines[0] /= 2  # the middle sample is in the sum of both halves twice
    return graph.constant(cosines), graph.constant(sines)


def _mirrored(graph: GraphWriter, audio: str, half: int, hop: int, *, shared: bool) -> tuple[str, str]:
    """What is even and what is odd around the middle of frames of 2 x `half` samples, (B, frames, half) each.

    shared  the middle is a sample, which is in both halves; else it lies between two

    The audio is reversed once, so that the frames of what comes before the middle are copied as a whole.
    """
    reverse = graph.slice(audio, -half if shared else -half - 1, 0 if shared else -END, 1, -1)
    later = _framed(graph, graph.slice(audio, half, END, 1), half, hop)
    before = graph.slice(_framed(graph, reverse, half, hop), -1, -END, 1, -1)
    return graph.add("Add", later, before), graph.add("Sub", later, before)


def _framed(graph: GraphWriter, audio: str, length: int, hop: int) -> str:
    """Frames (B, frames, length) of audio (B, samples), put together from blocks, which are copied as a whole."""
    block = math.gcd(length, hop)
    count, step = length // block, hop // block
    blocks = graph.add("Reshape", audio, graph.whole(0, -1, block))
    parts = [graph.slice(blocks, i, i - count + 1 if i < count - 1 else END, 1, step) for i in range(count)]
    return graph.add("Concat", *parts, axis=2)
