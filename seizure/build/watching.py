"""Everything that watches a run: callbacks and loggers."""

from lightning.pytorch.callbacks import Callback, RichProgressBar

from seizure.callbacks.checkpoint import (
    best_checkpoint,
    epoch_checkpoint,
    wall_clock_checkpoint,
)
from seizure.callbacks.heartbeat import Heartbeat
from seizure.callbacks.interruption import Interruption
from seizure.callbacks.learning_curve import LearningCurve
from seizure.callbacks.patience import Patience
from seizure.callbacks.process_group import LeaveTogether
from seizure.callbacks.random_state import RandomState
from seizure.callbacks.throughput import Throughput
from seizure.config import TrainConfig
from seizure.run_folder import RunFolder


def callbacks(
    config: TrainConfig, folder: RunFolder, interruption: Interruption, on_terminal: bool
) -> list[Callback]:
    """Everything that watches a training run."""
    settings = config.callbacks
    watching: list[Callback] = [
        Heartbeat(settings.heartbeat_interval_s),
        Throughput(),
        RandomState(),
        LearningCurve(),
        Patience(settings.monitor, settings.patience),
        interruption,
        best_checkpoint(folder.checkpoints, settings.monitor),
        epoch_checkpoint(folder.checkpoints),
        wall_clock_checkpoint(folder.checkpoints, settings.checkpoint_every_min),
        LeaveTogether(),
    ]
    return [*watching, RichProgressBar(leave=True)] if on_terminal else watching
