"""What a launch on rented machines will do: checked and priced before anything starts."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath

from seizure.cloud.fleet import Fleet
from seizure.cloud.job import Job
from seizure.cloud.request import Request
from seizure.cloud.storage import BUCKET, RESULTS
from seizure.hardware import (
    Hardware,
    Prices,
    Profile,
    describe,
    host_faults,
    machine_faults,
    price_h,
    read_prices,
    read_profile,
    storage_faults,
    training_faults,
    worst_case,
)

_BYTES_PER_SAMPLE = 2
# Machines at a time, unless the request says how many.
_CONTAINERS = {"prepare": 4, "sweep": 4}
_SHOWN_AT_MOST = 3
# Attempts, and hours of each, of what takes minutes however long the machine may train.
_SHORT = {"doctor": (1, 0.25)}


@dataclass(frozen=True)
class Plan:
    """What would be started on which machines, what speaks against it, and the lines to print."""

    hardware: Hardware
    fleet: Fleet
    faults: tuple[str, ...]
    lines: tuple[str, ...]
    name: str


def make_plan(request: Request, conf: Path, now: float) -> Plan:
    """Everything that is decided before a machine is rented; `now` in seconds since 1970.

    Raises `ConfigError` for a configuration that the verb would refuse, `HardwareError` for an
    unknown profile, one of a machine at hand, or a card without a price.
    """
    profile = read_profile(conf / "hw", request.hw)
    machine_faults(profile.hardware)  # one that cannot be rented at all is refused here
    asked = jobs_of(request)
    commands = [verb_arguments(each, profile) for each in asked]
    prices = read_prices(request.prices or conf / "prices.yaml")
    # Composed as the machine will; overrides of hw may have made another machine of it.
    checks = _checks(request, profile, commands)
    hardware = checks[0][0]
    faults = machine_faults(hardware)
    faults += tuple(dict.fromkeys(fault for _, found in checks for fault in found))
    if any(other != hardware for other, _ in checks):
        faults += ("hw differs between the jobs of a sweep; give it one value for all",)
    faults += _idle(request.action, hardware)
    hardware = _limited(request, hardware)
    started = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    name = "-".join(filter(None, (request.action, request.run, started)))
    jobs = [
        _job(each, hardware, prices, arguments, name, number if len(asked) > 1 else None)
        for number, (each, arguments) in enumerate(zip(asked, commands, strict=True))
    ]
    fleet = _fleet(request, jobs, name)
    machine = _describe(hardware, prices, fleet)
    shown = [f"command python {' '.join(job.command)}" for job in fleet.jobs[:_SHOWN_AT_MOST]]
    if len(fleet.jobs) > _SHOWN_AT_MOST:
        shown.append(f"and {len(fleet.jobs) - _SHOWN_AT_MOST} more like these")
    return Plan(hardware, fleet, faults, (*machine, *shown), name)


def jobs_of(request: Request) -> list[Request]:
    """A request for each job: one, or one for each combination of values of a sweep."""
    if request.action != "sweep":
        return [request]
    # Imported when needed: Hydra takes a while, and containers do without.
    from seizure.cli.multirun import expand

    jobs = expand(request.overrides)
    return [
        replace(request, run=f"{request.run}/{number}", overrides=job)
        for number, job in enumerate(jobs)
    ]


def n_parts(request: Request) -> int:
    """How many machines share the recordings of a corpus."""
    is_made = request.given("corpus") in (None, "synthetic")
    is_whole = is_made or request.given("part") or request.given("prepare.verify")
    if request.action != "prepare" or is_whole:
        return 1
    return request.containers or _CONTAINERS["prepare"]


def verb_arguments(request: Request, profile: Profile) -> tuple[str, ...]:
    """What the verb is told: where things are, what the machine has, then the user's overrides."""
    paths = [
        f"paths.data={RESULTS / 'data'}",
        f"paths.runs={RESULTS / 'runs'}",
        f"paths.cache={RESULTS / 'cache'}",
        f"prepare.jobs={profile.hardware.cores}",
        *_corpus_root(request),
    ]
    scoring = [
        f"checkpoint={_run_folder(request) / 'checkpoints' / 'best.ckpt'}",
        f"accelerator={profile.trainer.get('accelerator', 'auto')}",
        f"batch_size={profile.loader.get('scoring_batch_size', 16)}",
    ]
    run = [f"+hw={request.hw}", f"run={request.run}", *paths]
    ours = {
        "prepare": paths,
        # In a folder that is there before the verb starts, as it wants.
        "doctor": [*run, f"output={RESULTS / 'jobs' / f'{request.run}.doctor.json'}"],
        "train": run,
        "evaluate": [*scoring, *paths],
        "predict": [*scoring, f"output={RESULTS / 'predictions' / (request.run or '')}"],
    }
    return (*ours[request.verb], *request.overrides)


def _checks(
    request: Request, profile: Profile, commands: Sequence[Sequence[str]]
) -> list[tuple[Hardware, tuple[str, ...]]]:
    """The machine of each job and what speaks against it; an error of Hydra's in our words."""
    # Imported when needed: Hydra takes a while, and containers do without.
    from hydra.errors import HydraException

    from seizure.schema import ConfigError

    try:
        return [_check(request, profile, arguments) for arguments in commands]
    except HydraException as error:
        raise ConfigError(" ".join(str(error).split())) from error


