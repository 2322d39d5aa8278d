"""The schema of every verb's configuration: composed by Hydra, checked here, then plain values.

Stages define their own settings (`Preprocessing`, `Windowing`, `EncoderSpec`, ...); this file only
puts them together. An unknown key fails and names the nearest known one.
"""

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError

from seizure.cache.workers import Workers
from seizure.corpus.edf_folder import Unannotated
from seizure.corpus.split import SplitPlan
from seizure.corpus.synthetic.spec import SyntheticSpec
from seizure.eeg.filtering import Preprocessing
from seizure.eeg.montage import channels_of
from seizure.events.decide import Postprocessing
from seizure.hardware import Hardware
from seizure.learning.spec import Augmentation, CrossEntropy, Focal, Optimisation
from seizure.models.choice import DualStreamModel, ElectrodeStreamModel
from seizure.models.spec import InputSpec
from seizure.windows.spec import Balance, Loading, Windowing

ConfigT = TypeVar("ConfigT")
Accelerator = Literal["auto", "cpu", "gpu", "cuda", "mps"]


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names the key, what was found and the fix."""


@dataclass(frozen=True)
class Paths:
    """Where things are read and written; relative to the current folder."""

    data: Path
    runs: Path
    cache: Path


@dataclass(frozen=True)
class SyntheticCorpus:
    """The embedded corpus: made once in `root`, then read like TUSZ."""

    name: Literal["synthetic"]
    root: Path
    spec: SyntheticSpec


@dataclass(frozen=True)
class TuszCorpus:
    """The TUH EEG Seizure Corpus, or anything in its layout, in `root`."""

    name: Literal["tusz"]
    root: Path


@dataclass(frozen=True)
class ChbmitCorpus:
    """CHB-MIT as PhysioNet gives it, in `root`; bipolar."""

    name: Literal["chbmit"]
    root: Path
    split: SplitPlan


@dataclass(frozen=True)
class BidsCorpus:
    """A BIDS-EEG tree in `root`; `split_column` of its participants.tsv, else `split`."""

    name: Literal["bids"]
    root: Path
    split: SplitPlan
    split_column: str | None


@dataclass(frozen=True)
class EdfFolderCorpus:
    """Every EDF file below `root`; the patterns are regular expressions."""

    name: Literal["edf_folder"]
    root: Path
    split: SplitPlan
    patient_pattern: str
    seizure_pattern: str | None
    unannotated: Unannotated


@dataclass(frozen=True)
class TrainerSettings:
    """What Lightning's Trainer is given, under its own names.

    `precision` auto is bf16-mixed on a CUDA device that has it, 32-true elsewhere.
    """

    max_epochs: int
    accelerator: Accelerator
    devices: int | str
    num_nodes: int
    strategy: str
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed", "64-true"]
    gradient_clip_val: float | None
    accumulate_grad_batches: int
    limit_train_batches: int | float
    limit_val_batches: int | float
    check_val_every_n_epoch: int
    num_sanity_val_steps: int
    log_every_n_steps: int
    deterministic: bool

    def __post_init__(self) -> None:
        if self.max_epochs < 1:
            raise ValueError(f"max_epochs must be at least 1, found {self.max_epochs}")


@dataclass(frozen=True)
class Callbacks:
    """What is watched while training: `monitor` picks the best epoch (higher is better)."""

    monitor: str
    patience: int
    heartbeat_interval_s: float
    checkpoint_every_min: float


@dataclass(frozen=True)
class Logger:
    """Metrics always go to CSV files in the run's folder."""

    name: Literal["csv"]
    flush_every_n_steps: int


@dataclass(frozen=True)
class Prepare(Workers):
    """How the cache is built, and whether every checksum is compared on the way."""

    verify: bool = False


Corpus = Annotated[
    SyntheticCorpus | TuszCorpus | ChbmitCorpus | BidsCorpus | EdfFolderCorpus,
    Field(discriminator="name"),
]
Objective = Annotated[Focal | CrossEntropy, Field(discriminator="name")]
Model = Annotated[DualStreamModel | ElectrodeStreamModel, Field(discriminator="name")]


@dataclass(frozen=True)
class PrepareConfig:
    """Everything that `python -m seizure.prepare` can be told."""

    paths: Paths
    corpus: Corpus
    preprocess: Preprocessing
    prepare: Prepare


@dataclass(frozen=True)
class TrainConfig:
    """Everything that `python -m seizure.train` can be told."""

    run: str
    seed: int
    paths: Paths
    corpus: Corpus
    preprocess: Preprocessing
    prepare: Prepare
    windows: Windowing
    balance: Balance
    loader: Loading
    model: Model
    objective: Objective
    optimisation: Optimisation
    trainer: TrainerSettings
    callbacks: Callbacks
    logger: Logger
    events: Postprocessing
    track_rate_hz: float
    augmentation: Augmentation = field(default_factory=Augmentation)
    hw: Hardware = field(default_factory=Hardware)

    def __post_init__(self) -> None:
        names = channels_of(self.preprocess.montage)
        inputs = InputSpec(names, self.preprocess.rate_hz, self.windows.window_s)
        self.model.check(inputs)
        if self.preprocess.rate_hz % self.track_rate_hz:
            raise ValueError(
                f"preprocess.rate_hz={self.preprocess.rate_hz:g} must be a whole multiple of "
                f"track_rate_hz={self.track_rate_hz:g}"
            )
        for name in ("window_s", "stride_s", "scoring_stride_s"):
            n_frames = getattr(self.windows, name) * self.track_rate_hz
            if n_frames != round(n_frames):
                raise ValueError(
                    f"windows.{name} must be a whole number of frames of "
                    f"{1 / self.track_rate_hz:g} s, found {getattr(self.windows, name)} s"
                )
        self.windows.check_targets(self.preprocess.rate_hz)


