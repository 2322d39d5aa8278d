"""The network: scans, graphs, encoding and batch, by what a forward pass shows."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from seizure import build
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19
from seizure.nn.mamba import ScanBackend
from seizure.preflight.model import (
    NetworkFacts,
    check_batch,
    check_encoding,
    check_graphs,
    check_scans,
    examine,
)


def examined(*overrides: str, loop: bool = False) -> NetworkFacts:
    config = load(
        "train", TrainConfig, ["windows.window_s=20", "windows.scoring_stride_s=20", *overrides]
    )
    inputs = build.input_spec(config, CANONICAL_19)
    network = build.network(config.model, inputs)
    if loop:
        network.graph = OneAfterTheOther(network.get_submodule("graph"))
    return examine(network, inputs, nullcontext(), config.model.graph)


class OneAfterTheOther(nn.Module):
    """A graph network as it must not be: a Python loop over graphs."""

    def __init__(self, graph: nn.Module) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, nodes: Tensor, edges: Tensor, present: Tensor | None = None) -> Tensor:
        frames = nodes.unflatten(-1, (edges.shape[1], -1)).unbind(-2)
        each = [self.graph(n, edges[:, [i]], present) for i, n in enumerate(frames)]
        return torch.cat(each, dim=1)


FACTS = examined()


@pytest.mark.parametrize("size", ["pico", "electrode_pico"])
def test_both_detectors_are_vectorised_and_encode_once(size: str) -> None:
    facts = examined(f"model={size}")
    assert check_graphs(facts).status == check_encoding(facts).status == "ok"
    assert facts.n_scans > 0
    assert facts.n_parameters > 10_000


def test_a_loop_over_graphs_is_found() -> None:
    found = check_graphs(examined(loop=True))
    assert found.status == "fail"
    assert "loop" in found.found
    assert "model.graph.backend=dense" in found.fix


def test_the_slow_reference_is_named() -> None:
    found = check_graphs(examined("model.graph.backend=pyg"))
    assert found.status == "warn"
    assert "PyTorch Geometric" in found.found


def test_an_encoding_computed_in_every_pass_is_found() -> None:
    found = check_encoding(examined("model.graph.encoding=dynamic"))
    assert found.status == "warn"
    assert "model.graph.encoding=laplacian" in found.fix
    assert check_encoding(examined("model.graph.encoding=random_walk")).status == "ok"


def test_plain_scans_on_a_card_are_a_warning_with_the_reason() -> None:
    absent = ScanBackend("torch", "No module named 'mamba_ssm'")
    found = check_scans(FACTS, absent, on_cuda=True)
    assert found.status == "warn"
    assert "No module named" in found.found
    assert "seizure[cuda]" in found.fix
    assert check_scans(FACTS, absent, on_cuda=False).status == "ok"
    assert check_scans(FACTS, ScanBackend("mamba_ssm", "imports"), on_cuda=True).status == "ok"


def test_a_batch_beyond_memory_fails_with_one_that_learns_as_much() -> None:
    large = replace(FACTS, kept_bytes=2**30)
    assert check_batch(large, 48, 80, "A100", is_exact=True).status == "ok"
    found = check_batch(large, 48, 24, "A10", is_exact=True)
    assert found.status == "fail"
    assert "48 windows keep about 48" in found.found
    assert found.fix == "loader.batch_size=19 trainer.accumulate_grad_batches=3"
    assert check_batch(large, 48, 24, "A10", is_exact=False).status == "warn"


def test_what_a_window_keeps_is_what_the_backward_pass_needs() -> None:
    """Twice as long a window keeps about twice as much, and no weight counts."""
    longer = examined("windows.window_s=40")
    assert longer.kept_bytes == pytest.approx(2 * FACTS.kept_bytes, rel=0.1)
