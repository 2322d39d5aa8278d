"""How a verb starts: help, checked overrides, composed and typed configuration, errors in words."""

import importlib.util
import io
import logging
import re
import sys
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override
from hydra.errors import HydraException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seizure.schema import ConfigError, known_keys, parse, unknown_key

ConfigT = TypeVar("ConfigT")
log = logging.getLogger("seizure")


def conf_folder() -> Path:
    """The folder of configuration files: in the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "train.yaml").is_file():
            return folder
    raise ConfigError(f"no conf folder in {package} or beside it; install the package again")


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
                or (self.name == "train" and group.name == "experiment")
            )
        )
        added = [g for g in groups if g.startswith(("hw=", "experiment="))]
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


def compose(verb: str, overrides: Sequence[str] = (), resolve: bool = True) -> DictConfig:
    """A verb's configuration as Hydra composes it, outside of a command (tests, notebooks)."""
    with hydra.initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = hydra.compose(verb, overrides=list(overrides))
    if resolve:
        OmegaConf.resolve(config)
    return config


def load(verb: str, schema: type[ConfigT], overrides: Sequence[str] = ()) -> ConfigT:
    """A verb's configuration as checked, typed values.

    >>> from seizure.config import TrainConfig
    >>> load("train", TrainConfig, ["trainer.max_epochs=2"]).trainer.max_epochs
    2
    """
    check_overrides(schema, overrides)
    return parse(schema, plain(compose(verb, overrides)))


def plain(config: DictConfig) -> dict[str, Any]:
    """Resolved plain containers; raises `ConfigError` for a value that is still missing (???)."""
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise ConfigError("; ".join(f"{key}: no value; give {key}=…" for key in missing))
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def check_overrides(schema: type, overrides: Sequence[str]) -> None:
    """Raises `ConfigError` for a key that nothing reads, also after `+`, or an unknown choice."""
    known = set(known_keys(schema))
    inner = {k.rsplit(".", i)[0] for k in known for i in range(1, k.count(".") + 1)}
    every_group = {p.name for p in conf_folder().iterdir() if p.is_dir()} - {"verb"}
    # Experiments are of runs; every other group is the place of its keys.
    groups = every_group & {key.split(".")[0] for key in known}
    groups |= {"experiment"} if "run" in known else set()
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except OverrideParseException as error:
        raise ConfigError(str(error)) from error
    for override in parsed:
        key = override.key_or_group
        root = re.split(r"[./@]", key)[0]
        if root in every_group - groups and key not in known | inner:
            raise ConfigError(
                f"{key}: this command takes no {root}, expected one of "
                f"{', '.join(sorted(groups)) or 'no group'}; what a detector was trained with is "
                "in its checkpoint"
            )
        if key not in known | inner | groups and not key.startswith("hydra"):
            raise unknown_key(key, known | groups)
        if key in groups and isinstance(override.value(), str | ChoiceSweep):
            _check_choice(key, override)


def _check_choice(group: str, override: Override) -> None:
    """Raises `ConfigError` where a group has no such file; Hydra would say so at length."""
    there = sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))
    wanted = override.sweep_string_iterator() if override.is_choice_sweep() else [override.value()]
    for choice in wanted:
        if choice not in there:
            raise ConfigError(f"{group}: found {choice!r}, expected one of {', '.join(there)}")


def run(verb: Verb[Any], arguments: Sequence[str] | None = None) -> None:
    """Run a verb with command-line arguments; exits with 2 for bad input, 130 after Ctrl-C."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    speak()
    if {"--help", "-h"} & set(arguments):
        print(verb.help())
        return
    try:
        check_overrides(verb.schema, [a for a in arguments if not a.startswith("-")])
    except ConfigError as error:
        _refuse(error)

    def job(config: DictConfig) -> Any:
        try:
            result = verb.main(parse(verb.schema, plain(config)))
        except Exception as error:
            # Bad input is explained by its message; a fault of ours keeps its traceback.
            if not is_explained(error):
                raise
            _refuse(error)
        # A whole number is an exit code: some files failed. Anything else is a sweep's objective.
        if isinstance(result, int) and result != 0:
            raise SystemExit(result)
        return result

    sys.argv = [f"seizure.{verb.name}", *arguments]
    decorated = hydra.main(str(conf_folder()), verb.name, version_base="1.3")(job)
    try:
        decorated()
    except (HydraException, OmegaConfBaseException) as error:
        _refuse(error)
    except KeyboardInterrupt:
        log.info("stopped; what was prepared is kept, and the same command finds it")
        raise SystemExit(130) from None


def is_explained(error: BaseException) -> bool:
    """Whether an error is one of the package's own, whose message says what to do."""
    return type(error).__module__.startswith("seizure.")


def sweep_folder() -> Path | None:
    """The folder of this job of a multirun; None in a single run or outside Hydra."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return None
    return Path(HydraConfig.get().runtime.output_dir)


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


def is_installed(package: str) -> bool:
    """Whether an optional package can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def _refuse(error: BaseException) -> NoReturn:
    log.error("%s", error)
    raise SystemExit(2)
