"""The LightningModule of a training run."""

from typing import Any

from seizure.build.detector import input_spec, network
from seizure.build.objective import loss
from seizure.config import TrainConfig
from seizure.learning.augmentation import Augmenter
from seizure.learning.module import DetectionModule
from seizure.windows.datamodule import WindowDataModule


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


def augmenter(config: TrainConfig, channel_names: tuple[str, ...]) -> Augmenter | None:
    """What changes training windows; None where nothing does."""
    if config.augmentation.is_off:
        return None
    return Augmenter(config.augmentation, channel_names, config.preprocess.rate_hz, config.seed)
