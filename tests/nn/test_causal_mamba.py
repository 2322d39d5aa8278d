"""Forwards only: nothing later is seen, and single steps give what all steps give."""

import torch

from seizure.nn.causal_mamba import CausalMamba


def stack():
    torch.manual_seed(0)
    return CausalMamba(16, 2, 8, 4, 2, 4, backend="torch").eval()


def test_steps_equal_the_whole():
    mamba, x = stack(), torch.randn(16, 3, 70)
    states, found = mamba.initial_state(3), []
    with torch.no_grad():
        for step in x.unbind(-1):
            y, states = mamba.step(step, states)
            found.append(y)
        torch.testing.assert_close(torch.stack(found, dim=-1), mamba(x), rtol=1e-4, atol=1e-5)


def test_no_step_sees_a_later_one():
    mamba, x = stack(), torch.randn(16, 3, 70, requires_grad=True)
    (gradient,) = torch.autograd.grad(mamba(x)[..., 30].sum(), x)
    assert gradient[..., 31:].abs().max() == 0
    assert gradient[..., 0].abs().max() > 0


def test_features_of_a_window_are_dropped_together():
    torch.manual_seed(0)
    mamba = CausalMamba(16, 1, 8, 4, 2, 4, dropout=0.5, backend="torch")
    x = torch.randn(16, 3, 9)
    branch = mamba.layers(x) - x
    silent = branch.abs() < 1e-6
    assert silent.any()
    assert (silent.all(-1) | ~silent.any(-1)).all()
