"""Claim: a `base` step that recomputes its Mamba-2 streams keeps a fifth for the backward pass.

python benchmarks/activation_memory.py [model] [batch]
"""

import resource
import statistics
import subprocess
import sys
import time

import torch

from seizure import build
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19
from seizure.nn.mamba_stack import recompute_streams


def measured(model: str, n_windows: int, recomputes: bool) -> tuple[float, float, float]:
    """MB kept for the backward pass, the process's peak MB, and the median seconds of a step."""
    config = load("train", TrainConfig, [f"model={model}"])
    torch.manual_seed(0)
    network = build.network(config.model, build.input_spec(config, CANONICAL_19))
    if recomputes:
        recompute_streams(network)
    eeg = torch.randn(n_windows, 19, 15360)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = network(eeg)
    n_bytes = sum(kept.values())
    logits.square().mean().backward()
    times_s = []
    for _ in range(5):
        began = time.perf_counter()
        network(eeg).square().mean().backward()
        times_s.append(time.perf_counter() - began)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return n_bytes / 1e6, peak_mb, statistics.median(times_s)


if __name__ == "__main__":
    model = sys.argv[1] if len(sys.argv) > 1 else "electrode_pico"
    n_windows = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    if len(sys.argv) > 3:
        print(*measured(model, n_windows, sys.argv[3] == "recomputed"))
        sys.exit()
    rows = {}
    for way in ("kept", "recomputed"):
        # A process each: the peak of the one would hide that of the other.
        command = [sys.executable, __file__, model, str(n_windows), way]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows[way] = [float(value) for value in said.split()]
        kept_mb, peak_mb, step_s = rows[way]
        print(
            f"{model}, {n_windows} windows, {way}: {kept_mb:.0f} MB for the backward pass, ", end=""
        )
        print(f"peak {peak_mb:.0f} MB, {step_s:.2f} s a step")
    ratios = [b / a for a, b in zip(rows["kept"], rows["recomputed"], strict=True)]
    print(f"recomputed / kept: {ratios[0]:.2f} kept, {ratios[1]:.2f} peak, {ratios[2]:.2f} time")