def _check(
    request: Request, profile: Profile, arguments: Sequence[str]
) -> tuple[Hardware, tuple[str, ...]]:
    """Compose the verb's configuration as the machine will, and hold it against the machine."""
    # Imported when needed: with Hydra and scipy it takes seconds, and containers do without.
    from seizure import config as schemas
    from seizure.cli.command import load
    from seizure.eeg.channels import CANONICAL_19

    def storage(paths: schemas.Paths) -> tuple[str, ...]:
        cache, runs = (PurePosixPath(p.as_posix()) for p in (paths.cache, paths.runs))
        return storage_faults(cache, runs, RESULTS, BUCKET)

    if request.verb in ("train", "doctor"):
        is_doctor = request.verb == "doctor"
        schema = schemas.DoctorConfig if is_doctor else schemas.TrainConfig
        config = load(request.verb, schema, arguments)
        n_samples = round(config.windows.window_s * config.preprocess.rate_hz)
        window_bytes = len(CANONICAL_19) * n_samples * _BYTES_PER_SAMPLE
        devices = config.trainer.devices
        n_devices = devices if isinstance(devices, int) else max(1, config.hw.n_gpus)
        return config.hw, (
            *training_faults(config.hw, config.loader, n_devices, window_bytes),
            *host_faults(config.hw, config.trainer.num_nodes),
            *storage(config.paths),
        )
    if request.verb == "prepare":
        faults = storage(load("prepare", schemas.PrepareConfig, arguments).paths)
    elif request.verb == "evaluate":
        faults = storage(load("evaluate", schemas.EvaluateConfig, arguments).paths)
    else:
        load("predict", schemas.PredictConfig, arguments)
        faults = ()
    return profile.hardware, faults


def _idle(action: str, hardware: Hardware) -> tuple[str, ...]:
    """Why part of a machine would be paid for in vain; training looks after its cards itself."""
    if hardware.hosts > 1 and action != "train":
        return (
            f"{action} takes one host and hw.hosts={hardware.hosts}; give --hw of one, such as "
            "h100",
        )
    if action == "prepare" and hardware.n_gpus:
        return (f"prepare uses no card and {hardware.name} has one; give --hw cpu",)
    if action in ("evaluate", "predict") and hardware.n_gpus > 1:
        return (
            f"{action} uses one card and {hardware.name} has {hardware.n_gpus}; give --hw of one, "
            "such as a100",
        )
    return ()


def _limited(request: Request, hardware: Hardware) -> Hardware:
    """The machine for no longer than what is asked of it can need."""
    usual = (hardware.attempts, hardware.timeout_h)
    attempts, timeout_h = _SHORT.get(request.action, usual)
    return replace(hardware, attempts=attempts, timeout_h=request.hours or timeout_h)


def _fleet(request: Request, jobs: Sequence[Job], name: str) -> Fleet:
    """The jobs of a request, and how many of them may run at a time."""
    started = RESULTS / "jobs" / f"{name}.started.json"
    if request.action == "sweep":
        at_once = request.containers or _CONTAINERS["sweep"]
        return Fleet(tuple(jobs), started, at_once, sweep=_run_folder(request))
    (whole,) = jobs
    n = n_parts(request)
    if n == 1:
        return Fleet((whole,), started)
    parts = tuple(_part(whole, number, n) for number in range(1, n + 1))
    return Fleet(parts, started, at_once=n, last=whole)


def _part(whole: Job, number: int, n: int) -> Job:
    """One machine's share of preparing a corpus."""
    name = f"{whole.name}-{number}"
    return replace(
        whole,
        name=name,
        command=(*whole.command, f"part={number}/{n}"),
        ledger=whole.ledger.with_name(f"{name}.json"),
    )


def _job(
    request: Request,
    hardware: Hardware,
    prices: Prices,
    arguments: Sequence[str],
    name: str,
    number: int | None = None,
) -> Job:
    """The verb as a job whose attempts continue each other."""
    name = name if number is None else f"{name}-{number}"
    is_train, folder = request.verb == "train", _run_folder(request)
    return Job(
        name=name,
        command=("-m", f"seizure.{request.verb}", *arguments),
        ledger=RESULTS / "jobs" / f"{name}.json",
        limit_s=(hardware.timeout_h or 0.0) * 3600,
        budget_s=hardware.longest_h * 3600,
        finished=folder / "finished" if is_train else None,
        checkpoint=folder / "checkpoints" / "last.ckpt" if is_train else None,
        # 1 says that some recordings were left out, or, of the doctor, that a run would fail.
        done_codes=(0,) if request.verb == "doctor" else (0, 1),
        final_codes=(1,) if request.verb == "doctor" else (),
        price_h=price_h(hardware, prices),
        currency=prices.currency,
    )


def _describe(hardware: Hardware, prices: Prices, fleet: Fleet) -> tuple[str, ...]:
    """The machine and its price, and where there are several jobs, the price of all of them."""
    lines = describe(hardware, prices)
    n_jobs = len(fleet.jobs) + (fleet.last is not None)
    if n_jobs == 1:
        return lines
    return (
        *lines,
        f"{n_jobs} such jobs, at most {fleet.at_once} at a time; worst case of all "
        f"{n_jobs * worst_case(hardware, prices):.2f} {prices.currency}",
    )


def _run_folder(request: Request) -> PurePath:
    return RESULTS / "runs" / (request.run or "")


def _corpus_root(request: Request) -> list[str]:
    """Where the chosen corpus lies, unless the user says: on the bucket, else in the storage."""
    corpus = request.given("corpus") or "synthetic"
    if request.verb == "predict" or corpus == "synthetic" or request.given("corpus.root"):
        return []
    return [f"corpus.root={(BUCKET if request.bucket else RESULTS / 'data') / corpus}"]
