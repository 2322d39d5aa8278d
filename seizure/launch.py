"""What a launch on a rented machine will do: read, checked and priced before anything starts."""

import argparse
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from seizure.attempt import Job
from seizure.hardware import (
    Hardware,
    Prices,
    Profile,
    describe,
    machine_faults,
    price_h,
    read_prices,
    read_profile,
    storage_faults,
    training_faults,
)

# On the rented machine: the storage for all that is written, and the read-only raw recordings.
RESULTS, BUCKET = PurePosixPath("/results"), PurePosixPath("/data")
VERBS = ("prepare", "train", "evaluate", "predict")
_BYTES_PER_SAMPLE = 2


@dataclass(frozen=True)
class Request:
    """A launch as it was asked for on the command line."""

    verb: str
    hw: str
    run: str | None
    overrides: tuple[str, ...]
    bucket: str | None
    secrets: tuple[str, ...]
    prices: Path | None
    force: bool


@dataclass(frozen=True)
class Plan:
    """What would be started on which machine, what speaks against it, and the lines to print."""

    hardware: Hardware
    job: Job
    faults: tuple[str, ...]
    lines: tuple[str, ...]
    prices: Prices

    def spent(self, seconds: float) -> str:
        """What so many seconds cost, about: as reserved, without what was used beyond."""
        hours = seconds / 3600
        cost = hours * price_h(self.hardware, self.prices)
        return f"{hours:.2f} h in all, about {cost:.2f} {self.prices.currency}"


def read_request(verb: str, arguments: Sequence[str]) -> Request:
    """The options of a launch; what is none is kept for the verb as it is.

    Ends the process with 2 and a line that says why if the options cannot be read.

    >>> read_request("train", ["--hw", "a100", "--run", "first", "corpus=tusz"]).overrides
    ('corpus=tusz',)
    """
    parser = argparse.ArgumentParser(f"modal run modal_launch.py::{verb}", allow_abbrev=False)
    parser.add_argument("--hw", required=True, help="a profile of conf/hw")
    parser.add_argument("--run", required=verb != "prepare", help="the run's name in the storage")
    parser.add_argument("--bucket", help="an S3 bucket, read-only at /data; its Secret is 'aws'")
    parser.add_argument("--secret", action="append", default=[], help="a Modal Secret; repeatable")
    parser.add_argument("--prices", type=Path, help="a list of prices like conf/prices.yaml")
    parser.add_argument("--force", action="store_true", help="start in spite of the checks")
    parser.add_argument("overrides", nargs="*", help="after --: key=value, as the verb takes them")
    read = parser.parse_intermixed_args(list(arguments))
    if read.run is not None and not re.fullmatch(r"\w[\w.-]*", read.run):
        parser.error(f"--run {read.run}: letters, digits, dots, dashes and underscores only")
    for override in read.overrides:
        key, is_assigned, _ = override.lstrip("+~").partition("=")
        if key in ("hw", "run"):
            parser.error(f"{override}: give --{key} instead, the launcher has to know it")
        if not is_assigned and not override.startswith("~"):
            parser.error(f"{override!r} is neither an option of the launcher nor key=value")
    return Request(
        verb,
        read.hw,
        read.run,
        tuple(read.overrides),
        read.bucket,
        tuple(read.secret),
        read.prices,
        read.force,
    )


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
    ours = {
        "prepare": paths,
        "train": [f"+hw={request.hw}", f"run={request.run}", *paths],
        "evaluate": [*scoring, *paths],
        "predict": [*scoring, f"output={RESULTS / 'predictions' / (request.run or '')}"],
    }
    return (*ours[request.verb], *request.overrides)


def make_plan(request: Request, conf: Path, now: float) -> Plan:
    """Everything that is decided before a machine is rented; `now` in seconds since 1970.

    Raises `ConfigError` for a configuration that the verb would refuse, `HardwareError` for an
    unknown profile or a card without a price.
    """
    profile = read_profile(conf / "hw", request.hw)
    arguments = verb_arguments(request, profile)
    prices = read_prices(request.prices or conf / "prices.yaml")
    hardware, faults = profile.hardware, machine_faults(profile.hardware)
    if not faults:
        # Composed as the machine will; overrides of hw may have made another machine of it.
        hardware, faults = _check(request, profile, arguments)
        faults = (*machine_faults(hardware), *faults)
    job = _job(request, hardware, arguments, now)
    # A machine that cannot be rented has no numbers to describe.
    machine = () if machine_faults(hardware) else describe(hardware, prices)
    lines = (*machine, f"command python {' '.join(job.command)}")
    return Plan(hardware, job, faults, lines, prices)


def _check(
    request: Request, profile: Profile, arguments: Sequence[str]
) -> tuple[Hardware, tuple[str, ...]]:
    """Compose the verb's configuration as the machine will, and hold it against the machine."""
    # Imported when needed: with Hydra and scipy it takes seconds, and containers do without.
    from seizure import config as schemas
    from seizure.command import load
    from seizure.eeg.channels import CANONICAL_19

    def storage(paths: schemas.Paths) -> tuple[str, ...]:
        cache, runs = (PurePosixPath(p.as_posix()) for p in (paths.cache, paths.runs))
        return storage_faults(cache, runs, RESULTS, BUCKET)

    if request.verb == "train":
        config = load("train", schemas.TrainConfig, arguments)
        n_samples = round(config.windows.window_s * config.preprocess.rate_hz)
        window_bytes = len(CANONICAL_19) * n_samples * _BYTES_PER_SAMPLE
        devices = config.trainer.devices
        n_devices = devices if isinstance(devices, int) else max(1, config.hw.n_gpus)
        return config.hw, (
            *training_faults(config.hw, config.loader, n_devices, window_bytes),
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


def _job(request: Request, hardware: Hardware, arguments: Sequence[str], now: float) -> Job:
    """The verb as a job whose attempts continue each other."""
    started = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    name = "-".join(filter(None, (request.verb, request.run, started)))
    is_train, folder = request.verb == "train", _run_folder(request)
    return Job(
        name=name,
        command=("-m", f"seizure.{request.verb}", *arguments),
        ledger=RESULTS / "jobs" / f"{name}.json",
        limit_s=(hardware.timeout_h or 0.0) * 3600,
        budget_s=hardware.longest_h * 3600,
        finished=folder / "finished" if is_train else None,
        checkpoint=folder / "checkpoints" / "last.ckpt" if is_train else None,
        # 1 says that some recordings were left out, which no repetition changes.
        done_codes=(0, 1),
    )


def _run_folder(request: Request) -> PurePath:
    return RESULTS / "runs" / (request.run or "")


def _corpus_root(request: Request) -> list[str]:
    """Where the chosen corpus lies, unless the user says: on the bucket, else in the storage."""
    given = dict(o.lstrip("+").split("=", 1) for o in request.overrides if "=" in o)
    corpus = given.get("corpus", "synthetic")
    if request.verb == "predict" or corpus == "synthetic" or "corpus.root" in given:
        return []
    return [f"corpus.root={(BUCKET if request.bucket else RESULTS / 'data') / corpus}"]
