"""Mamba-2's linear recurrence over time, chunked into matrix products, in plain PyTorch.

The recurrence, per head with decay rate `A < 0` and step size `dt > 0`, is

    S[t] = exp(dt[t] A) S[t-1] + dt[t] x[t] B[t]^T        y[t] = S[t] C[t]

Source: Dao and Gu 2024, "Transformers are SSMs", section 6 (block decomposition), one group. We
differ in how a chunk is computed: the decay between two steps, `exp(cs[i] - cs[j])`, is split as
`exp(cs[i] - r) exp(r - cs[j])` around the chunk's middle `r`, so all heads share one matrix of
`C B^T` and no tensor of (step, step, head) exists. `docs/design.md` has the derivation.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

# Lengths a chunk may have, longest first; the last one fits any decay (see `_Range`).
CHUNK_LENGTHS = (32, 16, 8, 4)


class _Range(NamedTuple):
    """How much log-decay a floating point type carries through one chunk.

    `chunk` bounds a whole chunk's: exp(chunk / 2) must leave room for the inputs, here 21 decades
    of float32's 38. `step` bounds a single step's: a state decayed by exp(-step) is gone.
    """

    chunk: float
    step: float


_RANGES = {torch.float32: _Range(80.0, 20.0), torch.float64: _Range(600.0, 40.0)}


def ssd(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    initial_state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The outputs of the recurrence at every step, and its state after the last one.

    x (batch, time, head, headdim); dt > 0 (batch, time, head); A < 0 (head,) or (batch, head);
    B, C (batch, time, state); states (batch, head, headdim, state). Runs in float32, also under
    autocast, or in float64. Differentiable once in every argument; raises when asked for more.

    >>> x, dt, B = torch.ones(1, 5, 8, 2), torch.full((1, 5, 8), 0.1), torch.ones(1, 5, 4)
    >>> y, state = ssd(x, dt, -torch.ones(8), B, B)
    >>> y.shape, state.shape
    (torch.Size([1, 5, 8, 2]), torch.Size([1, 8, 2, 4]))
    """
    batch, _, heads, headdim = x.shape
    _check_shapes(x, dt, A, B, C, initial_state)
    tensors = [x, dt, A.expand(batch, heads), B, C]
    tensors.append(
        x.new_zeros(batch, heads, headdim, B.shape[-1]) if initial_state is None else initial_state
    )
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    with torch.autocast(x.device.type, enabled=False):
        return _Ssd.apply(*(tensor.to(dtype) for tensor in tensors))  # type: ignore[return-value]


def ssd_step(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """One step of the same recurrence: its output and the next state.

    x (batch, head, headdim); dt (batch, head); A (head,) or (batch, head); B, C (batch, state);
    state (batch, head, headdim, state).

    >>> x, dt, B = torch.ones(1, 8, 2), torch.full((1, 8), 0.1), torch.ones(1, 4)
    >>> ssd_step(x, dt, -torch.ones(8), B, B, torch.zeros(1, 8, 2, 4))[0][0, 0]
    tensor([0.4000, 0.4000])
    """
    entering = (dt.unsqueeze(-1) * x).unsqueeze(-1) * B[:, None, None, :]
    state = torch.exp(dt * A)[..., None, None] * state + entering
    return (state * C[:, None, None, :]).sum(-1), state


class Chunked(NamedTuple):
    """What the forward pass leaves for the backward pass; time is padded to whole chunks."""

    chunk: int
    rise: Tensor  # exp(cs - r)  (batch·chunk, step, head)
    fall: Tensor  # exp(r - cs)  (batch·chunk, step, head)
    half: Tensor  # exp(r)       (batch, chunk, 1, head, 1)
    states: Tensor  # before each chunk and after the last  (batch, chunk + 1, state, head·headdim)


def ssd_forward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, initial_state: Tensor
) -> tuple[Tensor, Chunked]:
    """The recurrence without a graph: outputs (batch, time, head·headdim) and what backward needs.

    x (batch, time, head·headdim); A (batch, head); initial_state (batch, state, head·headdim).
    """
    batch, time, heads = dt.shape
    n_state, width = B.shape[-1], x.shape[-1]
    limits = _RANGES[dt.dtype]
    log_decay = (dt * A.unsqueeze(1)).clamp_(min=-limits.step)
    chunk, n_chunks = _choose_chunk(log_decay, limits)

    # An exponent near 40 rounded to float32 is an error of 2e-6 in what it is the exponent of.
    wide = torch.float32 if x.device.type == "mps" else torch.float64
    cs = _chunks(log_decay, chunk, n_chunks).cumsum(1, dtype=wide)
    r = cs[:, -1:] / 2
    rise = torch.exp(cs - r)
    rise, fall = rise.to(dt.dtype), rise.reciprocal().to(dt.dtype)
    half = torch.exp(r).to(dt.dtype).view(batch, n_chunks, 1, heads, 1)

    mixing, stacked = _operands(x, dt, B, C, fall, chunk, n_chunks)
    added = torch.bmm(_chunks(B, chunk, n_chunks).mT, stacked[:, :chunk])
    states = added.new_empty(batch, n_chunks + 1, n_state, width)
    per_head = states.view(batch, n_chunks + 1, n_state, heads, -1)
    states[:, 0] = initial_state
    torch.mul(half, added.view(batch, n_chunks, n_state, heads, -1), out=per_head[:, 1:])
    whole = half.square()
    for i in range(n_chunks):
        per_head[:, i + 1].addcmul_(whole[:, i], per_head[:, i])

    _place_states(stacked, half, states, chunk)
    y = torch.bmm(mixing, stacked)
    y.view(*rise.shape, -1).mul_(rise.unsqueeze(-1))
    y = y.view(batch, n_chunks * chunk, width)[:, :time]
    return y, Chunked(chunk, rise, fall, half, states)


