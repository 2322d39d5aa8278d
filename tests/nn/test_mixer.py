import pytest
import torch
from torch.nn import functional as F

from seizure.nn import scan as scan_of_blocks
from seizure.nn.mixer import Weights, mix
from seizure.nn.norm import rms_normalise
from seizure.nn.ssd import ssd

D_MODEL, N_STATE, HEADS, HEADDIM, TAPS, EPS = 12, 8, 8, 3, 4, 1e-5


def make_weights(dt_bias=-2.0):
    draw = torch.Generator().manual_seed(0)
    d_inner = HEADS * HEADDIM
    n_conv = d_inner + 2 * N_STATE

    def normal(*shape):
        return torch.randn(*shape, generator=draw)

    return Weights(
        in_proj=normal(d_inner + n_conv + HEADS, D_MODEL) / D_MODEL**0.5,
        conv=normal(n_conv, TAPS) / 2,
        conv_bias=normal(n_conv),
        dt_bias=dt_bias + normal(HEADS),
        A_log=torch.linspace(0.1, 2.7, HEADS),
        D=normal(HEADS),
        norm=normal(d_inner),
        out_proj=normal(D_MODEL, d_inner) / d_inner**0.5,
    )


def composed(u, weights, eps, is_reversed=False):
    """The same of PyTorch's layers and its autograd, but for the scan."""
    w, d_inner = weights, HEADS * HEADDIM
    u = (u.flip(-1) if is_reversed else u).permute(1, 2, 0)
    z, xBC, dt = (u @ w.in_proj.t()).split([d_inner, len(w.conv), HEADS], -1)
    padded = F.pad(xBC.transpose(1, 2), (TAPS - 1, 0))
    xBC = F.silu(F.conv1d(padded, w.conv.unsqueeze(1), w.conv_bias, groups=len(w.conv)))
    x, B, C = xBC.transpose(1, 2).split([d_inner, N_STATE, N_STATE], -1)
    x = x.unflatten(-1, (HEADS, HEADDIM))
    y = ssd(x, F.softplus(dt + w.dt_bias), -w.A_log.exp(), B, C)[0] + w.D.unsqueeze(-1) * x
    out = rms_normalise(y.flatten(2) * F.silu(z), w.norm, eps) @ w.out_proj.t()
    out = out.permute(2, 0, 1)
    return out.flip(-1) if is_reversed else out


def run(function, u, weights, dtype, is_reversed=False):
    """The output and every gradient, all outputs weighted differently."""
    leaves = [t.to(dtype).requires_grad_() for t in (u, *weights)]
    y = function(leaves[0], Weights(*leaves[1:]), EPS, is_reversed)
    weighting = torch.linspace(-1, 1, y.numel(), dtype=dtype).view(y.shape).cos()
    return y.detach(), *torch.autograd.grad((y * weighting).sum(), leaves)


def greatest_error(found, expected):
    return float((found.double() - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("time", [1, 2, 45, 64])
def test_output_and_gradients_equal_the_composition(time, is_reversed):
    u, weights = torch.randn(D_MODEL, 3, time), make_weights()
    found = run(mix, u, weights, torch.float64, is_reversed)
    expected = run(composed, u, weights, torch.float64, is_reversed)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("dt_bias", [-4.0, 0.0, 6.0])
def test_float32_is_near_float64_at_any_decay(dt_bias):
    torch.manual_seed(0)
    u, weights = torch.randn(D_MODEL, 3, 300), make_weights(dt_bias)
    found, expected = (run(mix, u, weights, dtype) for dtype in (torch.float32, torch.float64))
    # The scan keeps 1e-6; the norm after it divides by what is left of a small sum.
    assert greatest_error(found[0], expected[0]) < 5e-6
    for a, b in zip(found[1:], expected[1:], strict=True):
        assert greatest_error(a, b) < 1e-5


def test_sequences_computed_apart_change_nothing(monkeypatch):
    u, weights = torch.randn(D_MODEL, 5, 40), make_weights()
    together = run(mix, u, weights, torch.float64)
    monkeypatch.setattr(scan_of_blocks, "BLOCK_ELEMENTS", 2 * HEADS * HEADDIM * 40)
    for a, b in zip(run(mix, u, weights, torch.float64), together, strict=True):
        torch.testing.assert_close(a, b)


def test_autocast_does_not_reach_the_mixer():
    u, weights = torch.randn(D_MODEL, 2, 40), make_weights()
    expected = run(mix, u, weights, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = run(mix, u, weights, torch.float32)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_lost_numbers_show_in_the_output():
    u, weights = torch.randn(D_MODEL, 2, 40), make_weights()
    u[3, 1, 20] = torch.nan
    finite = mix(u, weights, EPS).isfinite().all(0)
    assert finite[0].all()
    assert finite[1].tolist() == [True] * 20 + [False] * 20


def test_second_derivatives_are_refused():
    u = torch.randn(D_MODEL, 2, 8, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"no second derivative.*create_graph"):
        torch.autograd.grad(mix(u, make_weights(), EPS).sum(), u, create_graph=True)
