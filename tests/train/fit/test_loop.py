"""The training loop: interrupted trainings, phases, averages, schedules, precision."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from emoscope.train.errors import CheckpointInvalid, Interrupted, LossNotFinite, TrainingError
from emoscope.train.fit import AverageConfig, LoopConfig, Phase, Training, fit, one_cycle, scaled_by
from emoscope.train.fit.checkpoint import read_state

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
    if kind == "accumulate":
        found = replace(found, config=LoopConfig(seed=5, accumulate=2, norm=0.5))
    return replace(found, config=replace(found.config, **config))


def weights(one):
    return {name: value.clone() for name, value in one.model.state_dict().items()}


def assert_same(a, b):
    assert a.keys() == b.keys() and a
    for name, value in a.items():
        torch.testing.assert_close(b[name], value, rtol=0, atol=0)


KINDS = ("plain", "average", "phases", "accumulate")


class Killed(BaseException):
    """Stands for the end of the process in the middle of a step."""


@pytest.mark.parametrize("number", [signal.SIGINT, None], ids=["ctrl-c", "killed"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_training_that_ends_at_any_step_goes_on_to_the_same_weights(kind, number, tmp_path):
    """Ctrl+C saves after the step; a kill leaves the checkpoint of the epoch before, or none. Both to the bit."""
    steps: list[Any] = []
    whole = training(kind, steps.append)
    fitted = fit(whole, tmp_path / "whole.safetensors")
    assert len(steps) >= EPOCHS * BATCHES

    for last in range(len(steps)):
        path, count = tmp_path / f"{last}.safetensors", [0]

        def interrupt(at, last=last, count=count):
            count[0] += 1
            if count[0] == last + 1:
                if number is None:
                    raise Killed
                os.kill(os.getpid(), number)

        with pytest.raises((Interrupted, Killed)) as stopped:
            fit(training(kind, interrupt), path)
        if number is not None:
            assert str(stopped.value).endswith("saved") and path.is_file()
        resumed = training(kind)
        if path.is_file():
            torch.manual_seed(99)  # another process need not have the state that this one had
        again = fit(resumed, path, resume=True)
        assert_same(weights(whole), weights(resumed))
        assert (again.losses, again.scores) == (fitted.losses, fitted.scores)


def test_a_process_that_is_killed_leaves_a_whole_checkpoint(tmp_path):
    """SIGKILL from outside, in the second epoch: what was saved leads to the same weights."""
    path = tmp_path / "killed.safetensors"
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); import test_loop as t\n"
        "from pathlib import Path\n"
        "die = lambda at: os.kill(os.getpid(), 9) if (at.epoch, at.step) == (1, 1) else None\n"
        "t.fit(t.training('average', die), Path(sys.argv[2]))\n"
    )
    here = str(Path(__file__).parent)
    ended = subprocess.run([sys.executable, "-c", program, here, str(path)], timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert read_state(path)["position"] == {"phase": 0, "epoch": 1, "step": 0}
    whole, resumed = training("average"), training("average")
    fit(whole, tmp_path / "whole.safetensors")
    fit(resumed, path, resume=True)
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=1e-5, atol=1e-6)


def test_a_finished_training_that_is_resumed_stays_as_it_is(tmp_path):
    """Nothing is left to do, and the weights are those of the checkpoint."""
    first = training("average")
    fit(first, tmp_path / "x.safetensors")
    again = training("average", before_step=lambda at: pytest.fail("a step was made"))
    fit(again, tmp_path / "x.safetensors", resume=True)
    assert_same(weights(first), weights(again))


def test_a_loss_that_is_not_finite_names_the_step_and_leaves_the_weights(tmp_path):
    """The error comes before the optimizer's step."""
    one = training()
    plain, seen = one.step, []

    def spoilt(batch, now):
        seen.append(weights(one))
        return plain(batch, now) * (float("nan") if now.at.step == 1 else 1.0)

    with pytest.raises(LossNotFinite, match="nan in epoch 1 of 2, step 2"):
        fit(replace(one, step=spoilt), tmp_path / "x.safetensors")
    for name, value in one.model.named_parameters():
        torch.testing.assert_close(value, seen[-1][name], rtol=0, atol=0)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    """Other settings, another model, another format, a torn file: each says what it is."""
    path = tmp_path / "x.safetensors"
    fit(training(), path)
    with pytest.raises(CheckpointInvalid, match="other settings"):
        fit(replace(training(), settings={"kind": "other"}), path, resume=True)
    other = training()
    with pytest.raises(CheckpointInvalid, match="another model"):
        fit(replace(other, model=nn.Linear(3, 3)), path, resume=True)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointInvalid, match="not a whole checkpoint"):
        fit(training(), path, resume=True)


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    """The new one is written beside it and moved over; when that fails, the old one is whole."""
    path = tmp_path / "x.safetensors"
    fit(training(), path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TrainingError, match="No space left"):
        fit(training(), path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.safetensors"]


def test_checkpoints_are_written_after_so_many_epochs_and_at_the_end(tmp_path, monkeypatch):
    """`save_every` spares a training with short epochs most of the writing."""
    from emoscope.train.fit import run

    written = []
    monkeypatch.setattr(run, "write_checkpoint", lambda path, tensors, state: written.append(state["position"]))
    one = training(save_every=2)
    fit(replace(one, phases=[replace(one.phases[0], epochs=5)]), tmp_path / "x.safetensors")
    assert [(at["phase"], at["epoch"]) for at in written] == [(0, 2), (0, 4), (1, 0)]


def test_accumulated_gradients_are_those_of_the_batches_together(tmp_path):
    """Two batches for a step give the weights of one batch of both: the loss is a mean over equal batches."""
    rows = torch.randn(12, 4, generator=torch.Generator().manual_seed(1))

    def linear(batches, accumulate):
        torch.manual_seed(0)
        model = nn.Linear(4, 2)
        phase = Phase(epochs=3, batches=len(batches), optimizer=lambda: torch.optim.SGD(model.parameters(), lr=0.1))
        fit(
            Training(
                model=model,
                phases=[phase],
                batches=lambda at, rng: batches,
                step=lambda some, now: model(rows[some]).square().mean(),
                config=LoopConfig(seed=0, accumulate=accumulate),
                settings={},
            ),
            tmp_path / "x.safetensors",
        )
        return dict(model.named_parameters())

    quarters = [slice(i, i + 3) for i in range(0, 12, 3)]
    torch.testing.assert_close(linear(quarters, 2), linear([slice(0, 6), slice(6, 12)], 1))
    # The last step of an epoch has fewer batches, and nothing is carried over into the next epoch.
    torch.testing.assert_close(linear(quarters[:3], 2), linear([slice(0, 6), slice(6, 9)], 1))


def test_bf16_is_of_what_runs_in_autocast_alone(tmp_path):
    """Weights stay in float32, and a training in float32 may follow in the same process."""
    seen = []
    for precision in ("bf16", "fp32"):
        one = training(precision=precision)
        linear = one.model.head
        handle = linear.register_forward_hook(lambda module, given, out: seen.append(out.dtype))
        fit(one, tmp_path / f"{precision}.safetensors")
        handle.remove()
        assert {value.dtype for value in one.model.parameters()} == {torch.float32}
    assert seen == [torch.bfloat16] * 6 + [torch.float32] * 6


def test_the_rate_of_each_step_is_that_of_the_schedule(tmp_path):
    """The factor of step n is applied to step n, counted from 0 within the phase."""
    one = training()
    rates, made = [], []

    def optimizer():
        made.append(one.phases[0].optimizer())
        return made[-1]

    def step(batch, now):
        rates.append(made[-1].param_groups[0]["lr"])
        return one.step(batch, now)

    phase = replace(one.phases[0], optimizer=optimizer, schedule=scaled_by(lambda n: 1 / (n + 1)))
    fit(replace(one, phases=[phase], step=step), tmp_path / "x.safetensors")
    assert rates == pytest.approx([RATE / n for n in range(1, 7)])


def test_the_average_follows_the_weights_as_its_formula_says(tmp_path):
    """Computed again step by step from the weights along the way, the initial ones included."""
    config = AverageConfig(decay=0.5, warm_up=True)
    one = training(average=config)
    along = []

    def step(batch, now):
        along.append(weights(one))
        return one.step(batch, now)

    fit(replace(one, step=step), tmp_path / "x.safetensors")
    mean = along[0]
    for n, now in enumerate(along[1:], 1):
        decay = min(0.5, (1 + n) / (10 + n))
        mean = {name: decay * old + (1 - decay) * now[name] for name, old in mean.items()}
    # The weights after the last step are seen nowhere but in the average: one step fewer must not be equal.
    final = weights(one)
    assert not torch.allclose(final["head.weight"], mean["head.weight"])
    last = read_last_weights(tmp_path / "x.safetensors")
    decay = min(0.5, 7 / 16)
    expected = decay * mean["head.weight"] + (1 - decay) * last["head.weight"]
    torch.testing.assert_close(final["head.weight"], expected)
    assert int(final["body.1.num_batches_tracked"]) == 6


def read_last_weights(path):
    from emoscope.train.fit.checkpoint import read_tensors, under

    return under("model/", read_tensors(path))


def test_a_phase_ends_by_early_stopping_and_the_next_begins_with_the_best_epoch(tmp_path):
    """Scores .1 .3 .2 end a phase of patience 1; its second epoch is what the next phase begins with, and the best."""
    one = training("phases")
    scores, seen = iter([0.1, 0.3, 0.2, 0.25, 0.1]), []

    def score():
        seen.append(weights(one))
        return next(scores)

    begun = []
    first, second = one.phases

    def enter():
        begun.append(weights(one))
        return second.optimizer()

    phases = [replace(first, epochs=9), replace(second, epochs=2, optimizer=enter)]
    fitted = fit(replace(one, phases=phases, score=score), tmp_path / "x.safetensors")
    assert fitted.scores == [[0.1, 0.3, 0.2], [0.25, 0.1]]
    assert_same(seen[1], begun[0])
    assert_same(seen[1], weights(one))
    assert not torch.equal(seen[1]["head.weight"], seen[2]["head.weight"])


def test_a_checkpoint_holds_no_pickle(tmp_path):
    """A safetensors file, whose header holds the state as JSON."""
    path = tmp_path / "x.safetensors"
    fit(training("average"), path)
    state = read_state(path)
    assert state["settings"] == {"kind": "average"} and len(state["losses"]) == EPOCHS
    content = path.read_bytes()
    assert content[8:9] == b"{" and b"torch._utils" not in content and b"\x80\x02" not in content[:2]


def test_a_training_on_a_terminal_less_stderr_says_how_far_it_is(tmp_path, capsys):
    """One line at the end at least: batches done of all, and the loss."""
    fit(training("phases"), tmp_path / "x.safetensors", title="trying")
    assert "loss" in capsys.readouterr().err.splitlines()[-1]