def ssd_backward(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    y: Tensor,
    saved: Chunked,
    dy: Tensor,
    dstate: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients for x, dt, A, B, C and the initial state, shaped like `ssd_forward`'s arguments."""
    batch, time, heads = dt.shape
    chunk, rise, fall, half, states = saved
    n_state, width = B.shape[-1], x.shape[-1]
    n_chunks = half.shape[1]
    mixing, stacked = _operands(x, dt, B, C, fall, chunk, n_chunks)
    _place_states(stacked, half, states, chunk)
    by_head = (batch * n_chunks, chunk, heads, -1)

    dy = _chunks(dy, chunk, n_chunks)
    dcs = (dy * _chunks(y, chunk, n_chunks)).view(by_head).sum(-1)
    dy = (dy.view(by_head) * rise.unsqueeze(-1)).view(-1, chunk, width)
    dstacked = torch.bmm(mixing.mT, dy)
    dmixing = torch.bmm(dy, stacked.mT)

    # The same scan over chunks, from the last to the first.
    dstates = states.new_empty(states.shape)
    per_head = dstates.view(batch, n_chunks + 1, n_state, heads, -1)
    dstates[:, -1] = dstate
    dplaced = dstacked[:, chunk:].view(batch, n_chunks, n_state, heads, -1)
    torch.mul(half, dplaced, out=per_head[:, :-1])
    whole = half.square()
    for i in reversed(range(n_chunks)):
        per_head[:, i].addcmul_(whole[:, i], per_head[:, i + 1])
    dadded = (half * per_head[:, 1:]).view(-1, n_state, width)
    dend = (dstates[:, 1:] * states[:, 1:]).view(batch * n_chunks, n_state, heads, -1).sum((1, 3))

    Bc, Cc = _chunks(B, chunk, n_chunks), _chunks(C, chunk, n_chunks)
    dM = dmixing[..., :chunk].tril()
    dC = torch.baddbmm(dmixing[..., chunk:], dM, Bc)
    dB = torch.baddbmm(torch.bmm(stacked[:, :chunk], dadded.mT), dM.mT, Cc)
    dscaled = torch.baddbmm(dstacked[:, :chunk], Bc, dadded).view(by_head)

    dscaled *= fall.unsqueeze(-1)  # now the gradient for dt * x
    dt_c = _chunks(dt, chunk, n_chunks)
    ddt = (dscaled * _chunks(x, chunk, n_chunks).view(by_head)).sum(-1)
    dx = dscaled.mul_(dt_c.unsqueeze(-1))
    dcs = dcs.addcmul_(dt_c, ddt, value=-1)
    dcs[:, -1] += dend
    # Reverse cumulative sum: a step's decay touches every later step of its chunk.
    dlog_decay = dcs.flip(1).cumsum(1).flip(1)
    dx, ddt, dlog_decay, dB, dC = (
        gradient.reshape(batch, n_chunks * chunk, -1)[:, :time]
        for gradient in (dx, ddt, dlog_decay, dB, dC)
    )
    # Where the decay was cut off nothing passes on, and the sum above holds only rounding errors.
    A = A.unsqueeze(1)
    dlog_decay = dlog_decay * (dt * A > -_RANGES[dt.dtype].step)
    return dx, ddt + dlog_decay * A, (dt * dlog_decay).sum(1), dB, dC, dstates[:, 0]


class _Ssd(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x, dt, A, B, C, initial_state):  # noqa: ANN001
        flat, start = x.flatten(2), initial_state.flatten(1, 2).mT
        y, saved = ssd_forward(flat, dt, A, B, C, start)
        ctx.save_for_backward(flat, dt, A, B, C, y, *saved[1:])
        ctx.chunk = saved.chunk
        final = saved.states[:, -1].mT.reshape(initial_state.shape)
        return y.view(x.shape), final

    @staticmethod
    def backward(ctx: Any, dy, dstate):  # noqa: ANN001
        refuse_double_backward("ssd")
        x, dt, A, B, C, y, *saved = ctx.saved_tensors
        with torch.autocast(x.device.type, enabled=False):
            dx, ddt, dA, dB, dC, dinitial = ssd_backward(
                x,
                dt,
                A,
                B,
                C,
                y,
                Chunked(ctx.chunk, *saved),
                dy.flatten(2),
                dstate.flatten(1, 2).mT,
            )
        return dx.reshape(dy.shape), ddt, dA, dB, dC, dinitial.mT.reshape(dstate.shape)


def refuse_double_backward(name: str) -> None:
    """Stop a backward pass that is itself being recorded, as with `create_graph=True`."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            f"{name} has no second derivative: its backward pass is written by hand. Call "
            f"backward or grad without create_graph=True, or use ssd_step in a loop"
        )


def _choose_chunk(log_decay: Tensor, limits: _Range) -> tuple[int, int]:
    # Equal chunks that cover the time axis with the least padding.
    time = log_decay.shape[1]
    for longest in CHUNK_LENGTHS:
        n_chunks = -(-time // longest)
        chunk = -(-time // n_chunks)
        if longest == CHUNK_LENGTHS[-1]:
            break
        deepest = _chunks(log_decay, chunk, n_chunks).sum(1).amin()
        # A decay that is not a number must pass through here and fail where losses are checked.
        if not bool(deepest < -limits.chunk):
            break
    return chunk, n_chunks


def _chunks(tensor: Tensor, chunk: int, n_chunks: int) -> Tensor:
    # (batch, time, feature) -> (batch·chunk, step, feature); steps past the end are zero.
    missing = chunk * n_chunks - tensor.shape[1]
    if missing:
        tensor = F.pad(tensor, (0, 0, 0, missing))
    return tensor.reshape(-1, chunk, tensor.shape[-1])


def _operands(
    x: Tensor, dt: Tensor, B: Tensor, C: Tensor, fall: Tensor, chunk: int, n_chunks: int
) -> tuple[Tensor, Tensor]:
    # [tril(C B^T) | C] and [fall·dt·x ; (room for states)]: one product gives a chunk's outputs.
    heads, n_state, width = dt.shape[-1], B.shape[-1], x.shape[-1]
    Bc, Cc = _chunks(B, chunk, n_chunks), _chunks(C, chunk, n_chunks)
    mixing = torch.cat([torch.bmm(Cc, Bc.mT).tril_(), Cc], dim=-1)
    stacked = x.new_empty(len(fall), chunk + n_state, width)
    scale = (fall * _chunks(dt, chunk, n_chunks)).unsqueeze(-1)
    by_head = (len(fall), -1, heads, width // heads)
    torch.mul(
        _chunks(x, chunk, n_chunks).view(by_head), scale, out=stacked.view(by_head)[:, :chunk]
    )
    return mixing, stacked


def _place_states(stacked: Tensor, half: Tensor, states: Tensor, chunk: int) -> None:
    batch, n_chunks, _, heads, _ = half.shape
    shape = (batch, n_chunks, states.shape[2], heads, -1)
    room = stacked.view(batch, n_chunks, stacked.shape[1], heads, -1)[:, :, chunk:]
    torch.mul(half, states[:, :-1].view(shape), out=room)


def _check_shapes(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, initial_state: Tensor | None
) -> None:
    batch, time, heads, headdim = x.shape
    n_state = B.shape[-1]
    expected = {
        "dt": (dt, [(batch, time, heads)]),
        "A": (A, [(heads,), (batch, heads)]),
        "B": (B, [(batch, time, n_state)]),
        "C": (C, [(batch, time, n_state)]),
    }
    if initial_state is not None:
        expected["initial_state"] = (initial_state, [(batch, heads, headdim, n_state)])
    for name, (tensor, shapes) in expected.items():
        if tuple(tensor.shape) not in shapes:
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)}; expected {' or '.join(map(str, shapes))} "
                f"for x of shape {tuple(x.shape)} and {n_state} states"
            )
    if not time:
        raise ValueError("x has no time steps; ssd needs at least one")
