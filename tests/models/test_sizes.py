"""Laws of every size in conf/model; that each takes a step is in tests/test_build.py."""

import itertools

import pytest
import torch

from seizure import build
from seizure.cli.command import conf_folder, load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19
from seizure.models.choice import DualStreamModel
from seizure.nn.filter_bank import FilterBank, log_power
from seizure.nn.tcn import Pyramid
from seizure.schema import ConfigError

MODELS = sorted(path.stem for path in (conf_folder() / "model").glob("*.yaml"))
# What one frame of the published encoder sees, 6 s.
PUBLISHED_FIELD_SAMPLES = 1546


def chosen(model):
    return load("train", TrainConfig, [f"model={model}"])


def frames_of(config, eeg):
    """Frames of the real encoder in float64, (electrode, time) to (frame, feature)."""
    model, encoder = config.model, config.model.encoder
    torch.manual_seed(0)
    if isinstance(model, DualStreamModel):
        n_in, x = len(eeg), eeg.t().unsqueeze(0)
    else:
        bands = model.bands
        bank = FilterBank(
            bands.n_bands, bands.low_hz, bands.high_hz, bands.stride, bands.n_strides, 256.0
        ).double()
        # log_power computes in float32, enough to see what a frame depends on.
        n_in, x = bands.n_bands, log_power(bank(eeg[:1]), bands.pool).double()
    sizes = (encoder.channels, encoder.strides, encoder.kernel, encoder.dilations)
    return Pyramid(n_in, *sizes).double().eval()(x)[0]


@pytest.mark.parametrize("model", MODELS)
def test_frames_see_what_is_computed_and_as_far_as_the_published_encoder(model):
    config = chosen(model)
    field = config.model.receptive_field_samples
    n_samples = 4 * field // 1024 * 1024
    eeg = torch.randn(19, n_samples, dtype=torch.float64, requires_grad=True)
    frames = frames_of(config, eeg)
    frames[len(frames) // 2].sum().backward()
    reached = eeg.grad.abs().amax(0).nonzero().flatten()
    assert reached[-1] - reached[0] + 1 == field
    assert field >= PUBLISHED_FIELD_SAMPLES


@pytest.mark.parametrize("family", ["", "electrode_"])
def test_sizes_grow(family):
    n_parameters = []
    for size in ("pico", "tiny", "small", "base"):
        config = chosen(family + size)
        with torch.device("meta"):
            detector = build.network(config.model, build.input_spec(config, CANONICAL_19))
        n_parameters.append(sum(p.numel() for p in detector.parameters()))
    assert all(2 * small < large for small, large in itertools.pairwise(n_parameters))


@pytest.mark.parametrize("model", MODELS)
def test_illegal_head_dimensions_fail_when_read_and_name_the_nearest(model):
    config = chosen(model)
    with pytest.raises(ConfigError, match=r"model\.node: .*Nearest legal: d_model=.*headdim="):
        load(
            "train",
            TrainConfig,
            [f"model={model}", f"model.node.headdim={config.model.node.headdim + 1}"],
        )
