"""Weights mean the same as in the Mamba-2 of Hugging Face's transformers, in plain PyTorch."""

import pytest
import torch

from seizure.nn.mamba import Mamba2

pytest.importorskip(
    "transformers.models.mamba2",
    reason="transformers is not installed; pip install 'seizure[dev]' brings it",
)
from transformers.models.mamba2.configuration_mamba2 import Mamba2Config
from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer


def both(chunk_size=16):
    """Our mixer, and theirs with its weights."""
    torch.manual_seed(0)
    ours = Mamba2(16, d_state=8, d_conv=4, expand=2, headdim=4, backend="torch")
    config = Mamba2Config(
        hidden_size=16,
        state_size=8,
        conv_kernel=4,
        expand=2,
        head_dim=4,
        num_heads=8,
        n_groups=1,
        chunk_size=chunk_size,
        num_hidden_layers=1,
    )
    theirs = Mamba2Mixer(config, layer_idx=0)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize("time", [1, 15, 16, 100])
def test_outputs_and_gradients_are_equal(time):
    ours, theirs = both()
    u = torch.randn(3, time, 16, generator=torch.Generator().manual_seed(1))
    results = []
    for mixer in (ours, theirs):
        leaf = u.clone().requires_grad_()
        y = mixer(leaf)
        names = [name for name, _ in mixer.named_parameters()]
        slopes = torch.autograd.grad(y.sin().sum(), [leaf, *mixer.parameters()])
        results.append({"y": y, "u": slopes[0], **dict(zip(names, slopes[1:], strict=True))})
    found, expected = results
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert (found[name] - value).abs().max() <= 2e-5 * value.abs().max(), name


def test_state_dicts_are_interchangeable():
    ours, theirs = both()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    ours.load_state_dict(theirs.state_dict())
    u = torch.randn(2, 40, 16)
    torch.testing.assert_close(ours(u), theirs(u), rtol=1e-4, atol=1e-5)
