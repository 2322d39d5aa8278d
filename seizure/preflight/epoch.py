"""An epoch with its validation: how long it takes by the times of one step, and what it costs."""

from dataclasses import dataclass

from seizure.callbacks.verdict import STARVED_CORES, Circumstances, EpochTimes, judge
from seizure.hardware import Hardware, HardwareError, Prices, price_h, worst_case
from seizure.preflight.check import Check
from seizure.preflight.timing import StepTimes
from seizure.windows.spec import Loading


@dataclass(frozen=True)
class Epoch:
    """What an epoch of a run consists of, and the seconds each part would take.

    `n_val_batches` and its times are those of an average epoch: validation may be rarer.
    """

    n_train_batches: int
    n_val_batches: float
    times: EpochTimes

    @property
    def total_s(self) -> float:
        """An average epoch, validation included."""
        return self.times.epoch_s


def estimate(
    step: StepTimes, loading: Loading, n_train: int, n_val: int, every_n_epochs: int
) -> Epoch:
    """An average epoch of `n_train` batches, and of `n_val` batches every so many epochs.

    Workers load while the device computes; what they do not manage in that time is waited for.
    """
    n_workers, n_val_mean = loading.num_workers, n_val / every_n_epochs
    times = EpochTimes(
        wait_s=n_train * _wait_s(step.load_s, step.compute_s, n_workers),
        transfer_s=n_train * step.transfer_s,
        forward_s=n_train * step.forward_s,
        backward_s=n_train * step.backward_s,
        optimiser_s=n_train * step.optimiser_s,
        validation_s=n_val_mean * step.scoring_s,
        validation_wait_s=n_val_mean * _wait_s(step.scoring_load_s, step.scoring_s, n_workers),
        checkpoint_s=(1 + 1 / every_n_epochs) * step.checkpoint_s,
    )
    return Epoch(n_train, n_val_mean, times)


def check_bottleneck(epoch: Epoch, given: Circumstances) -> Check:
    """What an epoch would wait for."""
    first = judge(epoch.times, given)[0]
    if given.device == "cpu" and given.busy_cores < STARVED_CORES:
        fix = "end what else runs here, or raise the container's quota of cores"
        return Check("bottleneck", "warn", first.sentence, fix)
    if first.bottleneck == "compute":
        return Check("bottleneck", "ok", first.sentence)
    what, _, fix = (
        first.sentence.partition(": ")
        if first.bottleneck == "validation"
        else (first.sentence.partition("; "))
    )
    return Check("bottleneck", "warn", what, fix or "see docs/training.md")


def check_epoch(
    epoch: Epoch, n_epochs: int, hardware: Hardware, prices: Prices, n_val_in_all: int
) -> Check:
    """What an epoch and the whole run take and cost, validation included."""
    times = epoch.times
    train_s, val_s = times.step_s, times.whole_validation_s
    run_h = n_epochs * epoch.total_s / 3600
    found = (
        f"an epoch about {duration(epoch.total_s)}: {duration(train_s)} for "
        f"{epoch.n_train_batches} training batches, {duration(val_s)} for validation "
        f"({n_val_in_all} batches), {duration(times.checkpoint_s)} for checkpoints; "
        f"{n_epochs} epochs about {duration(3600 * run_h)}; {cost(hardware, prices, epoch, run_h)}"
    )
    if hardware.timeout_h is not None and run_h > hardware.longest_h:
        return Check(
            "time and cost",
            "warn",
            found,
            f"{hardware.attempts} attempts of {hardware.timeout_h:g} h end before: "
            f"hw.attempts={int(run_h / hardware.timeout_h) + 1}, or fewer trainer.max_epochs",
        )
    return Check("time and cost", "ok", found)


def check_price(hardware: Hardware, prices: Prices) -> Check:
    """What an hour of the profile costs, and at most all it may take, as far as that is known."""
    name = "price"
    if hardware.price_h is None and hardware.cores is None:
        return Check(name, "ok", "none: a machine at hand; +hw.price_h=… gives one")
    try:
        usual, most = (price_h(hardware, prices, at_limits) for at_limits in (False, True))
    except HardwareError as error:
        return Check(name, "warn", str(error).partition("; ")[0], "+hw.price_h=… gives one")
    found = f"{usual:.2f} {prices.currency} an hour, as hw.price_h says"
    if hardware.price_h is None:
        found = (
            f"{usual:.2f} {prices.currency} an hour as reserved, {most:.2f} at the limits (list "
            f"of {prices.read_on})"
        )
    if hardware.timeout_h is not None:
        found += (
            f"; at most {hardware.attempts or 1} attempts of {hardware.timeout_h:g} h, "
            f"{worst_case(hardware, prices):.2f} in all"
        )
    return Check(name, "ok", found)


def cost(hardware: Hardware, prices: Prices, epoch: Epoch, run_h: float) -> str:
    """The price of an epoch and of a run, or why there is none."""
    if hardware.cores is None and hardware.price_h is None:
        return "no price: a machine at hand; +hw.price_h=… gives one"
    try:
        each_h = price_h(hardware, prices)
    except HardwareError as error:
        return f"no price: {error}"
    epoch_cost = each_h * epoch.total_s / 3600
    return (
        f"{epoch_cost:.3f} {prices.currency} an epoch, {each_h * run_h:.2f} in all at "
        f"{each_h:.2f} an hour"
    )


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(0.4), duration(125), duration(7260)
    ('0.4 s', '2 min 05 s', '2 h 01 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes} min {rest:02d} s"
        if minutes < 60
        else f"{minutes // 60} h {minutes % 60:02d} min"
    )


def _wait_s(load_s: float, compute_s: float, n_workers: int) -> float:
    """How long the device waits for a batch that takes `load_s` to make.

    >>> _wait_s(0.3, 0.2, 0), _wait_s(0.3, 0.2, 1), _wait_s(0.3, 0.2, 2)
    (0.3, 0.09999999999999998, 0.0)
    """
    return load_s if n_workers == 0 else max(0.0, load_s / n_workers - compute_s)
