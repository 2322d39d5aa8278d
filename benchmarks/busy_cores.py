"""Claim: beside another busy process a training step is not held up by threads that spin.

    python benchmarks/busy_cores.py [--rounds 5]

The default detector's forward and backward pass on as many threads as there are cores, once alone
and once beside one process that only counts: with libgomp's own setting, and with the one that
`import seizure` makes. Each is measured in a process of its own, in turn.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

STEP = """
import time, torch
from seizure import build
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19
from seizure.models.spec import InputSpec
config = load("train", TrainConfig, [])
network = build.network(config.model, InputSpec(CANONICAL_19, 256.0, 60.0)).train()
eeg = torch.randn(8, 19, 15360)
for step in range(4):
    started = time.perf_counter()
    network(eeg).square().mean().backward()
print(time.perf_counter() - started)
"""
# torch reads the setting when it is imported, so whoever comes first decides.
SETTINGS = {"libgomp's own": "", "seizure's": "import seizure"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    unset = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    taken: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.rounds):
        for beside in ("alone", "beside a busy process"):
            other = subprocess.Popen(
                [sys.executable, "-c", "while True: pass"], start_new_session=True
            )
            try:
                if beside == "alone":
                    other.kill()
                for setting, first in SETTINGS.items():
                    found = subprocess.run(
                        [sys.executable, "-c", first + STEP],
                        env=unset,
                        check=True,
                        capture_output=True,
                        text=True,
                    )
                    taken.setdefault((beside, setting), []).append(float(found.stdout))
            finally:
                other.kill()
                other.wait()
            time.sleep(1)
    for beside in ("alone", "beside a busy process"):
        times_s = {setting: statistics.median(taken[beside, setting]) for setting in SETTINGS}
        theirs, ours = times_s.values()
        print(f"{beside:22s} libgomp's own {theirs:.3f} s, seizure's {ours:.3f} s: ", end="")
        print(f"{theirs / ours:.1f} x")


if __name__ == "__main__":
    main()
