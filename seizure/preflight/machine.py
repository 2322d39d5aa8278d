"""The machine: device, cores and memory, held against what a training run asks of them."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import joblib
import psutil
import torch

from seizure.hardware import Hardware, memory_needed_gib
from seizure.preflight.check import Check
from seizure.windows.spec import CORES_PER_WORKER, Loading

CORES = "cores and workers"

_GIB = 2**30
_CUDA_TORCH = "install a torch built for CUDA, https://pytorch.org/get-started/locally"
_SHARED = Path("/dev/shm")
# What a container may use, of both generations of cgroups.
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Card:
    """A CUDA device: what it calls itself, its memory, and its compute capability."""

    name: str
    memory_gib: float
    capability: tuple[int, int]


@dataclass(frozen=True)
class Machine:
    """What is there. Cores and memory are those that this process may use.

    `shared_free_gib` is what workers can hand batches over in, None where nothing limits it;
    `has_nvidia_driver` tells of a card that the system knows, whether torch does or not.
    """

    n_cores: int
    memory_gib: float
    memory_free_gib: float
    shared_free_gib: float | None
    cards: tuple[Card, ...]
    has_mps: bool
    has_nvidia_driver: bool
    torch_version: str

    def resolve(self, accelerator: str) -> str:
        """The kind of device that `accelerator` means here: cuda, mps or cpu."""
        if accelerator != "auto":
            return "cuda" if accelerator == "gpu" else accelerator
        return "cuda" if self.cards else "mps" if self.has_mps else "cpu"

    def n_processes(self, accelerator: str, devices: int | str) -> int:
        """How many training processes this machine gets, one a device."""
        if isinstance(devices, str) and "," in devices:
            return len([d for d in devices.split(",") if d.strip()])
        wanted = -1 if devices == "auto" else int(devices)
        if wanted > 0:
            return wanted
        return len(self.cards) if self.resolve(accelerator) == "cuda" else 1


def this_machine() -> Machine:
    """The machine that this process runs on."""
    memory = psutil.virtual_memory()
    limit = min([_limit_bytes(Path(path)) for path in _LIMITS] + [memory.total])
    cards = tuple(
        Card(p.name, p.total_memory / _GIB, (p.major, p.minor))
        for p in map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    )
    return Machine(
        n_cores=joblib.cpu_count(),
        memory_gib=limit / _GIB,
        memory_free_gib=min(memory.available, limit) / _GIB,
        shared_free_gib=shutil.disk_usage(_SHARED).free / _GIB if _SHARED.is_dir() else None,
        cards=cards,
        has_mps=torch.backends.mps.is_available(),
        has_nvidia_driver=Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None,
        torch_version=torch.__version__,
    )


def check_device(
    machine: Machine, accelerator: str, devices: int | str, hardware: Hardware
) -> Check:
    """Whether the device that is asked for is there, and is the one the profile is for."""
    kind, name = machine.resolve(accelerator), "device"
    if kind == "cuda" and not machine.cards:
        torch_lacks_it = machine.has_nvidia_driver
        return Check(
            name,
            "fail",
            f"accelerator={accelerator}, and torch {machine.torch_version} sees no CUDA device"
            + (", though there is a driver for one" if torch_lacks_it else ""),
            _CUDA_TORCH
            if torch_lacks_it
            else "trainer.accelerator=auto takes what is there, or go to the machine of the "
            "profile",
        )
    if kind == "mps" and not machine.has_mps:
        return Check(
            name, "fail", "accelerator=mps, and there is no Apple GPU", "trainer.accelerator=auto"
        )
    if kind != "cuda":
        if machine.has_nvidia_driver and not machine.cards:
            return Check(
                name,
                "warn",
                f"{kind}, though this machine has an NVIDIA driver: torch {machine.torch_version} "
                "sees no card",
                f"{_CUDA_TORCH}, or set trainer.accelerator=cpu",
            )
        return Check(name, "ok", f"{kind}, {machine.n_cores} cores, torch {machine.torch_version}")
    n_wanted, first = machine.n_processes(accelerator, devices), machine.cards[0]
    if n_wanted > len(machine.cards):
        return Check(
            name,
            "fail",
            f"trainer.devices={devices} and {len(machine.cards)} cards are there ({first.name})",
            f"trainer.devices={len(machine.cards)}",
        )
    found = f"{n_wanted} of {len(machine.cards)} × {first.name}, {first.memory_gib:.0f} GiB each"
    profile_card = (hardware.gpu or "").partition(":")[0]
    if profile_card and not is_card(profile_card, first.name):
        return Check(
            name,
            "warn",
            f"{found}; +hw={hardware.name} is for {profile_card}",
            "take the profile of this card, or a copy of it with batch size and precision for it",
        )
    return Check(name, "ok", found)


def is_card(profile_card: str, device_name: str) -> bool:
    """Whether a device's own name is that of a profile's card, part by part.

    >>> is_card("A100-80GB", "NVIDIA A100-SXM4-80GB"), is_card("A100-80GB", "NVIDIA A100-PCIE-40GB")
    (True, False)
    """
    spoken = re.sub(r"\W", "", device_name).upper()
    return all(part.upper() in spoken for part in profile_card.split("-"))


def check_cores(machine: Machine, loading: Loading, n_processes: int, on_cuda: bool) -> Check:
    """Whether the loader's workers have the cores they need."""
    name, n_cores = CORES, machine.n_cores
    if loading.too_many_workers(n_processes, n_cores) is not None:
        n_workers = n_processes * loading.num_workers
        n_fed = n_cores // CORES_PER_WORKER // n_processes
        more = CORES_PER_WORKER * n_workers
        return Check(
            name,
            "fail",
            f"{n_workers} loader workers on {n_cores} cores, which feed "
            f"{n_cores // CORES_PER_WORKER}: they starve each other and the device",
            f"loader.num_workers={n_fed}, or {more} cores (hw.cores={more} where they are rented)",
        )
    if on_cuda and loading.num_workers == 0:
        n_fed = max(1, min(8, n_cores // CORES_PER_WORKER // n_processes))
        return Check(
            name,
            "warn",
            f"no loader worker on {n_cores} cores: the card waits while batches are cut",
            f"loader.num_workers={n_fed} loader.pin_memory=true",
        )
    workers = f"{loading.num_workers} workers" if loading.num_workers else "no worker needed"
    each = f" for each of {n_processes} processes" if n_processes > 1 else ""
    return Check(name, "ok", f"{n_cores} cores, {workers}{each}")


def check_memory(
    machine: Machine, loading: Loading, n_processes: int, window_bytes: int, cache_bytes: int
) -> Check:
    """Whether trainer, workers and, in the page cache, the prepared recordings fit into memory.

    `cache_bytes` is what an epoch with its validation reads.
    """
    name = "memory"
    needed_gib = memory_needed_gib(loading, n_processes, window_bytes)
    cache_gib, total_gib = cache_bytes / _GIB, machine.memory_gib
    needs = f"training and validation need about {needed_gib:.1f} GiB"
    fewer = "fewer loader.num_workers or loader.prefetch_factor"
    if needed_gib > total_gib:
        return Check(
            name,
            "fail",
            f"{needs}, of {total_gib:.1f} GiB in all",
            f"{fewer}, or hw.memory_gib={int(needed_gib) + 1} where it is rented",
        )
    if needed_gib > machine.memory_free_gib:
        return Check(
            name,
            "warn",
            f"{needs}; {machine.memory_free_gib:.1f} of {total_gib:.1f} GiB are free",
            f"end other programs, or {fewer}",
        )
    if cache_gib > total_gib - needed_gib:
        return Check(
            name,
            "warn",
            f"{needs}; train and dev are {cache_gib:.1f} GiB on disk and "
            f"{total_gib - needed_gib:.1f} GiB remain to keep them in memory: every epoch reads "
            "from the disk again",
            f"keep the cache on a fast local disk, or {int(needed_gib + cache_gib) + 1} GiB of "
            "memory",
        )
    kept = f", {cache_gib:.1f} GiB more keep train and dev in memory" if cache_bytes else ""
    free = f"{machine.memory_free_gib:.1f} of {total_gib:.1f} GiB are free"
    return Check(name, "ok", f"{needs}{kept}; {free}")


def check_shared_memory(
    machine: Machine, loading: Loading, n_processes: int, window_bytes: int
) -> Check:
    """Whether batches that workers have ready fit where they hand them over."""
    name = "shared memory"
    if loading.num_workers == 0 or machine.shared_free_gib is None:
        return Check(name, "ok", "not used: batches are made in the training process")
    # Training's and validation's workers are alive together.
    n_batches = 2 * n_processes * loading.num_workers * loading.prefetch_factor
    windows = max(loading.batch_size, loading.scoring_batch_size)
    needed_gib = n_batches * windows * window_bytes / _GIB
    found = f"{n_batches} batches ahead take {needed_gib:.2f} GiB of {_SHARED}, "
    found += f"{machine.shared_free_gib:.2f} GiB are free"
    if needed_gib > machine.shared_free_gib:
        return Check(
            name,
            "fail",
            f"{found}: workers would die of a bus error",
            f"docker run --shm-size={int(needed_gib) + 1}g, or fewer loader.num_workers or "
            "loader.prefetch_factor",
        )
    return Check(name, "ok", found)


def _limit_bytes(path: Path) -> int:
    """A cgroup's limit; larger than any memory where there is none."""
    text = path.read_text().strip() if path.is_file() else ""
    return int(text) if text.isdecimal() else 2**63
