"""The schema of every verb's configuration: composed by Hydra, checked by `seizure.schema`.

Stages define their own settings (`Preprocessing`, `Windowing`, `EncoderSpec`, ...); this file only
puts them together.
"""

import math
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Annotated, Literal

from pydantic import Field

from seizure.cache.workers import Part, Workers
from seizure.corpus.edf_folder import Unannotated
from seizure.corpus.split import SplitPlan
from seizure.corpus.synthetic.spec import SyntheticSpec
from seizure.eeg.filtering import Preprocessing
from seizure.eeg.montage import channels_of
from seizure.events.decide import Postprocessing
from seizure.hardware import Hardware
from seizure.learning.spec import Augmentation, CrossEntropy, Focal, Optimisation, Tversky
from seizure.models.choice import DualStreamModel, ElectrodeStreamModel
from seizure.models.spec import InputSpec
from seizure.windows.spec import Balance, Loading, Windowing

Accelerator = Literal["auto", "cpu", "gpu", "cuda", "mps"]
# Of what a validation gives: a name of nothing would be found out after an epoch.
Monitored = Literal["val/auroc", "val/sensitivity_at_10fa", "val/mean_sensitivity"]
# Of the trainer's settings.
_COUNTS = (
    "max_epochs", "num_nodes", "accumulate_grad_batches", "check_val_every_n_epoch",
    "log_every_n_steps",
)  # fmt: skip


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
    """What Lightning's Trainer is given, under its own names, and three settings of the step.

    `precision` auto is bf16-mixed on a CUDA device that has it, 32-true elsewhere. `compile` names
    a backend of `torch.compile`; `recompute_streams` trades time for memory; `profile_steps` are
    looked at by torch's profiler.
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
    compile: str | None = None
    recompute_streams: bool = False
    profile_steps: int = 0

    def __post_init__(self) -> None:
        for name in _COUNTS:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
        for name in ("limit_train_batches", "limit_val_batches"):
            limit = getattr(self, name)
            if not (limit >= 1 if isinstance(limit, int) else 0 < limit <= 1):
                raise ValueError(
                    f"{name} must be a number of batches, or a share of them above 0 and up to "
                    f"1.0, found {limit}"
                )
        if not re.fullmatch(r"auto|-1|[1-9]\d*|\d+(,\d+)+", str(self.devices)):
            raise ValueError(f"devices must be a number, auto or a list, found {self.devices!r}")
        if self.check_val_every_n_epoch > self.max_epochs:
            raise ValueError(
                f"check_val_every_n_epoch={self.check_val_every_n_epoch} with max_epochs="
                f"{self.max_epochs}: no epoch would be validated, so none could be kept as the best"
            )
        if self.gradient_clip_val is not None and not self.gradient_clip_val > 0:
            raise ValueError(
                f"gradient_clip_val must be above 0, or null, found {self.gradient_clip_val}"
            )
        if self.profile_steps < 0:
            raise ValueError(f"profile_steps must be at least 0, found {self.profile_steps}")


@dataclass(frozen=True)
class Callbacks:
    """What is watched while training: `monitor` picks the best epoch (higher is better)."""

    monitor: Monitored
    patience: int
    heartbeat_interval_s: float
    checkpoint_every_min: float

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise ValueError(f"patience must be at least 1, found {self.patience}")
        for name in ("heartbeat_interval_s", "checkpoint_every_min"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be above 0, found {getattr(self, name)}")


@dataclass(frozen=True)
class CsvLogger:
    """Metrics go to `metrics.csv` in the run's folder, as they do with every logger."""

    name: Literal["csv"]
    flush_every_n_steps: int


@dataclass(frozen=True)
class TensorBoardLogging:
    """They also go to event files in the run's folder, with the report's pictures."""

    name: Literal["tensorboard"]
    flush_every_n_steps: int


@dataclass(frozen=True)
class WandbLogging:
    """They also go to Weights & Biases; offline they stay in the run's folder."""

    name: Literal["wandb"]
    flush_every_n_steps: int
    project: str
    wandb_mode: Literal["offline", "online", "disabled"]


@dataclass(frozen=True)
class Prepare(Workers):
    """How the cache is built, and whether every checksum is compared on the way."""

    verify: bool = False


Corpus = Annotated[
    SyntheticCorpus | TuszCorpus | ChbmitCorpus | BidsCorpus | EdfFolderCorpus,
    Field(discriminator="name"),
]
Objective = Annotated[Focal | CrossEntropy | Tversky, Field(discriminator="name")]
Logging = Annotated[CsvLogger | TensorBoardLogging | WandbLogging, Field(discriminator="name")]
Model = Annotated[DualStreamModel | ElectrodeStreamModel, Field(discriminator="name")]


@dataclass(frozen=True)
class PrepareConfig:
    """Everything that `python -m seizure.prepare` can be told; `part` as in `Part.read`."""

    paths: Paths
    corpus: Corpus
    preprocess: Preprocessing
    prepare: Prepare
    part: str | None = None

    def __post_init__(self) -> None:
        if self.part is None:
            return
        Part.read(self.part)
        if self.prepare.verify:
            raise ValueError(f"part={self.part}: verify the whole cache, without part=")


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
    logger: Logging
    events: Postprocessing
    track_rate_hz: float
    augmentation: Augmentation = field(default_factory=Augmentation)
    hw: Hardware = field(default_factory=Hardware)

    def __post_init__(self) -> None:
        run = PurePath(self.run)
        if not run.name or ".." in run.parts:
            raise ValueError(f"run={self.run}: found no name of a folder in {self.paths.runs}")
        names = channels_of(self.preprocess.montage)
        inputs = InputSpec(names, self.preprocess.rate_hz, self.windows.window_s)
        self.model.check(inputs)
        if self.preprocess.missing == "mask" and isinstance(self.model, DualStreamModel):
            raise ValueError(
                "preprocess.missing=mask: model.name=dual_stream mixes all electrodes and needs "
                "each of them; set model=electrode_pico, which can go without, or "
                "preprocess.missing=interpolate"
            )
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
class DoctorConfig(TrainConfig):
    """What `python -m seizure.doctor` can be told: all that training can, and two files."""

    output: Path | None = None
    replay: Path | None = None


@dataclass(frozen=True)
class EvaluateConfig:
    """Everything that `python -m seizure.evaluate` can be told; one of checkpoint and tracks."""

    checkpoint: Path | None
    tracks: Path | None
    versus: Path | None
    output: Path | None
    split: Literal["train", "dev", "eval"]
    paths: Paths
    corpus: Corpus
    prepare: Prepare
    accelerator: Accelerator
    batch_size: int

    def __post_init__(self) -> None:
        if (self.checkpoint is None) == (self.tracks is None):
            raise ValueError(
                "give either checkpoint=, whose tracks are then made, or tracks=, the folder of "
                f"tracks of an earlier evaluation; found checkpoint={self.checkpoint} and "
                f"tracks={self.tracks}"
            )


@dataclass(frozen=True)
class PredictConfig:
    """Everything that `python -m seizure.predict` can be told."""

    input: Path
    checkpoint: Path
    output: Path
    on_threshold: float | None
    missing: Literal["as_trained", "mask"]
    accelerator: Literal["auto", "cpu", "gpu", "cuda"]
    batch_size: int
    track: bool = False
    picture: bool = False


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
