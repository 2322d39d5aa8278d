import itertools

import pytest
import torch

from seizure.nn.ssd import ssd, ssd_step

NAMES = ("x", "dt", "A", "B", "C", "initial_state")


def sequential(x, dt, A, B, C, state):
    """The recurrence as it is written, one step after the other."""
    outputs = []
    for t in range(x.shape[1]):
        y, state = ssd_step(x[:, t], dt[:, t], A, B[:, t], C[:, t], state)
        outputs.append(y)
    return torch.stack(outputs, 1), state


def make_inputs(
    time, decay, scale=1.0, bursts=False, batch=2, heads=8, headdim=4, n_state=8, seed=0
):
    """Float64 inputs that float32 holds exactly; `decay` is a usual |dt A| of the fastest head."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=draw)

    A = -torch.linspace(0.5, 16, heads)
    dt = decay / 16 * torch.exp(0.5 * normal(batch, time, heads)).clamp(0.2, 4)
    if bursts:
        calm = 1e-3 * torch.exp(normal(batch, time, heads))
        dt = torch.where(torch.rand(batch, time, heads, generator=draw) < 0.05, dt, calm)
    inputs = (
        scale * normal(batch, time, heads, headdim),
        dt,
        A,
        normal(batch, time, n_state),
        normal(batch, time, n_state),
        scale * normal(batch, heads, headdim, n_state),
    )
    return [tensor.double() for tensor in inputs]


def run(function, inputs, dtype):
    """Outputs, final state and all gradients under one fixed weighting of every output."""
    leaves = [tensor.to(dtype).requires_grad_() for tensor in inputs]
    y, state = function(*leaves)
    draw = torch.Generator().manual_seed(1)
    weights = [torch.randn(t.shape, generator=draw).to(dtype) for t in (y, state)]
    ((y * weights[0]).sum() + (state * weights[1]).sum()).backward()
    return y.detach(), state.detach(), [leaf.grad for leaf in leaves]


def relative_error(found, expected):
    return ((found.double() - expected).abs().max() / expected.abs().max()).item()


REGIMES = list(itertools.product([1e-3, 0.3, 5, 50, 150], [1.0, 1e3], [False, True]))


@pytest.mark.parametrize(("decay", "scale", "bursts"), REGIMES)
def test_float32_scan_equals_the_float64_recurrence(decay, scale, bursts):
    inputs = make_inputs(131, decay, scale, bursts)
    y, state, gradients = run(ssd, inputs, torch.float32)
    y_true, state_true, gradients_true = run(sequential, inputs, torch.float64)
    assert relative_error(y, y_true) < 1e-6
    assert relative_error(state, state_true) < 1e-6
    for name, found, expected in zip(NAMES, gradients, gradients_true, strict=True):
        assert relative_error(found, expected) < 1e-5, name


@pytest.mark.parametrize("seed", range(4))
def test_gradient_of_decay_rates_survives_bursts_between_calm(seed):
    # There it is a small rest of large terms.
    inputs = make_inputs(131, decay=150, bursts=True, seed=seed)
    found, expected = run(ssd, inputs, torch.float32)[2], run(sequential, inputs, torch.float64)[2]
    assert relative_error(found[2], expected[2]) < 1e-5


@pytest.mark.parametrize("time", [1, 2, 31, 32, 33, 64, 97])
def test_float64_scan_is_exact_at_any_length(time):
    inputs = make_inputs(time, decay=5)
    y, state, gradients = run(ssd, inputs, torch.float64)
    y_true, state_true, gradients_true = run(sequential, inputs, torch.float64)
    for found, expected in zip(
        (y, state, *gradients), (y_true, state_true, *gradients_true), strict=True
    ):
        assert relative_error(found, expected) < 1e-12


@pytest.mark.parametrize("decay", [0.3, 60])
def test_gradients_equal_finite_differences(decay):
    inputs = make_inputs(5, decay, batch=1, heads=2, headdim=2, n_state=2)
    assert torch.autograd.gradcheck(ssd, [tensor.requires_grad_() for tensor in inputs])


@pytest.mark.parametrize("splits", [(1,), (50,), (32, 64), (7, 8, 90)])
def test_states_chained_across_any_split_equal_the_whole(splits):
    x, dt, A, B, C, state = (t.float() for t in make_inputs(100, decay=5))
    whole, final = ssd(x, dt, A, B, C, state)
    parts = []
    for start, stop in itertools.pairwise((0, *splits, 100)):
        part = slice(start, stop)
        y, state = ssd(x[:, part], dt[:, part], A, B[:, part], C[:, part], state)
        parts.append(y)
    assert relative_error(torch.cat(parts, 1), whole.double()) < 1e-6
    assert relative_error(state, final.double()) < 1e-6


def test_absent_initial_state_is_zero():
    x, dt, A, B, C, state = (t.float() for t in make_inputs(40, decay=1))
    expected = ssd(x, dt, A, B, C, torch.zeros_like(state))[0]
    assert torch.equal(ssd(x, dt, A, B, C)[0], expected)


def test_one_recording_does_not_see_another():
    x, dt, A, B, C, state = (t.float() for t in make_inputs(70, decay=1))
    alone = ssd(x[:1], dt[:1], A, B[:1], C[:1], state[:1])[0]
    assert relative_error(ssd(x, dt, A, B, C, state)[0][:1], alone.double()) < 1e-6


def test_views_with_odd_strides_are_read_correctly():
    inputs = [t.float() for t in make_inputs(45, decay=1)]
    strided = [t.transpose(0, 1).contiguous().transpose(0, 1) for t in inputs[:2]] + inputs[2:]
    found, expected = run(ssd, strided, torch.float32), run(ssd, inputs, torch.float32)
    assert torch.allclose(found[0], expected[0])
    assert all(torch.allclose(a, b) for a, b in zip(found[2], expected[2], strict=True))


def test_extreme_but_finite_inputs_stay_finite():
    x, dt, A, B, C, state = (t.float() for t in make_inputs(64, decay=48))
    y, _, gradients = run(ssd, [1e4 * x, dt, A, 100 * B, 100 * C, state], torch.float32)
    assert y.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_autocast_does_not_reach_the_scan():
    inputs = [t.float() for t in make_inputs(64, decay=1)]
    expected = run(ssd, inputs, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = run(ssd, inputs, torch.float32)
    assert torch.equal(found[0], expected[0])
    assert all(torch.equal(a, b) for a, b in zip(found[2], expected[2], strict=True))


def test_second_derivatives_are_refused():
    inputs = [t.float().requires_grad_() for t in make_inputs(8, decay=1)]
    y, _ = ssd(*inputs)
    with pytest.raises(RuntimeError, match=r"no second derivative.*create_graph"):
        torch.autograd.grad(y.sum(), inputs[0], create_graph=True)


def test_wrong_shapes_are_named():
    x, dt, A, B, C, _ = make_inputs(8, decay=1)
    with pytest.raises(ValueError, match=r"C has shape \(2, 7, 8\); expected \(2, 8, 8\)"):
        ssd(x, dt, A, B, C[:, 1:])
    with pytest.raises(ValueError, match="no time steps"):
        ssd(x[:, :0], dt[:, :0], A, B[:, :0], C[:, :0])
