"""The training loop: phases, averages, schedules, precision."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from emoscope.train.errors import LossNotFinite
from emoscope.train.fit import AverageConfig, LoopConfig, Phase, Training, fit, scaled_by

from .trainings import RATE, assert_same, training, weights


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


def test_a_training_on_a_terminal_less_stderr_says_how_far_it_is(tmp_path, capsys):
    """One line at the end at least: batches done of all, and the loss."""
    fit(training("phases"), tmp_path / "x.safetensors", title="trying")
    assert "loss" in capsys.readouterr().err.splitlines()[-1]
