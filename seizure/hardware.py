"""Machines to train on: what a profile asks for, whether it can work, and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import yaml

from seizure.windows.spec import CORES_PER_WORKER, Loading

# Modal's names, and how many of a card one container can hold.
# Source: https://modal.com/docs/guide/gpu.
CARDS = {
    "T4": 8, "L4": 8, "A10": 4, "L40S": 8, "A100-40GB": 8, "A100-80GB": 8, "H100": 8, "H200": 8,
    "B200": 8,
}  # fmt: skip
# Memory of each, and of the desk's card. Source: NVIDIA's data sheets.
CARD_MEMORY_GIB = {
    "T4": 16, "L4": 24, "A10": 24, "L40S": 48, "A100-40GB": 40, "A100-80GB": 80, "H100": 80,
    "H200": 141, "B200": 180, "RTX4090": 24,
}  # fmt: skip
LONGEST_ATTEMPT_H = 24.0
# How many hosts the launcher asks for where a run takes more than one.
HOSTS_TOGETHER = 2
# A process that has imported the loader takes 0.4 GiB, measured with torch 2.13 on Linux.
_PROCESS_GIB = 0.5
# Network, optimiser, tracks of the split being scored, and the CUDA context on the host's side.
_TRAINER_GIB = 4.0


class HardwareError(ValueError):
    """A machine that is not known or cannot do what is asked; the message says what would."""


@dataclass(frozen=True)
class Hardware:
    """The machine a profile is for: the cloud launcher, the doctor and the run's records read it.

    `cores` and `memory_gib` are reserved, up to the limits they may be used and are then paid for.
    A run takes up to `attempts` sittings of at most `timeout_h` hours, on `hosts` of them at once.
    `price_h` is what an hour costs where somebody has said so; None takes it from a list of prices.
    """

    name: str = "unspecified"
    gpu: str | None = None
    cores: int | None = None
    cores_limit: int | None = None
    memory_gib: int | None = None
    memory_limit_gib: int | None = None
    timeout_h: float | None = None
    attempts: int | None = None
    hosts: int = 1
    price_h: float | None = None

    @property
    def n_gpus(self) -> int:
        """Cards in one host.

        >>> Hardware(gpu="A100-80GB:8").n_gpus
        8
        """
        return card_and_count(self.gpu)[1] if self.gpu else 0

    @property
    def longest_h(self) -> float:
        """Hours after which the last attempt is over."""
        return (self.timeout_h or 0.0) * (self.attempts or 1)


@dataclass(frozen=True)
class Profile:
    """One file of `conf/hw`: the machine, and what trainer and loader take from it."""

    hardware: Hardware
    trainer: Mapping[str, Any]
    loader: Mapping[str, Any]


@dataclass(frozen=True)
class Prices:
    """What an hour costs, as of a day and a source."""

    read_on: str
    source: str
    currency: str
    core_h: float
    memory_gib_h: float
    gpu_h: Mapping[str, float]


def read_profile(folder: Path, name: str) -> Profile:
    """A profile of `conf/hw`. Raises `HardwareError` naming the profiles there are."""
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
        raise HardwareError(f"no hardware profile {name!r} in {folder}; there are {known}")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Profile(Hardware(**content["hw"]), content.get("trainer", {}), content.get("loader", {}))


def read_prices(path: Path) -> Prices:
    """A list of prices, `conf/prices.yaml` or one in its form. Raises `HardwareError`."""
    if not path.is_file():
        raise HardwareError(f"prices: no file {path}; copy conf/prices.yaml and edit it")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return Prices(**{**content, "read_on": str(content["read_on"])})
    except (TypeError, KeyError) as error:
        raise HardwareError(
            f"prices: {path} is not in the form of conf/prices.yaml ({error})"
        ) from error


def card_and_count(gpu: str) -> tuple[str, int]:
    """The card's name and how many of it; `A100-80GB:8` is eight.

    Raises `HardwareError` for a count that is not a whole number.
    """
    card, _, count = gpu.partition(":")
    if count and not (count.isdecimal() and int(count) > 0):
        raise HardwareError(
            f"hw.gpu={gpu}: {count!r} is no number of cards; write {card}:2 for two"
        )
    return card, int(count or 1)


def card_memory_gib(gpu: str | None) -> float | None:
    """Memory of one card of a profile; None for none, or one that is not known.

    >>> card_memory_gib("A100-80GB:8"), card_memory_gib(None)
    (80, None)
    """
    return CARD_MEMORY_GIB.get(card_and_count(gpu)[0]) if gpu else None


def price_h(hardware: Hardware, prices: Prices, at_limits: bool = False) -> float:
    """What an hour costs as reserved, or `at_limits` of cores and memory.

    Raises `HardwareError` for a card that has no price.
    """
    if hardware.price_h is not None:
        return hardware.price_h
    cores = (hardware.cores_limit if at_limits else None) or hardware.cores or 0
    memory_gib = (hardware.memory_limit_gib if at_limits else None) or hardware.memory_gib or 0
    gpu_h = 0.0
    if hardware.gpu:
        card, count = card_and_count(hardware.gpu)
        if card not in prices.gpu_h:
            raise HardwareError(
                f"no price for {card} in the list of {prices.read_on}, which has "
                f"{', '.join(prices.gpu_h)}; take one of them, or add +hw.price_h=… an hour"
            )
        gpu_h = prices.gpu_h[card] * count
    return hardware.hosts * (gpu_h + cores * prices.core_h + memory_gib * prices.memory_gib_h)


def worst_case(hardware: Hardware, prices: Prices) -> float:
    """The price of every attempt running to its end at the limits of cores and memory."""
    return price_h(hardware, prices, at_limits=True) * hardware.longest_h


def describe(hardware: Hardware, prices: Prices) -> tuple[str, ...]:
    """What is about to be rented and what it may cost, in plain lines."""
    usual, most = price_h(hardware, prices), price_h(hardware, prices, at_limits=True)
    hosts = f"{hardware.hosts} hosts, each " if hardware.hosts > 1 else ""
    attempts = "1 attempt" if hardware.attempts == 1 else f"{hardware.attempts} attempts"
    return (
        f"machine {hardware.name}: {hosts}{hardware.gpu or 'no GPU'}, {hardware.cores} cores "
        f"(at most {hardware.cores_limit}), {hardware.memory_gib} GiB "
        f"(at most {hardware.memory_limit_gib})",
        f"price {usual:.2f} {prices.currency} an hour as reserved, {most:.2f} at the limits "
        f"(list of {prices.read_on})",
        f"at most {attempts} of {hardware.timeout_h:g} h; worst case "
        f"{worst_case(hardware, prices):.2f} {prices.currency}, without storage and network",
    )


def machine_faults(hardware: Hardware) -> tuple[str, ...]:
    """Why a machine cannot be rented as asked, a sentence with its fix each.

    Raises `HardwareError` for one that says too little to be rented or priced at all.
    """
    if None in (
        hardware.cores,
        hardware.cores_limit,
        hardware.memory_gib,
        hardware.memory_limit_gib,
        hardware.timeout_h,
        hardware.attempts,
    ):
        raise HardwareError(
            f"profile {hardware.name} describes a machine at hand, not one to rent: cores, memory, "
            f"time or attempts are missing; take one that has them, such as a100"
        )
    faults = []
    if hardware.gpu is not None:
        card, count = card_and_count(hardware.gpu)
        if card not in CARDS:
            faults.append(f"hw.gpu={card} is not a card of Modal; take one of {', '.join(CARDS)}")
        elif count > CARDS[card]:
            faults.append(
                f"hw.gpu={hardware.gpu}: one container holds at most {CARDS[card]} {card}; "
                f"ask for {card}:{CARDS[card]}"
            )
    if hardware.timeout_h is not None and not 0 < hardware.timeout_h <= LONGEST_ATTEMPT_H:
        faults.append(
            f"hw.timeout_h={hardware.timeout_h:g}: an attempt may last at most "
            f"{LONGEST_ATTEMPT_H:g} h; set that and raise hw.attempts"
        )
    if hardware.attempts is not None and hardware.attempts < 1:
        faults.append(f"hw.attempts={hardware.attempts}: at least one attempt is needed; set 1")
    for what, reserved, limit in (
        ("cores", hardware.cores, hardware.cores_limit),
        ("memory", hardware.memory_gib, hardware.memory_limit_gib),
    ):
        if reserved is not None and limit is not None and limit < reserved:
            faults.append(
                f"the limit of {what}, {limit}, is below the {reserved} reserved; raise the limit"
            )
    return tuple(faults)


def training_faults(
    hardware: Hardware, loading: Loading, n_devices: int, window_bytes: int
) -> tuple[str, ...]:
    """Why training would starve, run out of memory or leave cards idle on this machine.

    `n_devices` is the number of training processes, `window_bytes` the size of a stored window.
    """
    faults = []
    n_workers = loading.num_workers * n_devices
    cores, memory_gib = hardware.cores or 0, hardware.memory_gib or 0
    if cores < CORES_PER_WORKER * n_workers:
        faults.append(
            f"{n_workers} loader workers on {cores} cores starve the card: give "
            f"{CORES_PER_WORKER} cores a worker, hw.cores={CORES_PER_WORKER * n_workers}, or "
            f"loader.num_workers={cores // CORES_PER_WORKER // n_devices}"
        )
    needed_gib = memory_needed_gib(loading, n_devices, window_bytes)
    if memory_gib < needed_gib:
        faults.append(
            f"training and validation need about {needed_gib:.0f} GiB and {memory_gib} are "
            f"reserved; set hw.memory_gib={int(needed_gib) + 1} or fewer loader.num_workers"
        )
    if hardware.n_gpus and n_devices != hardware.n_gpus:
        faults.append(
            f"{hardware.gpu} has {hardware.n_gpus} cards and trainer.devices is {n_devices}; "
            f"set trainer.devices={hardware.n_gpus} or another hw.gpu"
        )
    return tuple(faults)


def host_faults(hardware: Hardware, n_nodes: int) -> tuple[str, ...]:
    """Why the hosts of a run would not find each other, or have none to find."""
    if n_nodes != hardware.hosts:
        return (
            f"found hw.hosts={hardware.hosts} and trainer.num_nodes={n_nodes}: some would be "
            f"waited for in vain; set trainer.num_nodes={hardware.hosts}",
        )
    if hardware.hosts not in (1, HOSTS_TOGETHER):
        return (
            f"hw.hosts={hardware.hosts}: the launcher rents 1 or {HOSTS_TOGETHER} together; take "
            f"one of these, or change HOSTS_TOGETHER in seizure/hardware.py",
        )
    if hardware.hosts > 1 and hardware.n_gpus != CARDS.get(card_and_count(hardware.gpu or "")[0]):
        return (
            f"hw.gpu={hardware.gpu}: several hosts are rented whole; take all cards of each, such "
            "as H100:8",
        )
    return ()


def memory_needed_gib(loading: Loading, n_devices: int, window_bytes: int) -> float:
    """Memory for training with validation: both keep their workers and prefetched batches alive.

    >>> round(memory_needed_gib(Loading(48, 48, num_workers=8), 1, 583_680), 1)
    12.8
    """
    batch_gib = loading.scoring_batch_size * window_bytes / 2**30
    worker_gib = _PROCESS_GIB + loading.prefetch_factor * batch_gib
    return n_devices * (_TRAINER_GIB + 2 * loading.num_workers * worker_gib)


def storage_faults(
    cache: PurePath, runs: PurePath, results: PurePath, bucket: PurePath
) -> tuple[str, ...]:
    """Why files would be read slowly or be lost.

    `results` is the Volume that lasts, `bucket` the read-only mount of raw recordings.
    """
    faults = []
    if cache.is_relative_to(bucket):
        faults.append(
            f"paths.cache={cache} is on the bucket: reading windows through it is slow and it "
            f"cannot be written; leave it at {results / 'cache'}"
        )
    if not runs.is_relative_to(results):
        faults.append(
            f"paths.runs={runs} is lost when the container ends; leave it at {results / 'runs'}"
        )
    return tuple(faults)
