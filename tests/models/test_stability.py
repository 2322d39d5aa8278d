"""Numbers stay finite by what the networks are: nothing on their path repairs or cuts values."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from seizure import build
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19

STRESS = Path(__file__).parents[2] / "benchmarks" / "stability.py"
REPAIRS = ("clamp", "clip", "nan_to_num", "hardtanh", "where", "isnan", "isfinite")
MODELS = ("pico", "electrode_pico")


def detector(model):
    torch.manual_seed(0)
    config = load("train", TrainConfig, [f"model={model}"])
    return build.network(config.model, build.input_spec(config, CANONICAL_19))


def hostile(n_samples=2560):
    """Noise of unit spread with a flat channel, pops of 5 mV over 0.5 µV, and an open electrode."""
    eeg = torch.randn(2, 19, n_samples, generator=torch.Generator().manual_seed(1))
    eeg[:, 3] = 0
    eeg[:, 7, 300:] += 1e4 * torch.exp(-torch.arange(n_samples - 300) / 80)
    eeg[:, 8, 900:] -= 1e4
    eeg[:, 12] = 1e3 * torch.sin(torch.arange(n_samples) * 1.2)
    return eeg


class Recorded(TorchDispatchMode):
    """Names of every operation that runs, backward included."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("model", MODELS)
def test_nothing_repairs_values(model):
    network = detector(model)
    with Recorded() as recorded:
        network(hostile()).square().mean().backward()
    repairs = [name for name in recorded.names if any(word in name for word in REPAIRS)]
    assert repairs == []


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16, torch.float16])
def test_hostile_windows_stay_finite_in_every_precision(model, precision):
    network, eeg = detector(model), hostile()
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        logits = network(eeg)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()
    F.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("model", MODELS)
def test_lost_numbers_are_not_hidden(model):
    eeg = hostile()
    eeg[0, 5, 1000] = float("nan")
    assert not detector(model).eval()(eeg)[0].isfinite().all()


@pytest.mark.slow
def test_training_at_ten_times_the_rate_on_hostile_windows_stays_finite():
    ended = subprocess.run(
        [sys.executable, str(STRESS), "--steps", "60", "--threads", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("60 steps at a rate of 0.05, all finite") == 4
