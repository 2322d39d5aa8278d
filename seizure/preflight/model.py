"""The network: which scans run, whether graphs go through at once, what a window takes."""

import time
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from seizure.models.spec import InputSpec
from seizure.nn.graph import SSGConv
from seizure.nn.mamba import Mamba2, ScanBackend
from seizure.preflight.check import Check

_GIB = 2**30
# AdamW: weight, gradient and two moments of each parameter, in float32.
_BYTES_PER_PARAMETER = 16
# Of a device's memory: the rest is for what a layer needs while it works.
_FILL = 0.8


@dataclass(frozen=True)
class NetworkFacts:
    """What building a network and one forward pass of one window have shown.

    `n_scans` counts its Mamba-2 layers. `operations` are those of the graph network for 2 and for
    8 graphs, None without one; `n_eigen` the eigendecompositions of a forward pass. `kept_bytes`
    is what a window keeps for the backward pass.
    """

    n_parameters: int
    n_scans: int
    convolution: str
    encoding: str
    operations: tuple[int, int] | None
    n_eigen: int
    kept_bytes: int
    forward_s: float


class _Operations(TorchDispatchMode):
    """Counts what PyTorch is asked to compute."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.counted[str(func)] += 1
        return func(*args, **(kwargs or {}))


def examine(
    network: nn.Module, inputs: InputSpec, context: AbstractContextManager, graph_settings: Any
) -> NetworkFacts:
    """Look at a network on the processor, in training, under the precision's `context`."""
    network.train()
    eeg = torch.randn(1, inputs.n_channels, inputs.n_samples)
    own = {p.untyped_storage().data_ptr() for p in network.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with context, _Operations() as counter:
        started_at = time.monotonic()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            result = network(eeg)
        forward_s = time.monotonic() - started_at
    del result
    convolutions = [m for m in network.modules() if "SSGConv" in type(m).__name__]
    return NetworkFacts(
        n_parameters=sum(p.numel() for p in network.parameters()),
        n_scans=sum(isinstance(m, Mamba2) for m in network.modules()),
        convolution=_convolution(convolutions),
        encoding=graph_settings.encoding if convolutions else "",
        operations=_graph_operations(network, inputs.n_channels) if convolutions else None,
        n_eigen=sum(n for name, n in counter.counted.items() if "eigh" in name),
        kept_bytes=sum(kept.values()),
        forward_s=forward_s,
    )


def check_scans(facts: NetworkFacts, chosen: ScanBackend, on_cuda: bool) -> Check:
    """Which backend the Mamba-2 layers run on, and why."""
    name = "Mamba-2 backend"
    if not facts.n_scans:
        return Check(name, "ok", "this model has no Mamba-2 layer")
    found = f"{facts.n_scans} scans by {chosen.name} ({chosen.reason})"
    if on_cuda and chosen.name == "torch":
        return Check(
            name,
            "warn",
            f"{found}: plain PyTorch on a CUDA device",
            "pip install 'seizure[cuda]' for its kernels; results are equal, only slower without",
        )
    return Check(name, "ok", found)


def check_graphs(facts: NetworkFacts) -> Check:
    """Whether all graphs of a batch go through together, by counting operations for 2 and for 8."""
    name = "graphs vectorised"
    if facts.operations is None:
        return Check(name, "ok", "this model has no graph network")
    two, eight = facts.operations
    found = f"{facts.convolution}; {two} operations for 2 graphs, {eight} for 8"
    if eight > two:
        return Check(
            name,
            "fail",
            f"{found}: somewhere a loop goes over graphs",
            "model.graph.backend=dense, and look for the loop in the graph network",
        )
    if facts.convolution != "dense":
        return Check(
            name,
            "warn",
            f"{found}: the reference, several times slower than dense products",
            "model.graph.backend=dense",
        )
    return Check(name, "ok", found)


def check_encoding(facts: NetworkFacts) -> Check:
    """Whether the positional encoding is computed once, by counting eigendecompositions."""
    name = "positional encoding"
    if facts.operations is None:
        return Check(name, "ok", "this model has none")
    if facts.n_eigen:
        return Check(
            name,
            "warn",
            f"{facts.encoding}: {facts.n_eigen} eigendecomposition calls in each forward pass",
            "model.graph.encoding=laplacian, computed once; or a larger model.graph.encoding_every",
        )
    once = "computed once, no eigendecomposition in a forward pass"
    walks = "products of the learned graphs, no eigendecomposition"
    return Check(
        name, "ok", f"{facts.encoding}: {once if facts.encoding == 'laplacian' else walks}"
    )


def check_batch(
    facts: NetworkFacts, batch_size: int, memory_gib: float, where: str, is_exact: bool
) -> Check:
    """Whether a training batch fits into `memory_gib` of the device.

    What one window keeps was seen on the processor: `is_exact` there; on a card, kernels that keep
    less may run, so that what does not fit is only a warning until a step has shown it.
    """
    name, needed_gib = "batch and memory", _batch_gib(facts, batch_size)
    found = (
        f"{batch_size} windows keep about {needed_gib:.2f} GiB "
        f"({facts.kept_bytes / _GIB:.3f} each) of {memory_gib:.1f} GiB of {where}"
    )
    if needed_gib <= _FILL * memory_gib:
        return Check(name, "ok", found)
    if not is_exact:
        found += "; so on a processor, in plain PyTorch: mamba-ssm's kernels keep less"
    too_much = is_exact and needed_gib > memory_gib
    fix = smaller_batch(facts, batch_size, memory_gib)
    return Check(name, "fail" if too_much else "warn", found, fix)


def smaller_batch(facts: NetworkFacts, batch_size: int, memory_gib: float) -> str:
    """The settings that learn from about as many windows a step in less memory."""
    free = _FILL * memory_gib - _batch_gib(facts, 0)
    fits = max(1, int(free / max(facts.kept_bytes / _GIB, 1e-9)))
    fits = min(fits, max(1, batch_size // 2))
    return f"loader.batch_size={fits} trainer.accumulate_grad_batches={-(-batch_size // fits)}"


def _batch_gib(facts: NetworkFacts, batch_size: int) -> float:
    fixed = facts.n_parameters * _BYTES_PER_PARAMETER
    return (fixed + batch_size * facts.kept_bytes) / _GIB


def _convolution(found: list[nn.Module]) -> str:
    if not found:
        return ""
    return "dense" if all(isinstance(m, SSGConv) for m in found) else "PyTorch Geometric"


def _graph_operations(network: nn.Module, n_channels: int) -> tuple[int, int]:
    """Operations of the graph network for 2 and for 8 graphs, two frames each."""
    graph = network.get_submodule("graph")
    first = next(m for m in graph.modules() if "Norm" in type(m).__name__)
    d_model = next(first.parameters()).numel()
    counts = []
    for n_graphs in (2, 8):
        nodes = torch.randn(d_model, n_channels, 1, 2 * n_graphs)
        edges = torch.rand(1, n_graphs, n_channels, n_channels)
        with torch.no_grad(), _Operations() as counter:
            graph(nodes, (edges + edges.mT) / 2)
        counts.append(sum(counter.counted.values()))
    return counts[0], counts[1]
