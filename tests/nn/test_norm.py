import pytest
import torch

from seizure.nn.norm import BatchNorm, RMSNorm, rms_normalise


@pytest.mark.parametrize("dim", [0, -1])
def test_norm_and_its_gradients_equal_the_formula(dim):
    torch.manual_seed(0)
    x, weight = torch.randn(6, 3, 6).double(), torch.randn(6).double()
    shape = (6, 1, 1) if dim == 0 else (6,)

    def formula(x, weight):
        return weight.view(shape) * x / (x.square().mean(dim, keepdim=True) + 1e-5).sqrt()

    results = []
    for function in (formula, lambda x, weight: rms_normalise(x, weight, 1e-5, dim)):
        leaves = [x.clone().requires_grad_(), weight.clone().requires_grad_()]
        y = function(*leaves)
        results.append((y, *torch.autograd.grad(y.sin().sum(), leaves)))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)


def test_norm_is_computed_in_float32():
    assert RMSNorm(4)(torch.full((2, 4), 300.0, dtype=torch.float16)).dtype == torch.float32


def test_constant_zero_features_stay_finite():
    x = torch.zeros(4, 3, requires_grad=True)
    rms_normalise(x, torch.ones(3), 1e-5).sum().backward()
    assert x.grad.isfinite().all()


def test_batch_norm_keeps_a_loud_stretch_loud_where_rms_norm_does_not():
    x = torch.randn(2, 400, 8)
    x[:, 200:] *= 5
    with torch.no_grad():
        normalised = BatchNorm(8)(x), RMSNorm(8)(x)
    loudness = [float(h[:, 200:].square().mean() / h[:, :200].square().mean()) for h in normalised]
    assert loudness[0] > 15
    assert loudness[1] == pytest.approx(1, abs=0.05)


def test_batch_norm_is_torch_s_on_features_last():
    x = torch.randn(3, 50, 8)
    ours, torchs = BatchNorm(8), torch.nn.BatchNorm1d(8)
    expected = torchs(x.transpose(1, 2)).transpose(1, 2)
    assert torch.allclose(ours(x), expected, atol=1e-6)
    assert torch.allclose(ours.running_var, torchs.running_var)
