"""What an epoch waited for, in words, with the setting that changes it."""

from dataclasses import dataclass
from typing import Literal

from seizure.windows.spec import CORES_PER_WORKER

Bottleneck = Literal["data", "transfer", "compute", "logging", "validation", "checkpoint"]

# Below these shares there is little to gain; above them the part is named.
# Parts of the training steps, as a share of these:
STEP_LIMIT = 0.15
# Parts beside the steps, as a share of the epoch; validation is there for a reason, so it may cost.
VALIDATION_LIMIT = 0.4
CHECKPOINT_LIMIT = 0.1
# What takes less than this of the epoch is not worth a word, whatever its share of the steps.
WORTH = 0.05
# One thread that computes keeps one core busy; with less than this of one it is held up.
STARVED_CORES = 0.6


@dataclass(frozen=True)
class EpochTimes:
    """Seconds of one epoch by what they went into; together they are the epoch.

    `logging_s` is what loggers, callbacks and progress bars take between two batches,
    `validation_wait_s` the part of a validation that waits for batches; `validation_s` is without.
    """

    wait_s: float = 0.0
    transfer_s: float = 0.0
    forward_s: float = 0.0
    backward_s: float = 0.0
    optimiser_s: float = 0.0
    logging_s: float = 0.0
    validation_s: float = 0.0
    validation_wait_s: float = 0.0
    checkpoint_s: float = 0.0

    @property
    def epoch_s(self) -> float:
        """The whole epoch."""
        return sum(vars(self).values())

    @property
    def compute_s(self) -> float:
        """What the device works on the network."""
        return self.forward_s + self.backward_s + self.optimiser_s

    @property
    def step_s(self) -> float:
        """The training steps, from waiting for a batch to logging it."""
        return self.wait_s + self.transfer_s + self.compute_s + self.logging_s

    @property
    def whole_validation_s(self) -> float:
        """Validation with its waits."""
        return self.validation_s + self.validation_wait_s


@dataclass(frozen=True)
class Circumstances:
    """What a run was given, and how much of it an epoch used.

    Workers are those of each of `n_processes`, `n_cores` those that these may use together, of
    which `busy_cores` were at work on average. `device_memory_share` is None without a GPU.
    """

    n_workers: int
    n_processes: int
    n_cores: int
    busy_cores: float
    device: str
    precision: str
    check_val_every_n_epoch: int
    log_every_n_steps: int
    device_memory_share: float | None = None


@dataclass(frozen=True)
class Verdict:
    """A part of an epoch that costs more than it should, and what to do about it."""

    bottleneck: Bottleneck
    cost_s: float
    sentence: str


def judge(times: EpochTimes, given: Circumstances) -> tuple[Verdict, ...]:
    """The bottlenecks of an epoch, the costliest first; compute alone where nothing else is one.

    >>> given = Circumstances(8, 1, 8, 7.5, "cuda", "bf16-mixed", 1, 10)
    >>> judge(EpochTimes(wait_s=62, forward_s=12, backward_s=26), given)[0].sentence
    'data-bound: 62 % of the step waits for batches; 8 workers on 8 cores, use 4 or 16 cores'
    """
    found = [
        verdict
        for part in (_data, _transfer, _logging, _validation, _checkpoint)
        if (verdict := part(times, given)) is not None and verdict.cost_s >= WORTH * times.epoch_s
    ]
    found.sort(key=lambda verdict: -verdict.cost_s)
    return tuple(found) or (_compute(times, given),)


def _data(times: EpochTimes, given: Circumstances) -> Verdict | None:
    share = times.wait_s / times.step_s if times.step_s else 0.0
    if share < STEP_LIMIT:
        return None
    sentence = f"data-bound: {_percent(share)} of the step waits for batches; {_feeding(given)}"
    return Verdict("data", times.wait_s, sentence)


def _transfer(times: EpochTimes, given: Circumstances) -> Verdict | None:
    share = times.transfer_s / times.step_s if times.step_s else 0.0
    if share < STEP_LIMIT:
        return None
    sentence = (
        f"transfer-bound: {_percent(share)} of the step moves batches to the device; set "
        f"loader.pin_memory=true"
    )
    return Verdict("transfer", times.transfer_s, sentence)


