"""How a verb starts: help, checked overrides, composed and typed configuration, errors in words."""

import importlib.util
import io
import logging
import sys
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seizure.cli.compose import (
    ADDED_GROUPS,
    RUN_GROUPS,
    check_overrides,
    compose,
    conf_folder,
    load,
    plain,
)
from seizure.cli.multirun import (
    FLAGS,
    Sweep,
    begin,
    several_values,
    sweep_folder,
    sweep_overrides,
)
from seizure.cli.sweep import TABLE, attend, leave_table, read_results, table
from seizure.schema import ConfigError, known_keys, parse

# What a verb, a test or a notebook needs of the composition is taken from here.
__all__ = [
    "Verb", "check_overrides", "compose", "conf_folder", "is_explained", "is_installed", "load",
    "plain", "run", "speak", "sweep_folder",
]  # fmt: skip

ConfigT = TypeVar("ConfigT")
log = logging.getLogger("seizure")


@dataclass(frozen=True)
class Verb(Generic[ConfigT]):
    """One `python -m seizure.<name>`: what it does, what it takes, an example."""

    name: str
    schema: type[ConfigT]
    summary: str
    examples: tuple[str, ...]
    main: Callable[[ConfigT], Any]

    def help(self) -> str:
        """What `--help` prints: the summary, examples, groups and every key with its value."""
        groups = sorted(
            f"{group.name}={{{','.join(sorted(p.stem for p in group.glob('*.yaml')))}}}"
            for group in conf_folder().iterdir()
            if group.is_dir()
            and group.name != "verb"
            and (
                group.name in {k.split(".")[0] for k in known_keys(self.schema)}
                or ("run" in known_keys(self.schema) and group.name in RUN_GROUPS)
            )
        )
        added = [g for g in groups if g.split("=")[0] in ADDED_GROUPS]
        lines = [
            f"python -m seizure.{self.name} [key=value …]",
            "",
            textwrap.fill(self.summary, 88),
            "",
            "examples:",
            *(f"  {example}" for example in self.examples),
            "",
            *(["groups, each with its choices:"] if groups else []),
            *(f"  {'+' if group in added else ''}{group}" for group in groups),
            *([""] if groups else []),
            "keys and their values:",
            textwrap.indent(OmegaConf.to_yaml(compose(self.name, resolve=False)).rstrip(), "  "),
        ]
        return "\n".join(lines)


class Incomplete(RuntimeError):
    """A verb has done its work with an exit code that says that something was left out."""

    def __init__(self, code: int) -> None:
        super().__init__(f"ended with exit code {code}")
        self.code = code


def run(verb: Verb[Any], arguments: Sequence[str] | None = None) -> None:
    """Run a verb with command-line arguments; exits with 2 for bad input, 130 after Ctrl-C.

    A sweep (`-m`) runs to its end whatever becomes of a job, and exits with 1 if one has failed.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    speak()
    if {"--help", "-h"} & set(arguments):
        print(verb.help())
        return
    given = [argument for argument in arguments if not argument.startswith("-")]
    sweep = None
    try:
        check_overrides(verb.schema, given)
        if FLAGS & set(arguments):
            sweep = begin(verb.name, verb.schema, given)
            if not any(argument.startswith("hydra.sweep.dir=") for argument in given):
                # Said once: by the time a process of a job composes, the clock has gone on.
                arguments.append(f"hydra.sweep.dir={sweep.folder}")
        elif several := several_values(given):
            raise ConfigError(f"{several[0]}: found several values; add -m to run each of them")
    except (ConfigError, HydraException) as error:
        _refuse(error)
    sys.argv = [f"seizure.{verb.name}", *arguments]
    decorated = hydra.main(str(conf_folder()), verb.name, version_base="1.3")(job_of(verb))
    try:
        decorated()
    except (HydraException, OmegaConfBaseException) as error:
        _refuse(error)
    except KeyboardInterrupt:
        log.info("stopped; what was prepared is kept, and the same command finds it")
        raise SystemExit(130) from None
    finally:
        all_finished = sweep is None or say_results(sweep)
    if not all_finished:
        raise SystemExit(1)


def job_of(verb: Verb[Any]) -> Callable[[DictConfig], Any]:
    """What Hydra calls: once, or for each job of a sweep, where a fault is that job's alone."""

    def work(config: DictConfig) -> float | None:
        result = verb.main(parse(verb.schema, plain(config)))
        # A whole number is an exit code: some files failed. A broken one is a sweep's objective.
        if isinstance(result, int) and result != 0:
            raise Incomplete(result)
        return result if isinstance(result, float) else None

    def job(config: DictConfig) -> float | None:
        folder = sweep_folder()
        if folder is not None:
            return attend(folder, sweep_overrides(), lambda: work(config), is_explained)
        try:
            return work(config)
        except Incomplete as incomplete:
            raise SystemExit(incomplete.code) from None
        except Exception as error:
            # Bad input is explained by its message; a fault of ours keeps its traceback.
            if not is_explained(error):
                keep_traceback(error)
                raise
            _refuse(error)

    return job


