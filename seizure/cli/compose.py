"""From a verb's name and overrides to its checked configuration, composed by Hydra."""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override
from hydra.errors import OverrideParseException
from omegaconf import DictConfig, OmegaConf

from seizure.schema import ConfigError, known_keys, parse, unknown_key

ConfigT = TypeVar("ConfigT")

# They change what every other group says, and belong to runs alone.
RUN_GROUPS = frozenset({"experiment", "sweep"})
# They are in no list of defaults.
ADDED_GROUPS = RUN_GROUPS | {"hw"}


def conf_folder() -> Path:
    """The folder of configuration files: in the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "train.yaml").is_file():
            return folder
    raise ConfigError(f"no conf folder in {package} or beside it; install the package again")


def compose(
    verb: str, overrides: Sequence[str] = (), resolve: bool = True, with_hydra: bool = False
) -> DictConfig:
    """A verb's configuration as Hydra composes it, outside of a command (tests, notebooks).

    `with_hydra` adds Hydra's own node: launcher, sweeper, folders.
    """
    # Within a command Hydra is set up already, with the same folder.
    is_up = GlobalHydra.instance().is_initialized()
    with (
        nullcontext()
        if is_up
        else hydra.initialize_config_dir(str(conf_folder()), version_base="1.3")
    ):
        config = hydra.compose(verb, overrides=list(overrides), return_hydra_config=with_hydra)
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
    # Experiments and sweeps are of runs; every other group is the place of its keys.
    groups = every_group & {key.split(".")[0] for key in known}
    groups |= RUN_GROUPS if "run" in known else set()
    added: set[str] = set()
    for override in parse_overrides(overrides):
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
            if key in ADDED_GROUPS - added and not override.is_add():
                raise ConfigError(f"{override.input_line}: write +{override.input_line}")
            added.add(key)


def parse_overrides(overrides: Sequence[str]) -> list[Override]:
    """What Hydra reads in overrides; raises `ConfigError` for what it cannot read."""
    try:
        return OverridesParser.create().parse_overrides(list(overrides))
    except OverrideParseException as error:
        key, equals, value = str(error.override).partition("=")
        quoted = f"""'{key}="{value}"', with both pairs of quotes"""
        what = "; ".join(str(error).partition("\nSee ")[0].splitlines())
        raise ConfigError(
            f"{error.override}: cannot be understood ({what}); write "
            f"{quoted if equals else 'key=value'}"
        ) from error


def _check_choice(group: str, override: Override) -> None:
    """Raises `ConfigError` where a group has no such file; Hydra would say so at length."""
    there = sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))
    wanted = override.sweep_string_iterator() if override.is_choice_sweep() else [override.value()]
    for choice in wanted:
        if choice not in there:
            raise ConfigError(f"{group}: found {choice!r}, expected one of {', '.join(there)}")
