"""Decay follows the mark; the learning rate rises, then falls, and never leaves its bounds."""

import pytest
import torch
from torch import nn

from seizure.learning.optimiser import lr_fraction, make_optimiser, make_schedule
from seizure.learning.spec import Optimisation
from seizure.nn.decay import no_decay


def test_marked_parameters_take_no_decay_whatever_their_rank():
    network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    no_decay(network[0].weight)
    no_decay(network[1].bias)
    optimiser = make_optimiser(network, Optimisation(weight_decay=0.1))
    decay = {p: g["weight_decay"] for g in optimiser.param_groups for p in g["params"]}
    assert len(decay) == 4
    assert decay[network[0].weight] == decay[network[1].bias] == 0.0
    assert decay[network[0].bias] == decay[network[1].weight] == 0.1


@pytest.mark.parametrize("n_steps", [1, 2, 10, 997])
def test_the_learning_rate_stays_within_its_bounds_and_ends_low(n_steps):
    settings = Optimisation(lr=1.0, warmup_fraction=0.1, final_lr_fraction=0.05)
    fractions = [lr_fraction(step, n_steps, settings) for step in range(n_steps + 5)]
    assert all(0 < f <= 1 for f in fractions)
    assert fractions[-1] == pytest.approx(0.05)
    peak = fractions.index(max(fractions))
    assert fractions[peak:] == sorted(fractions[peak:], reverse=True)


def test_the_schedule_sets_the_optimiser_s_rate():
    network = nn.Linear(2, 2)
    optimiser = make_optimiser(network, Optimisation(lr=0.1, warmup_fraction=0.5))
    schedule = make_schedule(optimiser, Optimisation(lr=0.1, warmup_fraction=0.5), n_steps=4)
    rates = []
    for _ in range(4):
        rates.append(optimiser.param_groups[0]["lr"])
        network(torch.ones(1, 2)).sum().backward()
        optimiser.step()
        schedule.step()
    assert rates[:2] == pytest.approx([0.05, 0.1])
    assert rates[3] < rates[2] <= 0.1
