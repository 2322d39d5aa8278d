"""The LightningModule of a training run."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from seizure.build.detector import input_spec, network
from seizure.build.objective import loss, loss_per_target, of_targets
from seizure.config import TrainConfig
from seizure.learning.augmentation import Augmenter
from seizure.learning.module import DetectionModule
from seizure.nn.mamba_stack import recompute_streams
from seizure.schema import parse
from seizure.windows.datamodule import WindowDataModule


def module(
    config: TrainConfig, data: WindowDataModule, configuration: dict[str, Any]
) -> DetectionModule:
    """The LightningModule of a training run; `configuration` goes into its checkpoints."""
    channel_names = data.index.channel_names
    made = _module(config, channel_names, configuration, loss(config.objective, data))
    backend = config.trainer.compile
    if backend is not None:
        # In place: the network keeps its class, and its weights their names.
        made.network.compile(backend=backend)
    return made


def rebuilt(configuration: Mapping[str, Any]) -> DetectionModule:
    """The LightningModule of a stored configuration, freshly initialised, without the data.

    What the data decide, the weight of seizures, must be in it.
    """
    stored = dict(configuration)
    channel_names = tuple(stored.pop("channel_names"))
    config = parse(TrainConfig, stored)
    per_target = loss_per_target(config.objective, None)
    of_windows = of_targets(per_target, config.windows, config.preprocess.rate_hz)
    return _module(config, channel_names, stored, of_windows)


def _module(
    config: TrainConfig,
    channel_names: tuple[str, ...],
    configuration: dict[str, Any],
    loss: nn.Module,
) -> DetectionModule:
    inputs = input_spec(config, channel_names)
    stored = {**configuration, "channel_names": list(inputs.channel_names)}
    detector = network(config.model, inputs)
    if config.trainer.recompute_streams:
        recompute_streams(detector)
    return DetectionModule(
        network=detector,
        loss=loss,
        optimisation=config.optimisation,
        postprocessing=config.events,
        rate_hz=config.preprocess.rate_hz,
        track_rate_hz=config.track_rate_hz,
        configuration=stored,
        augment=augmenter(config, inputs.channel_names),
    )


def augmenter(config: TrainConfig, channel_names: tuple[str, ...]) -> Augmenter | None:
    """What changes training windows; None where nothing does."""
    if config.augmentation.is_off:
        return None
    masks = config.preprocess.missing == "mask"
    rate_hz = config.preprocess.rate_hz
    return Augmenter(config.augmentation, channel_names, rate_hz, config.seed, masks)
