"""What a run uses of its machine: cores, memory of itself and its workers, memory of the device."""

import multiprocessing
import time
from dataclasses import dataclass

import joblib
import psutil
import torch

_GIB = 2**30
_LISTED = 16


@dataclass(frozen=True)
class Usage:
    """Means since the last look; memory as it is now, the device's at its most since then.

    `core_shares` is how busy each core is that this process may use, whoever uses it; `busy_cores`
    is what this process and its workers used, of `n_cores` (fewer than those where a container has
    a quota). Memory is a process's own, without what it shares: the mapped cache belongs to all.
    `device_gib` and `device_total_gib` are None without a GPU.
    """

    n_cores: int
    busy_cores: float
    core_shares: tuple[float, ...]
    memory_gib: float
    worker_gib: tuple[float, ...] = ()
    device_gib: float | None = None
    device_total_gib: float | None = None

    @property
    def device_share(self) -> float | None:
        """Share of the device's memory that was in use; None without a GPU."""
        if self.device_gib is None or not self.device_total_gib:
            return None
        return self.device_gib / self.device_total_gib

    def in_words(self) -> str:
        """Cores and memory in a few words; more than sixteen cores are told by their extremes.

        >>> Usage(2, 1.25, (0.4, 0.98), 0.81, (0.31, 0.25)).in_words()
        '1.2 of 2 cores (each: 98 40 %), 0.8 GiB, 2 workers of up to 0.3 GiB'
        """
        each = [f"{100 * share:.0f}" for share in sorted(self.core_shares, reverse=True)]
        if len(each) > _LISTED:
            each = [*each[:4], "…", *each[-4:]]
        words = [
            f"{self.busy_cores:.1f} of {self.n_cores} cores (each: {' '.join(each)} %)",
            f"{self.memory_gib:.1f} GiB",
        ]
        if self.worker_gib:
            words.append(f"{len(self.worker_gib)} workers of up to {max(self.worker_gib):.1f} GiB")
        if self.device_gib is not None:
            words.append(f"device {self.device_gib:.1f} of {self.device_total_gib:.0f} GiB")
        return ", ".join(words)


class UsageMeter:
    """Looks at this process and its children; a look takes milliseconds."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.process = psutil.Process()
        self._looked_at = 0.0
        self._worked_s = 0.0
        self.look()

    def look(self) -> Usage:
        """What was used since the last look."""
        children = self.process.children(recursive=True)
        now, worked_s = time.monotonic(), _worked_s(self.process, children)
        busy = (worked_s - self._worked_s) / (now - self._looked_at)
        self._looked_at, self._worked_s = now, worked_s
        device_gib, device_total_gib = self._device_gib()
        return Usage(
            n_cores=joblib.cpu_count(),
            busy_cores=busy,
            core_shares=self._core_shares(),
            memory_gib=_own_gib(self.process),
            worker_gib=tuple(_own_gib(child) for child in children if child.pid in _workers()),
            device_gib=device_gib,
            device_total_gib=device_total_gib,
        )

    def _core_shares(self) -> tuple[float, ...]:
        percents = psutil.cpu_percent(percpu=True)
        # macOS does not say which cores a process may use.
        allowed = getattr(self.process, "cpu_affinity", lambda: range(len(percents)))()
        return tuple(percents[core] / 100 for core in allowed if core < len(percents))

    def _device_gib(self) -> tuple[float | None, float | None]:
        if self.device.type != "cuda":
            return None, None
        most = torch.cuda.max_memory_allocated(self.device) / _GIB
        torch.cuda.reset_peak_memory_stats(self.device)
        total = torch.cuda.get_device_properties(self.device).total_memory / _GIB
        return most, total


def _workers() -> set[int]:
    """The loaders' workers among this process's children; joblib's have a class of their own."""
    return {
        child.pid
        for child in multiprocessing.active_children()
        if child.pid and type(child).__module__.startswith("multiprocessing")
    }


def _worked_s(process: psutil.Process, children: list[psutil.Process]) -> float:
    """Processor time of a process and its children, ended ones among them."""
    own = process.cpu_times()
    total = own.user + own.system
    total += getattr(own, "children_user", 0.0) + getattr(own, "children_system", 0.0)
    for child in children:
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue  # ended since it was listed
        total += times.user + times.system
    return total


def _own_gib(process: psutil.Process) -> float:
    """Memory that belongs to a process alone; 0 once it has ended."""
    try:
        memory = process.memory_info()
    except psutil.NoSuchProcess:
        return 0.0
    # Linux says what is shared: mapped files and tensors on their way from a worker.
    return (memory.rss - getattr(memory, "shared", 0)) / _GIB
