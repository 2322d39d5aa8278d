"""Mamba-2's linear recurrence over time, chunked into matrix products, in plain PyTorch.

The recurrence, per head with decay rate `A < 0` and step size `dt > 0`, is

    S[t] = exp(dt[t] A) S[t-1] + dt[t] x[t] B[t]^T        y[t] = S[t] C[t]

Source: Dao and Gu 2024, "Transformers are SSMs", section 6 (block decomposition), one group. We
differ in how a chunk is computed: the decay between two steps, `exp(cs[i] - cs[j])`, is split as
`exp(cs[i] - r) exp(r - cs[j])` around the chunk's middle `r`, so all heads share one matrix of
`C B^T` and no tensor of (step, step, head) exists.

Inside, features are the outermost axis and time the innermost: then every per-head factor is
multiplied along long contiguous runs, and a chunk is a strided matrix that needs no copy.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from seizure.nn.chunks import RANGES, Chunks


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
    batch, _, heads, headdim = x.shape
    y, state = ssd_features_first(
        x.flatten(2).permute(2, 0, 1),
        dt.permute(2, 0, 1),
        A.unsqueeze(1).expand(heads, batch),
        B.permute(2, 0, 1),
        C.permute(2, 0, 1),
        None if initial_state is None else initial_state.flatten(1, 2),
    )
    return y.permute(1, 2, 0).unflatten(2, (heads, headdim)), state.unflatten(1, (heads, headdim))


def ssd_features_first(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    initial_state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The same recurrence in the layout it is computed in: outputs shaped like x, and a state.

    x (head·headdim, batch, time); dt (head, batch, time); A (head, batch); B, C (state, batch,
    time); states (batch, head·headdim, state).
    """
    if initial_state is None:
        initial_state = x.new_zeros(x.shape[1], x.shape[0], B.shape[0])
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    with torch.autocast(x.device.type, enabled=False):
        return _Ssd.apply(*(t.to(dtype) for t in (x, dt, A, B, C, initial_state)))  # type: ignore[return-value]


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
        time = dt.shape[-1]
        limits = RANGES[dt.dtype]
        # No guard against lost numbers, which pass: what is left of a state after exp(-20) is
        # below the rounding of anything added to it, and exp(+160) would not fit a float32.
        log_decay = (dt * A.unsqueeze(-1)).clamp_(min=-limits.step)
        chunks = Chunks.fitting(log_decay, limits)
        x, dt, B, C, log_decay = (chunks.pad(t) for t in (x, dt, B, C, log_decay))

        rise, fall, half = _decays(log_decay, chunks)
        scaled = chunks.cut(_per_head(x, fall * dt))
        Bc, Cc = chunks.cut(B), chunks.cut(C)
        added = torch.bmm(scaled, Bc.mT)  # (batch·chunk, feature, state)
        states = _scan(half, added, initial_state, chunks)
        placed = half * chunks.by_head(states[:, :-1], half)

        earlier = torch.bmm(scaled, torch.bmm(Bc.mT, Cc).triu_(1))
        earlier.baddbmm_(placed.view_as(added), Cc)  # (batch·chunk, feature, step)
        earlier = _per_head(chunks.join(earlier), rise)
        y = _per_head(x, dt * (B * C).sum(0)).add_(earlier)
        ctx.save_for_backward(*_Saved(x, dt, A, B, C, earlier, rise, fall, half, states))
        ctx.chunks = chunks
        return y[..., :time], states[:, -1].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        refuse_double_backward("ssd")
        dy, dstate = gradients
        with torch.autocast(dy.device.type, enabled=False):
            return _backward(_Saved(*ctx.saved_tensors), ctx.chunks, dy, dstate)


class _Saved(NamedTuple):
    x: Tensor
    dt: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    earlier: Tensor
    rise: Tensor
    fall: Tensor
    half: Tensor
    states: Tensor


