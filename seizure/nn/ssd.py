"""Mamba-2's linear recurrence over time with its own backward pass, and one step of it."""

from typing import Any

import torch
from torch import Tensor

from seizure.nn.scan import Carried, Inputs, scan, scan_backward, sequences_at_once


def ssd(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    initial_state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The outputs of the recurrence at every step, and its state after the last one.

    x (batch, time, head, headdim); dt > 0 (batch, time, head); A < 0 (head,); B, C (batch, time,
    state); states (batch, head, headdim, state). Runs in float32, also under autocast, or in
    float64. Differentiable once in every argument; raises when asked for more.

    >>> x, dt, B = torch.ones(1, 5, 8, 2), torch.full((1, 5, 8), 0.1), torch.ones(1, 5, 4)
    >>> y, state = ssd(x, dt, -torch.ones(8), B, B)
    >>> y.shape, state.shape
    (torch.Size([1, 5, 8, 2]), torch.Size([1, 8, 2, 4]))
    """
    _check_shapes(x, dt, A, B, C, initial_state)
    heads, headdim = x.shape[2:]
    y, state = ssd_features_first(
        x.flatten(2).permute(2, 0, 1),
        dt.permute(2, 0, 1),
        A,
        B.permute(2, 0, 1),
        C.permute(2, 0, 1),
        None if initial_state is None else initial_state.flatten(1, 2),
    )
    return y.permute(1, 2, 0).unflatten(2, (heads, headdim)), state.unflatten(1, (heads, headdim))


@torch.compiler.disable()
def ssd_features_first(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    initial_state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The same recurrence in the layout it is computed in: outputs shaped like x, and a state.

    x (head·headdim, batch, time); dt (head, batch, time); A (head,); B, C (state, batch, time);
    states (batch, head·headdim, state).
    """
    if initial_state is None:
        initial_state = x.new_zeros(x.shape[1], x.shape[0], B.shape[0])
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    x, dt, A, B, C, initial_state = (t.to(dtype) for t in (x, dt, A, B, C, initial_state))
    n = sequences_at_once(len(x), x)
    parts = zip(*(t.split(n, 1) for t in (x, dt, B, C)), initial_state.split(n), strict=True)
    with torch.autocast(x.device.type, enabled=False):
        done = [_Ssd.apply(x, dt, A, B, C, first) for x, dt, B, C, first in parts]
    y, last = zip(*done, strict=True)
    return torch.cat(y, 1), torch.cat(last)


def ssd_step(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """One step of the same recurrence: its output and the next state.

    x (batch, head, headdim); dt (batch, head); A (head,); B, C (batch, state); state (batch, head,
    headdim, state).

    >>> x, dt, B = torch.ones(1, 8, 2), torch.full((1, 8), 0.1), torch.ones(1, 4)
    >>> ssd_step(x, dt, -torch.ones(8), B, B, torch.zeros(1, 8, 2, 4))[0][0, 0]
    tensor([0.4000, 0.4000])
    """
    entering = (dt.unsqueeze(-1) * x).unsqueeze(-1) * B[:, None, None, :]
    state = torch.exp(dt * A)[..., None, None] * state + entering
    return (state * C[:, None, None, :]).sum(-1), state


class _Ssd(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, initial_state: Tensor
    ) -> tuple[Tensor, Tensor]:
        y, last, carried, ctx.chunks = scan(_inputs(x, dt, A, B, C), initial_state)
        ctx.save_for_backward(x, dt, A, B, C, last, *carried)
        return y, last

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        refuse_double_backward("ssd")
        x, dt, A, B, C, last, *carried = ctx.saved_tensors
        dy, dlast = gradients
        inputs, ending = _inputs(x, dt, A, B, C), (last, dlast.contiguous())
        with torch.autocast(dy.device.type, enabled=False):
            given, dfirst = scan_backward(inputs, Carried(*carried), ctx.chunks, dy, ending)
        return given.x, given.dt, given.A, given.B, given.C, dfirst


def _inputs(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Inputs:
    return Inputs(x, dt, A, B, C, torch.zeros_like(A))


def refuse_double_backward(name: str) -> None:
    """Stop a backward pass that is itself being recorded, as with `create_graph=True`."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            f"{name} has no second derivative: its backward pass is written by hand. Call "
            f"backward or grad without create_graph=True, or use ssd_step in a loop"
        )


def _check_shapes(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, initial_state: Tensor | None
) -> None:
    batch, time, heads, headdim = x.shape
    n_state = B.shape[-1]
    expected = {
        "dt": (dt, (batch, time, heads)),
        "A": (A, (heads,)),
        "B": (B, (batch, time, n_state)),
        "C": (C, (batch, time, n_state)),
    }
    if initial_state is not None:
        expected["initial_state"] = (initial_state, (batch, heads, headdim, n_state))
    for name, (tensor, shape) in expected.items():
        if tuple(tensor.shape) != shape:
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)}; expected {shape} for x of shape "
                f"{tuple(x.shape)} and {n_state} states"
            )
    if not time:
        raise ValueError("x has no time steps; ssd needs at least one")
