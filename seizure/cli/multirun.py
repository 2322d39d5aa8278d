"""What `-m` does: a sweep's jobs told apart and checked before the first of them starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.errors import MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig

from seizure.cli.compose import compose, parse_overrides, plain
from seizure.schema import ConfigError, parse

FLAGS = frozenset({"-m", "--multirun"})


@dataclass(frozen=True)
class Sweep:
    """A sweep that may start: where its results go, and how many jobs are known beforehand."""

    folder: Path
    n_jobs: int | None


def expand(overrides: Sequence[str]) -> list[tuple[str, ...]]:
    """The overrides of each job, every combination of the values given, as Hydra's own sweeper.

    Raises `ConfigError` for an interval, which has no end of values.

    >>> expand(["seed=1,2", "model.dropout=range(0,0.2,0.1)", "run=a"])[1]
    ('seed=1', 'model.dropout=0.1', 'run=a')
    """
    for override in (parsed := parse_overrides(overrides)):
        if override.is_sweep_override() and not override.is_discrete_sweep():
            raise ConfigError(
                f"{override.input_line}: every combination is run, and an interval has no end of "
                "values; list them (a,b,c), or let +sweep=optuna choose"
            )
    # Hydra keeps this among its internals; there is no other place that splits as it does.
    (jobs,) = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    return [tuple(job) for job in jobs]


def begin(verb: str, schema: type, overrides: Sequence[str]) -> Sweep:
    """Check every job of a sweep before any starts.

    Raises `ConfigError` naming the job that could not run.
    """
    fixed = [text for text in overrides if not several_values([text])]
    hydra = _hydra_node(verb, fixed)
    choices = hydra.runtime.choices
    launcher = str(choices["hydra/launcher"])
    folder = Path(str(hydra.sweep.dir))
    if choices["hydra/sweeper"] != "basic":
        # What is tried depends on what came before; what is given must be right all the same.
        check_job(schema, compose(verb, fixed), launcher)
        return Sweep(folder, None)
    swept = [f"{key}={value}" for key, value in (hydra.sweeper.params or {}).items()]
    jobs = expand([*swept, *overrides])
    for number, job in enumerate(jobs):
        try:
            check_job(schema, compose(verb, job), launcher)
        except ConfigError as error:
            told = " ".join(override for override in job if override not in fixed)
            raise ConfigError(f"job {number} ({told}): {error}") from error
    return Sweep(folder, len(jobs))


def several_values(overrides: Sequence[str]) -> list[str]:
    """The overrides that give more than one value, which only a sweep can take."""
    return [o.input_line or "" for o in parse_overrides(overrides) if o.is_sweep_override()]


def _hydra_node(verb: str, overrides: Sequence[str]) -> Any:
    """Hydra's own settings: launcher, sweeper, folders. Raises `ConfigError` for a missing one."""
    try:
        return compose(verb, overrides, resolve=False, with_hydra=True).hydra
    except MissingConfigException as error:
        missing = str(error.missing_cfg_file)
        if not missing.startswith(("hydra/launcher", "hydra/sweeper")):
            raise
        raise ConfigError(
            f"found no {missing}, expected one of {', '.join(error.options or ())}; Optuna, joblib "
            "and SLURM need pip install 'seizure[sweep]'"
        ) from error


def check_job(schema: type, config: DictConfig, launcher: str) -> Any:
    """A job's configuration; raises `ConfigError` where it could not run within a sweep."""
    checked = parse(schema, plain(config))
    trainer = getattr(checked, "trainer", None)
    if trainer is not None and launcher != "submitit_slurm":
        refuse_processes(trainer.devices, trainer.num_nodes, trainer.strategy)
    return checked


def refuse_processes(devices: int | str, n_nodes: int, strategy: str) -> None:
    """Raises `ConfigError` where Lightning would start further processes of a run by itself.

    It repeats the command line to do so, and each of them would be a sweep of its own.
    """
    if str(devices) == "1" and n_nodes == 1:
        return
    raise ConfigError(
        f"found trainer.devices={devices} trainer.num_nodes={n_nodes} trainer.strategy={strategy} "
        "in a sweep: Lightning starts the other processes by repeating the command, sweep "
        "included. Give trainer.devices=1 trainer.num_nodes=1 and run jobs side by side with "
        "hydra/launcher=joblib; or let SLURM start the processes, hydra/launcher=submitit_slurm "
        "hydra.launcher.tasks_per_node=…; or give one command a job, without -m"
    )


def sweep_folder() -> Path | None:
    """The folder of this job of a multirun; None in a single run or outside Hydra."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return None
    return Path(HydraConfig.get().runtime.output_dir)


def sweep_overrides() -> tuple[str, ...]:
    """What this job of a multirun was told."""
    return tuple(HydraConfig.get().overrides.task)