def _backward(saved: _Saved, chunks: Chunks, dy: Tensor, dstate: Tensor) -> tuple[Tensor, ...]:
    x, dt, A, B, C, earlier, rise, fall, half, states = saved
    time, heads = dy.shape[-1], len(dt)
    Bc, Cc = chunks.cut(B), chunks.cut(C)
    scaled = chunks.cut(_per_head(x, fall * dt))
    placed = (half * chunks.by_head(states[:, :-1], half)).view(-1, len(x), len(B))

    dy = chunks.pad(dy)
    dcs = _over_head(dy * earlier, heads)
    # A step's own input reaches its output undecayed, which keeps it out of the decays' gradients.
    dnow = _over_head(dy * x, heads)
    now = (B * C).sum(0)
    dx = _per_head(dy, dt * now)
    dy = chunks.cut(_per_head(dy, rise))
    dplaced = torch.bmm(dy, Cc.mT)
    # The same scan over chunks, from the last to the first.
    dstates = _scan(half, dplaced, dstate, chunks, backwards=True)
    dadded = (half * chunks.by_head(dstates[:, 1:], half)).view_as(dplaced)
    dend = (chunks.by_head(dstates[:, 1:], half) * chunks.by_head(states[:, 1:], half)).sum(-1)

    # Source and target steps of a chunk: [j, i] is what step j gives to step i > j.
    given = torch.bmm(Bc.mT, Cc).triu_(1)
    dgiven = torch.bmm(scaled.mT, dy).triu_(1)
    dC = torch.bmm(placed.mT, dy).baddbmm_(Bc, dgiven)
    dB = torch.bmm(dadded.mT, scaled).baddbmm_(Cc, dgiven.mT)
    dscaled = chunks.join(torch.bmm(dy, given.mT).baddbmm_(dadded, Bc))

    dscaled = _per_head(dscaled, fall)  # now the gradient for dt * x
    ddt = _over_head(dscaled * x, heads)
    dx += _per_head(dscaled, dt)
    dcs = chunks.steps(dcs.addcmul_(dt, ddt, value=-1))
    dcs[..., -1] += dend.flatten(0, 1).t()
    # Reverse cumulative sum: a step's decay touches every later step of its chunk.
    dlog_decay = dcs.flip(-1).cumsum(-1, dtype=_wide(dt)).flip(-1).to(dt.dtype).view_as(dt)
    # Where the decay was cut off nothing passes on, and the sum above holds only rounding errors.
    A = A.unsqueeze(-1)
    dlog_decay *= dt * A > -RANGES[dt.dtype].step
    ddt = ddt.addcmul_(dlog_decay, A).addcmul_(dnow, now)
    dA = (dt * dlog_decay).sum(-1)
    dnow = (dnow * dt).sum(0)
    dB, dC = chunks.join(dB).addcmul_(dnow, C), chunks.join(dC).addcmul_(dnow, B)
    dx, ddt, dB, dC = (t[..., :time] for t in (dx, ddt, dB, dC))
    return dx, ddt, dA, dB, dC, dstates[:, 0]


def refuse_double_backward(name: str) -> None:
    """Stop a backward pass that is itself being recorded, as with `create_graph=True`."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            f"{name} has no second derivative: its backward pass is written by hand. Call "
            f"backward or grad without create_graph=True, or use ssd_step in a loop"
        )


def _decays(log_decay: Tensor, chunks: Chunks) -> tuple[Tensor, Tensor, Tensor]:
    # exp(cs - r) and exp(r - cs), (head, batch, time); exp(r), (batch, chunk, head, 1).
    # An exponent near 40 rounded to float32 is an error of 2e-6 in what it is the exponent of.
    cs = chunks.steps(log_decay).cumsum(-1, dtype=_wide(log_decay))
    r = cs[..., -1:] / 2
    rise = (cs - r).exp_()
    half = torch.exp(r).squeeze(-1).t().to(log_decay.dtype).contiguous()
    half = half.view(log_decay.shape[1], chunks.count, len(log_decay), 1)
    rise, fall = rise.to(log_decay.dtype), rise.reciprocal().to(log_decay.dtype)
    return rise.view_as(log_decay), fall.view_as(log_decay), half


def _scan(
    half: Tensor, added: Tensor, first: Tensor, chunks: Chunks, backwards: bool = False
) -> Tensor:
    # The states before each chunk and after the last one, (batch, chunk + 1, feature, state).
    batch = len(first)
    states = added.new_empty(batch, chunks.count + 1, *first.shape[1:])
    per_head = chunks.by_head(states, half)
    entering = chunks.by_head(added.view(batch, chunks.count, *first.shape[1:]), half)
    whole = half.square()
    states[:, -1 if backwards else 0] = first
    torch.mul(half, entering, out=per_head[:, :-1] if backwards else per_head[:, 1:])
    for i in reversed(range(chunks.count)) if backwards else range(chunks.count):
        source, target = (i + 1, i) if backwards else (i, i + 1)
        per_head[:, target].addcmul_(whole[:, i], per_head[:, source])
    return states


def _wide(t: Tensor) -> torch.dtype:
    # Apple's GPUs have no float64.
    return torch.float32 if t.device.type == "mps" else torch.float64


def _per_head(t: Tensor, factor: Tensor) -> Tensor:
    # (head·headdim, ...) times (head, ...)
    return (t.view(len(factor), -1, *t.shape[1:]) * factor.unsqueeze(1)).view(t.shape)


def _over_head(t: Tensor, heads: int) -> Tensor:
    # (head·headdim, ...) summed to (head, ...)
    return t.view(heads, -1, *t.shape[1:]).sum(1)


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
