"""From a checked configuration to objects: the only place that puts the rooms together."""

import logging
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    RichProgressBar,
)
from torch import nn

from seizure.callbacks.checkpoint import (
    best_checkpoint,
    epoch_checkpoint,
    wall_clock_checkpoint,
)
from seizure.callbacks.heartbeat import Heartbeat
from seizure.callbacks.interruption import Interruption
from seizure.callbacks.metrics_file import MetricsFile
from seizure.callbacks.process_group import LeaveTogether
from seizure.callbacks.random_state import RandomState
from seizure.callbacks.throughput import Throughput
from seizure.config import Model, Objective, TrainConfig, TrainerSettings
from seizure.eeg.montage import channels_of
from seizure.learning.augmentation import Augmenter
from seizure.learning.loss import (
    CoarserTargets,
    FocalLoss,
    WeightedCrossEntropy,
    balanced_pos_weight,
)
from seizure.learning.module import DetectionModule
from seizure.learning.spec import Focal
from seizure.learning.tracks import samples_per_frame
from seizure.models.choice import ElectrodeStreamModel
from seizure.models.dual_stream import DualStream
from seizure.models.electrode_stream import ElectrodeStream
from seizure.models.spec import InputSpec
from seizure.models.weights import StoredDetector, load_weights, read_detector
from seizure.run_folder import RunFolder
from seizure.schema import ConfigError, parse
from seizure.scoring.operating_point import Choice, parse_choice, read_choice
from seizure.windows.datamodule import WindowDataModule

log = logging.getLogger("seizure")

# What `seizure.export` writes; every other file is read as a run's checkpoint.
WEIGHTS_SUFFIX = ".safetensors"


def network(model: Model, inputs: InputSpec) -> nn.Module:
    """The detector of a configuration, freshly initialised."""
    streams = (model.encoder, model.node, model.edge, model.graph, model.dropout)
    if isinstance(model, ElectrodeStreamModel):
        return ElectrodeStream(inputs, model.bands, *streams, causal=model.causal)
    return DualStream(inputs, *streams)


def loss(objective: Objective, data: WindowDataModule) -> nn.Module:
    """The loss at the rate of the targets."""
    per_target = loss_per_target(objective, data)
    target_rate_hz = data.windowing.target_rate_hz
    if target_rate_hz is None:
        return per_target
    return CoarserTargets(per_target, samples_per_frame(data.index.rate_hz, target_rate_hz))


def loss_per_target(objective: Objective, data: WindowDataModule) -> nn.Module:
    """The loss; a missing `pos_weight` follows from the share of seizure in the drawn windows."""
    if isinstance(objective, Focal):
        return FocalLoss(objective.alpha, objective.gamma)
    if objective.pos_weight is not None:
        return WeightedCrossEntropy(objective.pos_weight)
    return WeightedCrossEntropy(balanced_pos_weight(data.drawn_seizure_share()))


def augmenter(config: TrainConfig, channel_names: tuple[str, ...]) -> Augmenter | None:
    """What changes training windows; None where nothing does."""
    if config.augmentation.is_off:
        return None
    return Augmenter(config.augmentation, channel_names, config.preprocess.rate_hz, config.seed)


def input_spec(config: TrainConfig, channel_names: tuple[str, ...]) -> InputSpec:
    """What a training window looks like."""
    return InputSpec(channel_names, config.preprocess.rate_hz, config.windows.window_s)


def module(
    config: TrainConfig, data: WindowDataModule, configuration: dict[str, Any]
) -> DetectionModule:
    """The LightningModule of a training run; `configuration` goes into its checkpoints."""
    inputs = input_spec(config, data.index.channel_names)
    stored = {**configuration, "channel_names": list(inputs.channel_names)}
    return DetectionModule(
        network=network(config.model, inputs),
        loss=loss(config.objective, data),
        optimisation=config.optimisation,
        postprocessing=config.events,
        rate_hz=config.preprocess.rate_hz,
        track_rate_hz=config.track_rate_hz,
        configuration=stored,
        augment=augmenter(config, inputs.channel_names),
    )


def module_from(checkpoint: Path) -> tuple[DetectionModule, TrainConfig]:
    """The trained module of a .ckpt or .safetensors, and the configuration it was trained with.

    Raises `ConfigError` if the file is neither, or states another order of channels or another
    rate than its configuration gives; weights load strictly.
    """
    stored = stored_detector(checkpoint)
    config = parse(TrainConfig, stored.configuration)
    inputs = input_spec(config, channels_of(config.preprocess.montage))
    if stored.inputs != inputs:
        raise ConfigError(
            f"checkpoint: {checkpoint} was trained on {_described(stored.inputs)}; its "
            f"configuration gives {_described(inputs)}. It was edited, or written by another "
            f"version; export it again"
        )
    trained = DetectionModule(
        network=network(config.model, inputs),
        loss=nn.Identity(),
        optimisation=config.optimisation,
        postprocessing=config.events,
        rate_hz=config.preprocess.rate_hz,
        track_rate_hz=config.track_rate_hz,
        configuration={**stored.configuration, "channel_names": list(inputs.channel_names)},
    )
    load_weights(trained.network, stored.state)
    return trained.eval(), config