def say_results(sweep: Sweep) -> bool:
    """Say what a sweep's jobs came to, and keep it; whether all of them finished."""
    results = [
        # Nothing runs any more: it was stopped, or vanished for want of memory say.
        replace(result, status="stopped") if result.status == "running" else result
        for result in read_results(sweep.folder)
    ]
    leave_table(sweep.folder, results)
    for line in table(results):
        log.info("%s", line)
    n_missing = max(0, (sweep.n_jobs or 0) - len(results))
    if n_missing:
        log.info("%d jobs of the sweep were not started", n_missing)
    log.info("results %s", sweep.folder / f"{TABLE}.csv")
    return not n_missing and all(result.status == "finished" for result in results)


def is_explained(error: BaseException) -> bool:
    """Whether an error is one of the package's own, whose message says what to do."""
    return type(error).__module__.startswith("seizure.")


class _Terminal(logging.StreamHandler):
    """Writes to whatever standard output is now: a progress bar takes its place to stay below."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Standard output at this moment."""
        return sys.stdout


def speak(log_file: Path | None = None) -> None:
    """Send the package's lines to the terminal and, once a run has a folder, to its log file."""
    if not log.handlers:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A file name that is not UTF-8 must not cost the line that names it.
            sys.stdout.reconfigure(errors="backslashreplace")
        terminal = _Terminal()
        terminal.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        terminal.addFilter(lambda record: record.levelno < logging.ERROR)
        errors = logging.StreamHandler(sys.stderr)
        errors.setFormatter(logging.Formatter("error: %(message)s"))
        errors.setLevel(logging.ERROR)
        log.addHandler(terminal)
        log.addHandler(errors)
        log.setLevel(logging.INFO)
        log.propagate = False
        # Lightning's own lines (tips, devices it does not see) would drown ours.
        for noisy in ("lightning.pytorch", "lightning.fabric", "lightning"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        # Lightning's use of a torch helper, nothing that a user could change.
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    if log_file is not None:
        for handler in [h for h in log.handlers if isinstance(h, logging.FileHandler)]:
            log.removeHandler(handler)
            handler.close()
        to_file = logging.FileHandler(log_file, encoding="utf-8", errors="backslashreplace")
        to_file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        log.addHandler(to_file)


def keep_traceback(error: BaseException) -> None:
    """Write a fault of ours into the run's log file; the terminal gets it from Python itself."""
    about = (type(error), error, error.__traceback__)
    record = log.makeRecord(log.name, logging.ERROR, __file__, 0, "%s", ("it broke:",), about)
    for handler in log.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(record)


def is_installed(package: str) -> bool:
    """Whether an optional package can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def _refuse(error: BaseException) -> NoReturn:
    log.error("%s", error)
    raise SystemExit(2)
