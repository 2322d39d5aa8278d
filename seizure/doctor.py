"""Verify what a training run takes for granted, before it costs hours: a table with the fixes."""

import logging
import time
from dataclasses import asdict

from seizure import build
from seizure.cli.command import Verb, run
from seizure.config import DoctorConfig
from seizure.preflight.check import worst
from seizure.preflight.examination import Examination
from seizure.preflight.report import say, write_json
from seizure.schema import ConfigError

log = logging.getLogger("seizure")


def main(config: DoctorConfig) -> int:
    """Examine a configuration, or replay a batch that broke a run; 1 if something would fail."""
    if config.replay is not None:
        for line in build.replay(config.replay).splitlines():
            log.info("%s", line)
        return 0
    if config.output is not None and not config.output.absolute().parent.is_dir():
        raise ConfigError(
            f"output: found no folder {config.output.parent} for {config.output.name}; make it, or "
            f"give another output=FILE"
        )
    build.check_strategy(config.trainer.strategy)
    build.check_backend(config.trainer.compile)
    started_at = time.monotonic()
    examination = Examination(config)
    log.info("cache %s; runs %s; up to a minute", examination.folder, config.paths.runs)
    checks = examination.checks()
    say(checks, time.monotonic() - started_at)
    if config.output is not None:
        step, epoch = examination.step, examination.epoch
        measured = {
            "step": None if step is None else asdict(step),
            "epoch": None if epoch is None else asdict(epoch),
        }
        write_json(config.output, checks, measured)
        log.info("written %s", config.output)
    return 1 if worst(checks) == "fail" else 0


VERB = Verb(
    name="doctor",
    schema=DoctorConfig,
    summary="Verify what a training run takes for granted: device, precision, cores, memory, "
    "network, cache, disks, and the time and cost of an epoch with its validation. Takes what "
    "train takes, prepares nothing and writes nothing but output=FILE. Ends with 0 if a run would "
    "work, 1 if it would fail or starve, 2 if the configuration itself is refused. replay=FILE "
    "instead runs the batch again that stopped a run, its loss or gradient not being finite.",
    examples=(
        "python -m seizure.doctor",
        "python -m seizure.doctor +hw=a100 +experiment=tusz corpus.root=/data/tusz",
        "python -m seizure.doctor output=doctor.json",
        "python -m seizure.doctor replay=runs/NAME/nonfinite.pt",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
