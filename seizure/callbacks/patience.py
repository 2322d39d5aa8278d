"""Stopping when an epoch's figure has not become better for so long; also of a continued run."""

from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason


class Patience(EarlyStopping):
    """Lightning's early stopping on the highest `monitor`, for runs of several sittings.

    A run that was to stop, and was killed before it was finished, learns no epoch more when it is
    continued; and the patience is that of the present command.
    """

    def __init__(self, monitor: str, patience: int) -> None:
        super().__init__(monitor, mode="max", patience=patience, strict=True)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "patience": self.patience})

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        lost = self.stopping_reason == EarlyStoppingReason.NON_FINITE_METRIC
        if lost or self.wait_count >= self.patience:
            trainer.should_stop = True
