"""Where a batch stops being finite: it is run once more with a look at every layer."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from seizure.learning.module import DetectionModule
from seizure.windows.dataset import WindowBatch


@dataclass(frozen=True)
class Finding:
    """The first thing that is not finite, in words, and the loss that came out."""

    where: str
    loss: float


def first_nonfinite(
    module: DetectionModule,
    batch: WindowBatch,
    place: tuple[int, int, int],
    precision: AbstractContextManager[Any],
    loss_scale: float = 1.0,
) -> Finding | None:
    """Learns from a batch again, without a step, and finds the first layer that breaks.

    `place` is the batch's (epoch, number, rank), `precision` the autocast of the training step. The
    order is that of the computation: weights, input, layers, loss, gradients. None where all are
    finite. Gradients are left on the weights, and running statistics move.
    """
    for name, parameter in module.network.named_parameters():
        if not _is_finite(parameter):
            return Finding(f"the weight {name}, before the batch: {_described(parameter)}", 0.0)
    if not _is_finite(batch.normalised()):
        return Finding(f"the batch's EEG itself: {_described(batch.normalised())}", 0.0)
    # A compiled network runs code in which its layers, and hooks on them, are gone.
    with torch.compiler.set_stance("force_eager"), _watching(module) as watch:
        with torch.enable_grad(), precision:
            loss = module.learn(batch, place)
        if watch.first is None and not _is_finite(loss):
            watch.first = f"the loss itself: {_described(loss)}; the logits are finite"
        if watch.first is None:
            module.zero_grad()
            (loss * loss_scale).backward()
    return None if watch.first is None else Finding(watch.first, float(loss.detach()))


class _Watch:
    """Keeps the first thing seen that is not finite."""

    def __init__(self) -> None:
        self.first: str | None = None
        self.last_layer = "the batch's EEG"

    def see(self, what: str, tensors: Iterable[Tensor]) -> None:
        """Looks at tensors, unless something broke before."""
        if self.first is not None:
            return
        for tensor in tensors:
            if not _is_finite(tensor):
                self.first = f"{what}: {_described(tensor)}"
                return


@contextmanager
def _watching(module: DetectionModule) -> Iterator[_Watch]:
    """Hooks on every layer of the network, and on its weights' gradients, while the block runs."""
    watch = _Watch()
    with ExitStack() as hooks:

        def keep(handle: RemovableHandle) -> None:
            hooks.callback(handle.remove)

        for name, layer in module.network.named_modules():
            named = f"{name or 'the network'} ({type(layer).__name__})"
            keep(layer.register_forward_pre_hook(partial(_see_input, watch, named)))
            keep(layer.register_forward_hook(partial(_see_output, watch, named)))
        for name, parameter in module.network.named_parameters():
            if parameter.requires_grad:
                keep(parameter.register_hook(partial(_see_gradient, watch, f"of {name}")))
        yield watch


def _see_input(watch: _Watch, named: str, layer: nn.Module, inputs: Any) -> None:
    watch.see(f"what goes into {named}, made from {watch.last_layer}", _tensors(inputs))


def _see_output(watch: _Watch, named: str, layer: nn.Module, inputs: Any, output: Any) -> None:
    watch.see(f"the output of {named}, whose input is finite", _tensors(output))
    watch.last_layer = f"the finite output of {named}"
    for tensor in _tensors(output):
        if tensor.requires_grad:
            tensor.register_hook(partial(_see_gradient, watch, f"at the output of {named}"))


def _see_gradient(watch: _Watch, whose: str, gradient: Tensor) -> None:
    # A gradient comes from behind: what is named first is finite in everything that follows it.
    watch.see(f"the gradient {whose}, after a finite forward pass", [gradient])


def _tensors(value: Any) -> Iterator[Tensor]:
    """Floating-point tensors in what a layer takes or gives."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, dict):
        yield from _tensors(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _tensors(part)


def _is_finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor.detach()).all())


def _described(tensor: Tensor) -> str:
    """How much of a tensor is not finite, and in which number format."""
    values = tensor.detach()
    n_nan, n_inf = int(values.isnan().sum()), int(values.isinf().sum())
    found = " and ".join(f"{n} {name}" for n, name in ((n_nan, "NaN"), (n_inf, "inf")) if n)
    shape = "×".join(map(str, values.shape)) or "one"
    return f"{found} in {shape} values, {str(values.dtype).removeprefix('torch.')}"
