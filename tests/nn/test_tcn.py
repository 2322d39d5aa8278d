import pytest
import torch

from seizure.models.spec import EncoderSpec
from seizure.nn.tcn import Pyramid

PYRAMIDS = [
    EncoderSpec((4, 8), strides=(2, 2), kernel=7, dilations=((1,), (2, 4))),
    EncoderSpec((4, 4, 4), strides=(4, 4, 4), kernel=7, dilations=((1,), (2,), (4,))),
    EncoderSpec((4, 4, 4, 4), strides=(2, 2, 2, 2), kernel=7, dilations=((1,), (2,), (4,), (16,))),
]


def pyramid(spec):
    torch.manual_seed(0)
    return Pyramid(3, spec.channels, spec.strides, spec.kernel, spec.dilations).double().eval()


@pytest.mark.parametrize("spec", PYRAMIDS)
def test_receptive_field_is_what_gradients_reach(spec):
    n_samples = 4 * spec.receptive_field_samples // spec.downsampling * spec.downsampling
    x = torch.randn(1, n_samples, 3, dtype=torch.float64, requires_grad=True)
    y = pyramid(spec)(x)
    y[0, y.shape[1] // 2].sum().backward()
    reached = x.grad.abs().amax((0, 2)).nonzero().flatten()
    assert reached[-1] - reached[0] + 1 == spec.receptive_field_samples


@pytest.mark.parametrize("spec", PYRAMIDS)
def test_receptive_field_has_no_holes(spec):
    n_samples = 2 * spec.receptive_field_samples // spec.downsampling * spec.downsampling
    x = torch.randn(1, n_samples, 3, dtype=torch.float64, requires_grad=True)
    y = pyramid(spec)(x)
    y[0, y.shape[1] // 2].sum().backward()
    reached = x.grad.abs().amax((0, 2)) > 0
    inside = reached.nonzero().flatten()
    assert reached[inside[0] : inside[-1] + 1].all()


def test_each_frame_is_centred_on_its_samples():
    spec = PYRAMIDS[1]
    n_samples = 64 * 80
    x = torch.randn(1, n_samples, 3, dtype=torch.float64, requires_grad=True)
    pyramid(spec)(x)[0, 40].sum().backward()
    reached = x.grad.abs().amax((0, 2)).nonzero().flatten()
    middle = (reached[0] + reached[-1]) / 2
    assert 40 * 64 - 32 <= middle <= 41 * 64 + 32


@pytest.mark.parametrize("n_frames", [1, 2, 9])
def test_output_has_one_frame_per_hop(n_frames):
    for spec in PYRAMIDS:
        x = torch.zeros(2, n_frames * spec.downsampling, 3, dtype=torch.float64)
        assert pyramid(spec)(x).shape == (2, n_frames, spec.channels[-1])


@pytest.mark.parametrize("spec", PYRAMIDS)
def test_a_causal_pyramid_sees_nothing_later_and_streams(spec):
    torch.manual_seed(0)
    causal = Pyramid(3, spec.channels, spec.strides, spec.kernel, spec.dilations, causal=True)
    causal = causal.double().eval()
    n_samples = 3 * spec.receptive_field_samples // spec.downsampling * spec.downsampling
    x = torch.randn(1, n_samples, 3, dtype=torch.float64, requires_grad=True)
    y = causal(x)
    last = y.shape[1] - 2
    (gradient,) = torch.autograd.grad(y[0, last].sum(), x)
    reached = gradient.abs().amax((0, 2)).nonzero().flatten()
    # The last sample of its own frame is the last it sees.
    assert reached[-1] == (last + 1) * spec.downsampling - 1
    assert reached[-1] - reached[0] + 1 == spec.receptive_field_samples
    state, found = causal.initial_state(1), []
    for piece in x.split(3 * spec.downsampling, dim=1):
        frames, state = causal.step(piece, state)
        found.append(frames)
    torch.testing.assert_close(torch.cat(found, dim=1), y)