def stored_detector(checkpoint: Path) -> StoredDetector:
    """What a checkpoint of a run, or a file of `seizure.export`, holds. Raises `ConfigError`."""
    if not checkpoint.is_file():
        raise ConfigError(f"checkpoint: no file {checkpoint}; give a .ckpt or a .safetensors")
    if checkpoint.suffix == WEIGHTS_SUFFIX:
        return read_detector(checkpoint)
    # On a file of another kind torch fails in as many ways as there are kinds.
    if not zipfile.is_zipfile(checkpoint):
        raise ConfigError(f"checkpoint: {checkpoint} is not a checkpoint, or was cut off")
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    configuration = dict(content.get("hyper_parameters", {}).get("configuration", {}))
    if not configuration:
        raise ConfigError(f"checkpoint: {checkpoint} was not written by seizure.train")
    channel_names = tuple(configuration.pop("channel_names"))
    config = parse(TrainConfig, configuration)
    kept = operating_point_of(checkpoint)
    return StoredDetector(
        state={name.removeprefix("network."): t for name, t in content["state_dict"].items()},
        inputs=input_spec(config, channel_names),
        normalisation=config.windows.describe_normalisation(),
        configuration=configuration,
        operating_point=kept.read_text(encoding="utf-8") if kept.is_file() else None,
    )


def _described(inputs: InputSpec) -> str:
    names = ", ".join(inputs.channel_names)
    return f"{names} at {inputs.rate_hz:g} Hz in windows of {inputs.window_s:g} s"


def operating_point_of(checkpoint: Path) -> Path:
    """Where a checkpoint's operating point is kept."""
    return checkpoint.with_suffix(".operating_point.json")


def kept_choice(checkpoint: Path) -> Choice | None:
    """The operating point in a .safetensors, or beside any checkpoint; None where none is kept."""
    if checkpoint.suffix == WEIGHTS_SUFFIX:
        inside = read_detector(checkpoint).operating_point
        if inside is not None:
            return parse_choice(inside, str(checkpoint))
    beside = operating_point_of(checkpoint)
    return read_choice(beside) if beside.is_file() else None


def callbacks(
    config: TrainConfig, folder: RunFolder, interruption: Interruption, on_terminal: bool
) -> list[Callback]:
    """Everything that watches a training run."""
    settings = config.callbacks
    watching: list[Callback] = [
        Heartbeat(settings.heartbeat_interval_s),
        Throughput(),
        RandomState(),
        EarlyStopping(settings.monitor, mode="max", patience=settings.patience, strict=True),
        interruption,
        best_checkpoint(folder.checkpoints, settings.monitor),
        epoch_checkpoint(folder.checkpoints),
        wall_clock_checkpoint(folder.checkpoints, settings.checkpoint_every_min),
        LeaveTogether(),
    ]
    return [*watching, RichProgressBar(leave=True)] if on_terminal else watching


def trainer(
    config: TrainConfig,
    folder: RunFolder,
    interruption: Interruption,
    n_batches: int,
    on_terminal: bool,
) -> pl.Trainer:
    """Lightning's Trainer with the run's callbacks and its CSV logger.

    `n_batches` is the length of a training epoch.
    """
    settings = asdict(config.trainer)
    settings["precision"] = precision(config.trainer)
    # An epoch shorter than the interval still logs its steps.
    limit = settings["limit_train_batches"]
    n_steps = limit if isinstance(limit, int) else max(1, int(limit * n_batches))
    settings["log_every_n_steps"] = min(settings["log_every_n_steps"], n_steps, n_batches)
    return pl.Trainer(
        **settings,
        logger=MetricsFile(folder.path, config.logger.flush_every_n_steps),
        callbacks=callbacks(config, folder, interruption, on_terminal),
        default_root_dir=folder.path,
        enable_progress_bar=on_terminal,
        enable_model_summary=False,
        # Sampling by rank is done by the sampler itself.
        use_distributed_sampler=False,
    )


def scoring_trainer(accelerator: str, precision: str = "32-true") -> pl.Trainer:
    """A Trainer for predictions alone: one device, no logger, no checkpoints."""
    check_accelerator(accelerator)
    return pl.Trainer(
        accelerator=accelerator,
        devices=1,
        precision=precision,  # pyright: ignore[reportArgumentType]
        logger=False,
        callbacks=[Heartbeat(30.0)],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def precision(settings: TrainerSettings) -> str:
    """The precision in force: bf16-mixed where `auto` finds a CUDA device that has it."""
    if settings.precision != "auto":
        return settings.precision
    on_cuda = settings.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    return "bf16-mixed" if on_cuda and torch.cuda.is_bf16_supported() else "32-true"


def check_accelerator(accelerator: str) -> None:
    """Raises `ConfigError` for a CUDA device that is asked for and not there."""
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise ConfigError(
            f"accelerator={accelerator} needs a CUDA device and this machine shows none (torch "
            f"{torch.__version__}); give accelerator=auto, or +hw=local for training"
        )
