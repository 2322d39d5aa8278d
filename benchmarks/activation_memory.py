"""Claim: a `base` step that recomputes its Mamba-2 streams keeps a fifth for the backward pass.

python benchmarks/activation_memory.py [model] [windows] [32-true|bf16-mixed]

Also what each further window adds to the peak of a step: what a batch needs of a card.
"""

import os
import resource
import subprocess
import sys
import time
from contextlib import nullcontext

import torch

from seizure import build
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19
from seizure.nn.mamba_stack import recompute_streams


def measured(
    model: str, n_windows: int, precision: str, recomputes: bool
) -> tuple[float, float, float]:
    """MB kept for the backward pass, the process's peak MB, and processor seconds of a step."""
    config = load("train", TrainConfig, [f"model={model}"])
    torch.manual_seed(0)
    network = build.network(config.model, build.input_spec(config, CANONICAL_19))
    if recomputes:
        recompute_streams(network)
    eeg = torch.randn(n_windows, 19, 15360)
    own = {p.untyped_storage().data_ptr() for p in network.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    is_mixed = precision == "bf16-mixed"
    began = time.process_time()
    with (
        torch.autocast("cpu", dtype=torch.bfloat16) if is_mixed else nullcontext(),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        logits = network(eeg)
    n_bytes = sum(kept.values())
    logits.float().square().mean().backward()
    step_s = time.process_time() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return n_bytes / 1e6, peak_mb, step_s


def in_own_process(*arguments: str) -> list[float]:
    """What `measured` gives in a process of its own: the peak of one would hide another's."""
    # Freed memory goes back at once, so that the peak is of what is in use.
    at_once = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, **at_once}
    )
    return [float(value) for value in done.stdout.split()]


if __name__ == "__main__":
    model = sys.argv[1] if len(sys.argv) > 1 else "electrode_pico"
    n_windows = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    precision = sys.argv[3] if len(sys.argv) > 3 else "32-true"
    if len(sys.argv) > 4:
        print(*measured(model, n_windows, precision, sys.argv[4] == "recomputed"))
        sys.exit()
    rows = {}
    for way in ("kept", "recomputed"):
        _, one_mb, _ = in_own_process(model, "1", precision, way)
        kept_mb, peak_mb, step_s = in_own_process(model, str(n_windows), precision, way)
        more_mb = (peak_mb - one_mb) / max(1, n_windows - 1)
        rows[way] = (kept_mb, more_mb, step_s)
        print(
            f"{model}, {n_windows} windows, {precision}, {way}: {kept_mb:.0f} MB for the backward "
            f"pass, peak {peak_mb:.0f} MB, {more_mb:.0f} MB more for each window, {step_s:.1f} s"
        )
    ratios = [b / a for a, b in zip(rows["kept"], rows["recomputed"], strict=True)]
    print("recomputed / kept: {:.2f} kept, {:.2f} peak of a window, {:.2f} time".format(*ratios))
