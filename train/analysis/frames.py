"""The frames of utterances as a model sees them: how much each counts, how loud it is, and what was pooled of all.

Utterances are found as in the live path, and each is pooled by the offline computation, which gives the live path's
final (models/README.md, exact pooling).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from emoscope.models.cards import Card
from emoscope.models.errors import UsageError
from emoscope.models.model import StreamModel
from emoscope.models.pool_state import TINY, MaxState, PoolState, SoftmaxState
from emoscope.models.windows import Window, owned_frames, plan
from emoscope.streamer import Config
from emoscope.streamer.engine.voice_activity import detect_voice
from emoscope.streamer.session.spans import speech_spans

from ..corpora import Clip
from ..corpora.audio import Samples, read_part
from .cache import ClipCache, cache_path, each_kept

Array = npt.NDArray[np.float32]
RATE = 16_000
BATCH = 16


@dataclass(frozen=True)
class Utterance:
    """The T frames of one utterance. Frame i covers the samples from start + i frame to start + (i + 1) frame.

    clip       the recording that it is in
    start      its first sample in the recording, at 16 kHz
    frame      samples in a frame
    weights    (T, G) attention: the share of each frame in each of the model's G softmaxes, a query and head; each
               column sums to 1. G is 0 for a model that does not pool by a softmax
    energy     (T,) mean square of the samples of each frame
    embedding  (K,) the pooled vector: weighted means, then weighted standard deviations
    """

    clip: Clip
    start: int
    frame: int
    weights: Array
    energy: Array
    embedding: Array

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """(T,) the attention of each frame, the mean over the softmaxes; the sum is 1."""
        shares = self.weights.astype(np.float64).mean(1)
        return np.asarray(shares / shares.sum())

    @property
    def centres_s(self) -> npt.NDArray[np.float64]:
        """(T,) the middle of each frame, seconds of the recording."""
        return np.asarray((self.start + self.frame * (np.arange(len(self.weights)) + 0.5)) / RATE)


class KeptUtterance(msgspec.Struct, frozen=True):
    """An utterance in a cache; arrays are the bytes of float32."""

    start: int
    frame: int
    groups: int
    weights: bytes
    energy: bytes
    embedding: bytes


def utterances_of(
    card: Card,
    folder: Path,
    load: Callable[[], StreamModel],
    clips: Sequence[Clip],
    config: Config,
    work: Path,
    on_clip: Callable[[], None] = lambda: None,
) -> list[Utterance]:
    """The utterances of clips, in the order of the clips; what was computed before comes from the cache.

    folder  of the model
    load    gives the model; it is called only for a clip that is not in the cache
    config  of the session whose voice detector finds the utterances
    work    the folder of the cache

    UsageError for a model that hears nothing or pools nothing that could be looked at; Interrupted after Ctrl+C.
    """
    if not card.contract().hears:
        raise UsageError(f"{card.id} reads words alone: it has no frames of sound; take a model that hears")
    cache: ClipCache[list[KeptUtterance]] = ClipCache(
        cache_path(work, "frames", card, folder, config.vad), list[KeptUtterance]
    )
    loaded: list[StreamModel] = []

    def make(clip: Clip) -> list[KeptUtterance]:
        if not loaded:
            loaded.append(load())
        return [_kept(one) for one in attended(loaded[0], clip, read_part(clip, RATE), config)]

    return [_read(clip, one) for clip, kept in each_kept(cache, clips, make, on_clip) for one in kept]


def attended(model: StreamModel, clip: Clip, audio: Samples, config: Config) -> list[Utterance]:
    """The utterances of one recording (16 kHz, mono) by a loaded model; none where no speech is found."""
    contract = model.contract
    found = []
    for start, end in speech_spans(audio, contract, config, detect_voice):
        windows = list(plan(contract, end - start))
        if not windows:
            continue
        padded = torch.from_numpy(np.pad(audio, (contract.lookback, 0))[start:]).to(model.device)
        states, scores = _encoded(model, padded, windows)
        state = reduce(lambda a, b: a.merge(b), states)
        frames, frame = sum(len(part) for part in scores), contract.frame
        sound = audio[start : start + frames * frame].astype(np.float64)
        sound = np.pad(sound, (0, frames * frame - len(sound))).reshape(frames, frame)
        found.append(
            Utterance(
                clip=clip,
                start=start,
                frame=frame,
                weights=_weights(state, np.concatenate(scores)),
                energy=(sound**2).mean(1).astype(np.float32),
                embedding=_embedding(model, state),
            )
        )
    return found


def _encoded(model: StreamModel, audio: torch.Tensor, windows: Sequence[Window]) -> tuple[list[PoolState], list[Array]]:
    """The pooled state of each window, and the scores (T, G) of its own frames. Windows of one length share batches."""
    contract = model.contract
    states: dict[int, PoolState] = {}
    scores: dict[int, Array] = {}
    by_length: dict[int, list[int]] = {}
    for place, window in enumerate(windows):
        by_length.setdefault(window.end - window.start, []).append(place)
    for length, places in by_length.items():
        for begin in range(0, len(places), BATCH):
            some = places[begin : begin + BATCH]
            owned = [owned_frames(contract, windows[place]) for place in some]
            batch = torch.stack([audio[windows[p].start : windows[p].end + contract.lookback] for p in some])
            with torch.inference_mode():
                lengths = torch.full((len(some),), length, device=audio.device)
                encoded = model.encode(batch, lengths, torch.tensor(owned, device=audio.device))
            for row, (place, (first, last)) in enumerate(zip(some, owned, strict=True)):
                states[place] = encoded.state.map(lambda array, row=row: array[row : row + 1].float().cpu().numpy())  # type: ignore[misc]
                scores[place] = encoded.scores[row, first:last].float().cpu().numpy()
    order = range(len(windows))
    return [states[place] for place in order], [scores[place] for place in order]


def _weights(state: PoolState, scores: Array) -> Array:
    """(T, G) the softmax of scores over all frames of an utterance, from its merged state."""
    if not isinstance(state, SoftmaxState):
        return np.zeros((len(scores), 0), np.float32)
    peak, mass = state.peak.reshape(-1), state.mass.reshape(-1)
    return np.asarray(np.exp(scores - peak) / np.maximum(mass, TINY), np.float32)


def _embedding(model: StreamModel, state: PoolState) -> Array:
    if isinstance(state, SoftmaxState):
        return np.asarray(state.vector()[0], np.float32)
    if isinstance(state, MaxState):
        return np.asarray(state.peak[0], np.float32).reshape(-1)
    raise UsageError(
        f"{model.contract.id} keeps answers of segments, and pools no frames: there is nothing to look at; take a "
        "model with attentive pooling, such as small"
    )


def _kept(one: Utterance) -> KeptUtterance:
    arrays = (one.weights.tobytes(), one.energy.tobytes(), one.embedding.tobytes())
    return KeptUtterance(one.start, one.frame, one.weights.shape[1], *arrays)


def _read(clip: Clip, kept: KeptUtterance) -> Utterance:
    energy = np.frombuffer(kept.energy, np.float32)
    weights = np.frombuffer(kept.weights, np.float32).reshape(len(energy), kept.groups)
    return Utterance(clip, kept.start, kept.frame, weights, energy, np.frombuffer(kept.embedding, np.float32))


def with_attention(name: str, utterances: Sequence[Utterance]) -> list[Utterance]:
    """The utterances of two frames or more; UsageError where the model weighs all frames of each alike."""
    some = [one for one in utterances if len(one.weights) > 1]
    if some and not any(_varies(one) for one in some):
        raise UsageError(
            f"{name} weighs all frames alike: it has no attention to look at; take a model with attentive pooling, "
            "such as small"
        )
    return some


def _varies(one: Utterance) -> bool:
    """Whether a frame has another share than an even one, by more than rounding."""
    return bool(one.weights.size) and float(np.abs(one.weights * len(one.weights) - 1).max()) > 1e-4