def _logging(times: EpochTimes, given: Circumstances) -> Verdict | None:
    share = times.logging_s / times.step_s if times.step_s else 0.0
    if share < STEP_LIMIT:
        return None
    sentence = (
        f"logging-bound: {_percent(share)} of the step goes to loggers and callbacks; raise "
        f"trainer.log_every_n_steps (now {given.log_every_n_steps}), or log to a local disk"
    )
    return Verdict("logging", times.logging_s, sentence)


def _validation(times: EpochTimes, given: Circumstances) -> Verdict | None:
    share = times.whole_validation_s / times.epoch_s if times.epoch_s else 0.0
    if share < VALIDATION_LIMIT:
        return None
    waiting = times.validation_wait_s / times.whole_validation_s
    first = f"validation is {_percent(share)} of the epoch"
    less = (
        f"raise trainer.check_val_every_n_epoch (now {given.check_val_every_n_epoch}) or limit "
        f"trainer.limit_val_batches"
    )
    if waiting >= STEP_LIMIT:
        why = f"{_percent(waiting)} of it waits for batches; {_feeding(given)}"
        sentence = f"{first}, and {why}; or {less}"
    else:
        sentence = f"{first}: {less}"
    return Verdict("validation", times.whole_validation_s, sentence)


def _checkpoint(times: EpochTimes, given: Circumstances) -> Verdict | None:
    share = times.checkpoint_s / times.epoch_s if times.epoch_s else 0.0
    if share < CHECKPOINT_LIMIT:
        return None
    sentence = (
        f"checkpoint-bound: {_percent(share)} of the epoch writes checkpoints; raise "
        f"callbacks.checkpoint_every_min, or put paths.runs on a local disk"
    )
    return Verdict("checkpoint", times.checkpoint_s, sentence)


def _compute(times: EpochTimes, given: Circumstances) -> Verdict:
    share = times.compute_s / times.step_s if times.step_s else 0.0
    sentence = f"compute-bound: {_percent(share)} of the step computes; {_computing(given)}"
    return Verdict("compute", times.compute_s, sentence)


def _feeding(given: Circumstances) -> str:
    """How batches would come faster."""
    n_workers, n_cores = given.n_workers * given.n_processes, given.n_cores
    n_fed = n_cores // CORES_PER_WORKER
    if n_workers == 0:
        if n_fed < given.n_processes:
            return f"no workers and {n_cores} core: give it {2 * CORES_PER_WORKER} cores"
        return f"no workers on {n_cores} cores, set loader.num_workers={n_fed // given.n_processes}"
    found = f"{n_workers} workers on {n_cores} cores"
    if n_workers > n_cores / CORES_PER_WORKER:
        fewer = f"{n_fed} or " if n_fed >= given.n_processes else ""
        return f"{found}, use {fewer}{CORES_PER_WORKER * n_workers} cores"
    if given.busy_cores > 0.9 * n_cores:
        return f"{found}, all of them busy: use more cores"
    if n_workers < n_fed:
        return f"{found}, use {n_fed}"
    return (
        f"{found}, {given.busy_cores:.1f} of them busy, so reading waits for storage: keep the "
        f"cache on a local disk, or raise loader.prefetch_factor"
    )


def _computing(given: Circumstances) -> str:
    """How the network would run faster."""
    if given.device == "cpu" and given.busy_cores < STARVED_CORES:
        return (
            f"but this run got only {given.busy_cores:.1f} of a core: something else, or a "
            f"container's quota, holds the {given.n_cores} there are"
        )
    if given.device == "cpu":
        return "the processor is the limit: a GPU (+hw=…) or a smaller model would be faster"
    if given.precision == "32-true":
        return "set trainer.precision=bf16-mixed, or 16-mixed where the card has no bf16"
    memory = given.device_memory_share
    if memory is not None and memory < 0.5:
        return f"{_percent(memory)} of the card's memory is in use: raise loader.batch_size"
    return "the card is at work, as it should be"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
