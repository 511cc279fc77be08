"""Small trainings that the tests of the training loop share."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from emoscope.train.fit import AverageConfig, LoopConfig, Phase, Plateau, Training, one_cycle, scaled_by

BATCHES, EPOCHS, RATE = 3, 2, 0.05


class Net(nn.Module):
    """Everything that a checkpoint must hold: batch statistics, dropout that draws from torch's generator."""

    def __init__(self):
        super().__init__()
        # No bias before a batch norm, which takes it away: its gradient is rounding noise, and Adam would follow that
        # noise to other weights in another process.
        self.body = nn.Sequential(nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3))
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.body(x))


def training(kind="plain", before_step=lambda at: None, **config):
    """A training of 6 rows a batch; its batches and its noise come from the loop's generator."""
    torch.manual_seed(3)
    model = Net()
    rows = torch.randn(18, 4, generator=torch.Generator().manual_seed(0))
    labels = (rows.sum(1) > 0).long()
    steps = EPOCHS * BATCHES

    def batches(at, rng):
        return [torch.from_numpy(some) for some in np.array_split(rng.permutation(18), BATCHES)]

    def step(some, now):
        before_step(now.at)
        x = rows[some] + 0.1 * torch.from_numpy(now.rng.normal(size=(len(some), 4)).astype(np.float32))
        with now.autocast():
            logits = model(x)
        return nn.functional.cross_entropy(logits.float(), labels[some])

    def adam(parameters):
        return lambda: torch.optim.AdamW(parameters(), lr=RATE, betas=(0.9, 0.98))

    one = Phase(epochs=EPOCHS, batches=BATCHES, optimizer=adam(model.parameters))
    found = Training(
        model=model, phases=[one], batches=batches, step=step, settings={"kind": kind}, config=LoopConfig(seed=5)
    )
    if kind == "average":
        one = replace(one, schedule=one_cycle(RATE, steps, 0.3))
        found = replace(found, phases=[one], config=LoopConfig(seed=5, average=AverageConfig(decay=0.8, warm_up=True)))
    if kind == "phases":
        head = replace(one, name="head", optimizer=adam(model.head.parameters), epochs=3, patience=1)
        whole = replace(one, name="whole", schedule=scaled_by(lambda n: 1 / (n + 1)))
        # Scores that depend on the weights alone, and rise and fall.
        found = replace(found, phases=[head, whole], score=lambda: model.head.weight.detach().sum().sin().item())
    if kind == "plateau":
        falling = replace(one, epochs=4, plateau=Plateau(factor=0.5, patience=1))
        found = replace(found, phases=[falling], score=lambda: model.head.weight.detach().sum().sin().item())
    if kind == "accumulate":
        found = replace(found, config=LoopConfig(seed=5, accumulate=2, norm=0.5))
    return replace(found, config=replace(found.config, **config))


def weights(one):
    return {name: value.clone() for name, value in one.model.state_dict().items()}


def assert_same(a, b):
    assert a.keys() == b.keys() and a
    for name, value in a.items():
        torch.testing.assert_close(b[name], value, rtol=0, atol=0)


KINDS = ("plain", "average", "phases", "accumulate", "plateau")
