"""The command that prepares what a training configuration reads."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

from omegaconf import OmegaConf

from seizure.cli.command import compose
from seizure.config import PrepareConfig, TrainConfig
from seizure.schema import to_plain


def prepare_command(config: TrainConfig) -> str:
    """`python -m seizure.prepare` with the fewest overrides that lead to this corpus and cache.

    >>> from seizure.cli.command import load
    >>> prepare_command(load("train", TrainConfig, ["paths.data=/big", "model=pico"]))
    'python -m seizure.prepare paths.data=/big'
    """
    wanted = dict(
        _leaves(
            to_plain(PrepareConfig(config.paths, config.corpus, config.preprocess, config.prepare))
        )
    )
    del wanted["paths.runs"]  # nothing to prepare is there
    name = config.corpus.name
    overrides = [] if name == "synthetic" else [f"corpus={name}"]
    # Other paths follow from the first; where they do, they need not be said.
    for keys in (("paths.data",), tuple(wanted)):
        composed: Any = OmegaConf.to_container(compose("prepare", overrides))
        given = dict(_leaves(composed))
        overrides += [f"{k}={_spelled(wanted[k])}" for k in keys if given.get(k) != wanted[k]]
    return shlex.join(["python", "-m", "seizure.prepare", *overrides])


def _leaves(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _spelled(value: Any) -> str:
    """A value as an override: quoted where Hydra would read more into it than text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and not re.fullmatch(r"[\w./:@+-]+", value):
        # A backslash is itself, but for those before a quote.
        escaped = re.sub(r"(\\*)('|$)", lambda m: 2 * m[1] + ("\\'" if m[2] else ""), value)
        return f"'{escaped}'"
    return str(value)
