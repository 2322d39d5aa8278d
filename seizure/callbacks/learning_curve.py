"""The training loss and the learning rate in the metrics, each row before the checkpoint after it.

Lightning logs a step, and an epoch, after the checkpoint that is written at its end: a run that is
killed in between would go on without that row.
"""

import logging
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

log = logging.getLogger("seizure")


class LearningCurve(pl.Callback):
    """Logs `train/loss_step` and `train/lr` every `log_every_n_steps`, `train/loss_epoch` each
    epoch.

    The epoch's mean goes on where a checkpoint left it. Several processes log the mean over them.
    """

    def __init__(self) -> None:
        self._total: Tensor | None = None
        self._n_batches = 0
        self._n_steps = 0
        self._last: Tensor | None = None
        self._lr = 0.0

    def state_dict(self) -> dict[str, Any]:
        """The sum of the epoch's losses so far, and of how many batches."""
        total = None if self._total is None else self._total.cpu()
        return {"total": total, "n_batches": self._n_batches}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with an epoch's mean."""
        self._total, self._n_batches = state_dict["total"], state_dict["n_batches"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._n_steps = trainer.global_step

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._total, self._n_batches = None, 0

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # At the end of the batch the schedule is one step further.
        self._lr = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        # Lightning hands on the loss as it enters the gradient: divided by the accumulated batches.
        loss = outputs["loss"].float() * trainer.accumulate_grad_batches
        loss = trainer.strategy.reduce(loss, reduce_op="mean")
        assert isinstance(loss, Tensor)
        # Of several devices the total stays where the losses are: nothing waits for a transfer.
        self._total = loss if self._total is None else self._total.to(loss.device) + loss
        self._n_batches += 1
        self._last = loss
        if trainer.global_step == self._n_steps:
            return
        self._n_steps = trainer.global_step
        every = trainer.log_every_n_steps  # pyright: ignore[reportAttributeAccessIssue]
        if self._n_steps % every == 0:
            self._log(trainer, {"train/loss_step": loss, "train/lr": self._lr})

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._last is not None and trainer.is_global_zero:
            log.info("loss of the last batch: %.3g", float(self._last))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._total is not None:
            self._log(trainer, {"train/loss_epoch": self._total / self._n_batches})

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        # What a checkpoint has seen must be on disk before it.
        for logger in trainer.loggers:
            logger.save()

    def _log(self, trainer: pl.Trainer, figures: dict[str, Any]) -> None:
        plain = {name: float(torch.as_tensor(value)) for name, value in figures.items()}
        for logger in trainer.loggers:
            logger.log_metrics(
                {**plain, "epoch": trainer.current_epoch}, step=trainer.global_step - 1
            )
