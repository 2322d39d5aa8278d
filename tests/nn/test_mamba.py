import sys

import pytest
import torch
from torch.nn import functional as F

from seizure.nn.decay import takes_decay
from seizure.nn.mamba import Mamba2, load_kernels, scan_backend

SIZES = {"d_model": 16, "d_state": 8, "d_conv": 4, "expand": 2, "headdim": 4, "backend": "torch"}


def make(seed=0, **changes):
    torch.manual_seed(seed)
    return Mamba2(**{**SIZES, **changes})


def textbook(mamba, u):
    """Mamba-2 step by step, from its definition; u (batch, time, feature)."""
    d_inner, n_state, heads = mamba.d_inner, mamba.d_state, mamba.n_heads
    z, xBC, dt = (u @ mamba.in_proj.weight.T).split([d_inner, d_inner + 2 * n_state, heads], -1)
    xBC = F.silu(mamba.conv1d(xBC.transpose(1, 2))[..., : u.shape[1]]).transpose(1, 2)
    x, B, C = xBC.split([d_inner, n_state, n_state], -1)
    x = x.unflatten(-1, (heads, -1))
    dt = F.softplus(dt + mamba.dt_bias)
    state = torch.zeros(len(u), heads, mamba.headdim, n_state, dtype=u.dtype)
    outputs = []
    for t in range(u.shape[1]):
        decay = torch.exp(-dt[:, t] * mamba.A_log.exp())
        added = torch.einsum("bh,bhp,bn->bhpn", dt[:, t], x[:, t], B[:, t])
        state = decay[..., None, None] * state + added
        outputs.append(torch.einsum("bhpn,bn->bhp", state, C[:, t]) + mamba.D[:, None] * x[:, t])
    y = torch.stack(outputs, 1).flatten(2) * F.silu(z)
    y = y / (y.square().mean(-1, keepdim=True) + mamba.norm.eps).sqrt() * mamba.norm.weight
    return y @ mamba.out_proj.weight.T


def test_names_and_shapes_are_those_of_mamba_ssm():
    mamba = Mamba2(d_model=64, d_state=16, d_conv=4, expand=2, headdim=8, backend="torch")
    found = {name: tuple(tensor.shape) for name, tensor in mamba.state_dict().items()}
    assert found == {
        "dt_bias": (16,),
        "A_log": (16,),
        "D": (16,),
        "in_proj.weight": (304, 64),
        "conv1d.weight": (160, 1, 4),
        "conv1d.bias": (160,),
        "norm.weight": (128,),
        "out_proj.weight": (64, 128),
    }


@pytest.mark.parametrize("time", [1, 3, 50])
def test_output_and_gradients_equal_the_definition(time):
    mamba, u = make().double(), torch.randn(3, time, 16, dtype=torch.float64)
    results = []
    for function in (mamba, lambda v: textbook(mamba, v)):
        leaf = u.clone().requires_grad_()
        y = function(leaf)
        gradients = torch.autograd.grad(y.square().sum(), [leaf, *mamba.parameters()])
        results.append((y, *gradients))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)


def test_a_compiled_mixer_learns_the_same():
    mamba, u = make(), torch.randn(2, 40, 16)
    compiled = torch.compile(mamba, backend="aot_eager")
    results = [
        torch.autograd.grad(function(u).square().sum(), list(mamba.parameters()))
        for function in (mamba, compiled)
    ]
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)


def test_streaming_one_step_at_a_time_equals_the_whole():
    mamba, u = make(), torch.randn(2, 70, 16)
    state, steps = mamba.initial_state(2), []
    with torch.no_grad():
        for t in range(70):
            y, state = mamba.step(u[:, t], state)
            steps.append(y)
        torch.testing.assert_close(torch.stack(steps, 1), mamba(u), rtol=1e-5, atol=1e-6)


def test_future_does_not_reach_the_past():
    mamba, u = make(), torch.randn(1, 60, 16)
    changed = u.clone()
    changed[:, 40:] += 10
    torch.testing.assert_close(mamba(changed)[:, :40], mamba(u)[:, :40])


def test_step_sizes_and_decays_start_in_the_published_range():
    mamba = make(d_model=256)
    dt = F.softplus(mamba.dt_bias)
    assert ((dt > 9e-4) & (dt < 0.11)).all()
    assert ((mamba.A_log.exp() >= 1) & (mamba.A_log.exp() <= 16)).all()


def test_scan_parameters_norms_and_biases_do_not_decay():
    decays = {name for name, parameter in make().named_parameters() if takes_decay(parameter)}
    assert decays == {"in_proj.weight", "conv1d.weight", "out_proj.weight"}


def test_backend_is_chosen_once_and_readable():
    assert make().backend == "torch"
    if not torch.cuda.is_available():
        assert make(backend=None).backend == "torch"


def test_the_backend_in_force_is_named_with_the_reason():
    assert scan_backend("cpu") == ("torch", "the CUDA kernels do not run on cpu")
    assert scan_backend("cuda", "torch") == ("torch", "asked for")
    if not torch.cuda.is_available():
        assert scan_backend("cuda") == ("torch", "PyTorch finds no CUDA device")
        assert scan_backend("cuda").name == make(backend=None).backend


def test_kernels_that_do_not_import_are_named_as_the_reason(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setitem(sys.modules, "causal_conv1d", None)
    chosen = scan_backend("cuda")
    assert chosen.name == "torch"
    assert "causal_conv1d" in chosen.reason
    with pytest.raises(ImportError, match=r"seizure\[cuda\]"):
        scan_backend("cuda", "mamba_ssm")


@pytest.mark.skipif(torch.cuda.is_available(), reason="the kernels may import here")
def test_kernels_asked_for_in_vain_are_refused():
    with pytest.raises(ImportError, match=r"seizure\[cuda\].*backend='torch'"):
        load_kernels("mamba_ssm")
    with pytest.raises(ValueError, match="'triton' is unknown"):
        load_kernels("triton")  # type: ignore[arg-type]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with mamba-ssm")
def test_kernels_equal_the_plain_scan():
    pytest.importorskip("mamba_ssm")
    plain, fused = make().cuda(), make(backend="mamba_ssm").cuda()
    fused.load_state_dict(plain.state_dict())
    u = torch.randn(4, 240, 16, device="cuda")
    torch.testing.assert_close(fused(u), plain(u), rtol=1e-3, atol=1e-4)