@dataclass(frozen=True)
class EvaluateConfig:
    """Everything that `python -m seizure.evaluate` can be told."""

    checkpoint: Path
    output: Path | None
    split: Literal["train", "dev", "eval"]
    paths: Paths
    corpus: Corpus
    prepare: Prepare
    accelerator: Accelerator
    batch_size: int


@dataclass(frozen=True)
class PredictConfig:
    """Everything that `python -m seizure.predict` can be told."""

    input: Path
    checkpoint: Path
    output: Path
    on_threshold: float | None
    missing: Literal["as_trained", "masked"]
    accelerator: Literal["auto", "cpu", "gpu", "cuda"]
    batch_size: int


@dataclass(frozen=True)
class LookConfig:
    """Everything that `python -m seizure.look` can be told; `at` is in seconds."""

    recording: Path
    at: float | None
    page_s: float
    scale_uv: float
    filtered: bool
    output: Path | None
    paths: Paths
    preprocess: Preprocessing

    def __post_init__(self) -> None:
        for name in ("page_s", "scale_uv"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be above 0, found {getattr(self, name)}")


def parse(schema: type[ConfigT], values: Mapping[str, Any]) -> ConfigT:
    """The configuration as checked, typed values.

    Raises `ConfigError` for an unknown key (naming the nearest known), a missing key, a value of
    the wrong type, or values that contradict each other.
    """
    known = set(known_keys(schema, values))
    for key in _leaves(values):
        if key not in known:
            raise unknown_key(key, known)
    try:
        return TypeAdapter(schema).validate_python(dict(values))
    except ValidationError as error:
        raise ConfigError(_plain(error)) from error


def to_plain(config: Any) -> dict[str, Any]:
    """A checked configuration as plain containers, as `parse` takes it."""
    return TypeAdapter(type(config)).dump_python(config, mode="json")


def unknown_key(key: str, known: set[str]) -> ConfigError:
    """The error for a key that nothing reads."""
    nearest = max(sorted(known), key=lambda candidate: _likeness(key, candidate))
    return ConfigError(f"unknown key {key!r}; the nearest known key is {nearest!r}")


def _likeness(key: str, known: str) -> float:
    """How alike two dotted keys are; the last part counts most, as a key may be misplaced."""

    def ratio(one: str, other: str) -> float:
        return difflib.SequenceMatcher(None, one, other).ratio()

    parent, _, name = key.rpartition(".")
    known_parent, _, known_name = known.rpartition(".")
    # A key without its parent says nothing about where it belongs.
    return (ratio(parent, known_parent) if parent else 0.0) + 2 * ratio(name, known_name)


def known_keys(
    schema: Any, values: Mapping[str, Any] | None = None, prefix: str = ""
) -> Iterator[str]:
    """Every dotted key that a schema reads.

    Where a group has several members, `values` tell by its `name` which one; without them the
    keys of all members are given.
    """
    hints = get_type_hints(schema)
    for entry in fields(schema):
        below = (values or {}).get(entry.name)
        below = below if isinstance(below, Mapping) else None
        members = [m for m in _members(hints[entry.name]) if is_dataclass(m)]
        if not members:
            yield f"{prefix}{entry.name}"
        named = [m for m in members if below and below.get("name") in _names(m)]
        for member in named or members:
            yield from known_keys(member, below, f"{prefix}{entry.name}.")


def _members(hint: Any) -> list[Any]:
    """The alternatives of a type, unwrapped."""
    if get_origin(hint) in (Union, UnionType):
        return [member for part in get_args(hint) for member in _members(part)]
    return [hint]


def _names(schema: Any) -> tuple[Any, ...]:
    """What `name` may be in a member of a group."""
    return get_args(get_type_hints(schema).get("name"))


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        elif not isinstance(value, Mapping):
            yield f"{prefix}{key}"


def _plain(error: ValidationError) -> str:
    """pydantic's findings, with each key as it is written on the command line."""
    lines = []
    for found in error.errors():
        location = [str(part) for part in found["loc"]]
        # A union's member is part of pydantic's location, not of the key.
        if len(location) > 1 and location[0] in ("corpus", "model", "objective"):
            del location[1]
        key = ".".join(location)
        if found["type"] == "missing":
            lines.append(f"{key}: no value; give {key}=…")
        elif found["type"] == "value_error":
            said = found["msg"].removeprefix("Value error, ")
            lines.append(f"{key}: {said}" if key else said)
        else:
            lines.append(f"{key}: {found['msg']}, found {found['input']!r}")
    return "; ".join(lines)
