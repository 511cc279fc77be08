"""A model of your own in the live path: `python demo/custom_model.py [FILE]`. This one knows loudness alone."""

import sys

import torch

from emoscope.models import AveragePooling, Calibration, Encoded, ModelContract, StreamModel, frame_mask
from emoscope.streamer import replay


class Loudness(StreamModel):
    contract = ModelContract(id="x", labels=("loud", "soft"), window=16_000, hop=8_000, frame=800, lookback=0, tail=0)
    calibration, pooling = Calibration(), AveragePooling(1)

    def encode(self, audio, lengths, owned):  # a frame's level in dB, pooled over the frames that each window owns
        level = 10 * torch.log10(audio.unfold(1, 800, 800).square().mean(2, keepdim=True) + 1e-9)
        state, scores = self.pooling.summarise(level, frame_mask(owned[:, 0], owned[:, 1], level.shape[1]))
        return Encoded(state, scores.flatten(2))

    def logits(self, state, speakers=None):  # -33 dB is neither
        loud = (self.pooling.read(state) + 33) / 2
        return torch.cat([loud, -loud], 1), loud[:, :0]


recording = sys.argv[1] if sys.argv[1:] else "demo/recordings/conversation.flac"
for event in replay(recording, Loudness()):
    if event.type == "emotion.final":
        print(f"{event.start:6.1f}-{event.end:.1f} s  {event.label:<7} {event.confidence:.2f}")
