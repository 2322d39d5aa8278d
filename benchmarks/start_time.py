"""How long a run takes to its first training batch, and what the time to import goes into.

    python benchmarks/start_time.py [key=value …]

Takes what `seizure.train` takes; the cache should be there already. Each round starts two fresh
processes: one that imports Lightning alone, which no package on it can save, and one that is
`python -m seizure.train` until its first training batch has been loaded.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROUNDS = 5
LIGHTNING = "import os; import lightning.pytorch; print(*os.times()[:2])"


def child(arguments: list[str]) -> None:
    """Be `seizure.train`, and end at the first training batch with the processor time so far."""
    from seizure import train
    from seizure.cli.command import run
    from seizure.learning.module import DetectionModule

    def first_batch(module: DetectionModule, batch: Any, batch_idx: int) -> None:
        print(*os.times()[:2], flush=True)
        os._exit(0)

    DetectionModule.training_step = first_batch  # pyright: ignore[reportAttributeAccessIssue]
    run(train.VERB, arguments)


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds by the clock and of processor time, as the process itself prints it at its end."""
    started_at = time.monotonic()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    elapsed_s = time.monotonic() - started_at
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    user_s, system_s = map(float, done.stdout.splitlines()[-1].split())
    return elapsed_s, user_s + system_s


def by_package() -> Counter[str]:
    """Seconds of importing `seizure.train` by the package whose code ran."""
    command = [sys.executable, "-X", "importtime", "-c", "import seizure.train"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    spent: Counter[str] = Counter()
    for self_us, name in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", done.stderr):
        spent[name.partition(".")[0]] += int(self_us) / 1e6  # pyright: ignore[reportArgumentType]
    return spent


def main() -> None:
    """Print the medians of all rounds and their ratio."""
    runs = Path(tempfile.mkdtemp())
    ours, floor = [], []
    for number in range(ROUNDS):
        arguments = [*sys.argv[1:], f"paths.runs={runs}", f"run=start{number}"]
        floor.append(timed(["-c", LIGHTNING]))
        ours.append(timed([__file__, "--child", *arguments]))
    for name, times in (("Lightning alone", floor), ("to the first batch", ours)):
        elapsed_s, busy_s = map(statistics.median, zip(*times, strict=True))
        print(f"{name}: {elapsed_s:.2f} s by the clock, {busy_s:.2f} s of processor time")
    ratio = statistics.median(o[1] / f[1] for o, f in zip(ours, floor, strict=True))
    print(f"processor time to the first batch: {ratio:.2f} times that of Lightning alone")
    spent = by_package()
    listed = ", ".join(f"{name} {seconds:.2f}" for name, seconds in spent.most_common(10))
    print(f"imports, s (with the cost of timing them): {listed}; seizure {spent['seizure']:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2:])
    else:
        main()
