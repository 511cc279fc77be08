"""`camulenet`: a spectrogram and MFCC that attend to Whisper's frames, with the speaker's gender as a second task.

Goel, Hira and Gupta (2024), "Exploring multilingual unseen speaker emotion recognition: leveraging co-attention cues
in multitask learning". Section 2.1: spectrogram and MFCC; 2.2: Whisper; 2.3: co-attention; 2.4: the loss, which is in
training. Where the paper is silent the authors' code decides (github.com/NLP-SBILAB/CAMuLeNet).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..contract import ModelContract
from ..encoders import SpeechConfig, SpeechEncoder, speech_encoder
from ..encoders.speech import Phase
from ..errors import CardInvalid, UsageError
from ..model import Encoded, StreamModel
from ..pool_state import PoolState, SoftmaxState
from ..pooling import AveragePooling
from ..reading import Calibration
from ..speaker import SpeakerProfiles
from ..windows import Window
from .base import SpeechSystem, check_contract
from .cepstral import COEFFICIENTS, HOP, SpectrogramAndCepstra

# RAVDESS's eight emotional states (section 3.1), in the words of `small`.
LABELS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
GENDERS = ("male", "female")  # the second task's classes, 0 and 1

SHORTEST = 64 * HOP  # samples of the shortest clip that the convolutions of `AlexNet` take


@dataclass(frozen=True, kw_only=True)
class CamulenetConfig:
    """Every choice that the paper compares, and its sizes.

    speech             fields of `SpeechConfig`: Whisper-medium. The clip is followed by silence to 30 s, and the frames
                       of the clip come out (in the authors' code all 1500 frames do)
    multitask          gender as a second task; false is the row "w/o Multitask"
    co_attention       false is, with `multitask` false, the row "w/o Co-Att & Multitask": the features of equation 1
                       and the mean over Whisper's frames are concatenated
    channels           of the five convolutions of `AlexNet`
    image              width of its vector x'_s (section 2.1)
    recurrent          units of each layer and direction of the MFCC's GRU, with `recurrent_dropout` between its two
                       layers (section 2.1)
    attention          T of equation 1
    dropout            elsewhere (section 4.3)
    alpha, beta, gamma of the loss (equation 4; values of section 4.3)
    """

    speech: dict[str, Any]
    multitask: bool = True
    co_attention: bool = True
    channels: Sequence[int] = (64, 192, 384, 256, 256)
    image: int = 4096
    recurrent: int = 256
    recurrent_dropout: float = 0.2
    attention: int = 1024
    dropout: float = 0.15
    alpha: float = 0.4
    beta: float = 0.1
    gamma: float = 0.2

    def __post_init__(self) -> None:
        if len(self.channels) != 5:
            raise CardInvalid(f"channels must be five numbers, one a convolution; got {list(self.channels)}")
        if min(*self.channels, self.image, self.recurrent, self.attention) < 1:
            raise CardInvalid("channels, image, recurrent and attention must be positive")
        if min(self.alpha, self.beta) < 0:
            raise CardInvalid(f"alpha and beta must not be negative; got {self.alpha} and {self.beta}")


@dataclass(frozen=True)
class CamulenetOutputs:
    """What the loss of one batch of clips needs.

    logits     (B, L)  of the emotions
    gender     (B,)    log-odds of the second of `GENDERS`; None without the second task
    embedding  (B, K)  the final embedding, before the classification layer (section 2.3, figure 3b)
    """

    logits: Tensor
    gender: Tensor | None
    embedding: Tensor


class AlexNet(nn.Sequential):
    """The network of Krizhevsky et al. (2012) in its one-tower form (Krizhevsky 2014), up to its second linear layer.

    Images (B, 1, height, width) to vectors (B, `width`). One channel: a grey image in three channels is the same
    convolution with its weights added up.
    """

    def __init__(self, channels: Sequence[int], width: int, dropout: float) -> None:
        a, b, c, d, e = channels
        super().__init__(
            nn.Conv2d(1, a, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(a, b, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(b, c, 3, padding=1), nn.ReLU(),
            nn.Conv2d(c, d, 3, padding=1), nn.ReLU(),
            nn.Conv2d(d, e, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.AdaptiveAvgPool2d(6), nn.Flatten(),
            nn.Dropout(dropout), nn.Linear(36 * e, width), nn.ReLU(),
            nn.Dropout(dropout), nn.Linear(width, width), nn.ReLU(),
        )  # fmt: skip


class CoAttention(nn.Module):
    """Section 2.3, from equation 2 on: what the spectrogram and the MFCC say weighs the frames of Whisper.

    x_sm = LayerNorm(ReLU(W_2 (x_m + x_s))) (1, L), a weight a frame (+ is concatenation); x_w' = x_sm x_w (1, W), the
    frames added up by their weights (equation 3), through dropout, a linear layer with ReLU and layer normalisation.
    The result stands beside the activated x_m + x_s, which skip the attention. That the skip connection starts before
    equation 2's layer, not after it, is by the authors' code.
    """

    def __init__(self, features: int, frames: int, width: int, dropout: float) -> None:
        super().__init__()
        self.weigh = nn.Sequential(nn.Dropout(dropout), nn.Linear(features, frames), nn.ReLU(), nn.LayerNorm(frames))
        self.process = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, width), nn.ReLU(), nn.LayerNorm(width))

    def forward(self, features: Tensor, hidden: Tensor) -> Tensor:
        """Embeddings (B, F + W) of features (B, F) and Whisper's frames (B, L, W), zeros where there is no frame."""
        weights = self.weigh(features)
        attended = torch.bmm(weights[:, None], hidden)[:, 0]
        return torch.cat([features, self.process(attended)], 1)


class CamulenetModel(SpeechSystem):
    """Clips of one fixed length, the window of the contract, to eight emotions, and to the speaker's gender.

    Equation 2 gives each of the L frames of a clip its own weight, and the MFCC's frames are flattened, so a clip has
    one length: a shorter one is followed by silence. The paper does not give the length; its code pads to the longest
    clip of a corpus, here it is the stream's window of 3 s, and `build("camulenet", window=...)` changes it.

    **The co-attention does not merge**: what it says of two windows does not follow from two states. So each window is
    read as a clip of its own, and its log posterior stands for each of the frames that it owns; the utterance is the
    mean over the frames. That is the geometric mean of the windows' posteriors, weighted by the frames that they own,
    and it merges exactly, in any order. The paper does not do this: it has one clip an utterance.
    """

    architecture = "camulenet"
    padding_is_exact = True
    pooling: AveragePooling

    def __init__(self, config: CamulenetConfig, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__()
        self.config, self.contract, self.calibration = config, contract, calibration
        self.speech: SpeechEncoder = speech_encoder(SpeechConfig(**config.speech))
        check_contract(contract, self.speech)
        if contract.window < SHORTEST:
            raise CardInvalid(
                f"card {contract.id}: a window of {contract.window} samples; the spectrogram's convolutions need "
                f"{SHORTEST} or more"
            )
        frames, both, width = contract.window // contract.frame, 2 * config.attention, self.speech.dim
        self.front = SpectrogramAndCepstra()
        self.alexnet = AlexNet(config.channels, config.image, config.dropout)
        self.gru = nn.GRU(
            COEFFICIENTS, config.recurrent, num_layers=2, batch_first=True, bidirectional=True,
            dropout=config.recurrent_dropout,
        )  # fmt: skip
        cepstra = contract.window // HOP * 2 * config.recurrent
        self.of_image = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(config.image, config.attention))
        self.of_cepstra = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(cepstra, config.attention))
        if config.co_attention:
            self.attention = CoAttention(both, frames, width, config.dropout)
        self.emotion = nn.Linear(both + width, len(contract.labels))
        if config.multitask:
            self.second = nn.Linear(both + width, 1)
        self.pooling = AveragePooling(len(contract.labels) + config.multitask)

    @classmethod
    def from_card(cls, config: dict[str, Any], contract: ModelContract, calibration: Calibration) -> "CamulenetModel":
        """Build from a card's config; unknown fields are a TypeError."""
        return cls(CamulenetConfig(**config), contract, calibration)

    def card_config(self) -> dict[str, Any]:
        return asdict(self.config)

    def outputs(self, audio: Tensor, lengths: Tensor | None = None) -> CamulenetOutputs:
        """What the loss is computed from, of clips audio (B, N), lengths (B,); a longer one is cut at its end.

        UsageError for a clip shorter than a frame.
        """
        audio, lengths = self._padded(audio, lengths)
        window = self.contract.window
        return self._outputs(audio[:, : self.contract.lookback + window], lengths.clamp_max(window))

    def forward(self, audio: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Label logits (B, L) of whole utterances: log probabilities.

        audio    (B, N)  samples in [-1, 1] at 16 kHz; samples beyond the last whole frame are left out
        lengths  (B,)    samples that count; all by default

        An utterance of at most one window is one clip, as in the paper. A longer one, of which the paper does not
        speak, is cut into clips side by side, and read as their mean in the log domain, weighted by their frames.
        UsageError for an utterance shorter than a frame.
        """
        audio, lengths = self._padded(audio, lengths)
        contract, state = self.contract, self.pooling.init_state(len(audio), audio.device)
        for start in range(0, int(lengths.max()), contract.window):
            clip = audio[:, start : start + contract.lookback + contract.window]
            left = (lengths - start).clamp(0, contract.window)
            owned = torch.stack([torch.zeros_like(left), left // contract.frame], 1)
            state = self.pooling.merge(state, self._encode(clip, left, owned)[0])
        return self.logits(state)[0]

    def _padded(self, audio: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Whole utterances with silence for a lookback before them, and their lengths in samples of whole frames."""
        contract, lengths = self.contract, self.checked_lengths(audio, lengths)
        return nn.functional.pad(audio, (contract.lookback, 0)), lengths // contract.frame * contract.frame

    def _outputs(self, audio: Tensor, lengths: Tensor) -> CamulenetOutputs:
        """Outputs of clips (B, lookback + N) of at most a window; what stands beyond their lengths is silenced."""
        contract = self.contract
        audio = nn.functional.pad(audio, (0, contract.lookback + contract.window - audio.shape[1]))
        index = torch.arange(audio.shape[1], device=audio.device)[None]
        audio = audio.masked_fill(index >= contract.lookback + lengths[:, None], 0.0)
        hidden, mask = self.speech(audio, lengths)
        dtype = self.emotion.weight.dtype
        spectrogram, cepstra = (one.to(dtype) for one in self.front(audio[:, contract.lookback :]))
        image = self.of_image(self.alexnet(spectrogram.transpose(1, 2)[:, None]))
        cepstral = self.of_cepstra(self.gru(cepstra)[0].flatten(1))
        features = torch.relu(torch.cat([cepstral, image], 1))
        if self.config.co_attention:
            embedding = self.attention(features, hidden)
        else:
            count = mask.sum(1, keepdim=True).clamp_min(1).to(hidden.dtype)
            embedding = torch.cat([features, hidden.sum(1) / count], 1)
        gender = self.second(embedding)[:, 0] if self.config.multitask else None
        return CamulenetOutputs(self.emotion(embedding), gender, embedding)

    def encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        """As in `StreamModel`."""
        state, scores = self._encode(audio, lengths, owned)
        return Encoded(state, scores.flatten(2))

    def _encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> tuple[SoftmaxState, Tensor]:
        """The log posterior of each window, and the log-odds of the gender, for each frame that the window owns."""
        made = self._outputs(audio, lengths)
        said = torch.log_softmax(made.logits.float(), 1)
        if made.gender is not None:
            said = torch.cat([said, made.gender.float()[:, None]], 1)
        frames = torch.arange((audio.shape[1] - self.contract.lookback) // self.contract.frame, device=audio.device)
        mask = frames[None] < lengths[:, None] // self.contract.frame
        return self.pooling.summarise(said[:, None].expand(-1, len(frames), -1), self.pooled_frames(mask, owned))

    def encode_windows(self, audio: Tensor, windows: Sequence[Window]) -> list[PoolState]:
        """As in `StreamModel`; windows share no front end."""
        return StreamModel.encode_windows(self, audio, windows)

    def logits(self, state: PoolState, speakers: SpeakerProfiles | None = None) -> tuple[Tensor, Tensor]:
        """As in `StreamModel`: the mean log posterior. No dimensions."""
        assert isinstance(state, SoftmaxState)
        logits = self.pooling.read(state)[:, : len(self.contract.labels)]
        return logits, logits.new_zeros(len(logits), 0)

    def gender(self, state: PoolState) -> Tensor:
        """Probability (B,) of the second of `GENDERS`, the windows' mean in the log domain too. The stream does not
        ask for it. UsageError without the second task."""
        if not self.config.multitask:
            raise UsageError("this camulenet was built with multitask=False: it knows no gender")
        assert isinstance(state, SoftmaxState)
        return torch.sigmoid(self.pooling.read(state)[:, -1])

    def set_phase(self, phase: Phase, upper: int = 4) -> None:
        """What is trained of Whisper; by the authors' code nothing: "head"."""
        self.speech.set_phase(phase, upper)
