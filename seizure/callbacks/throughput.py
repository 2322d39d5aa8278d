"""How fast an epoch learnt and where its time went, in one line and in the metrics."""

import logging
import time
from typing import Any

import lightning.pytorch as pl

from seizure.windows.dataset import WindowBatch

log = logging.getLogger("seizure")


class Throughput(pl.Callback):
    """Each epoch: windows/s, and the shares of waiting for data, stepping and validation.

    Logged as `throughput/windows_per_s`, `throughput/data_wait_share` and
    `throughput/validation_share`. On a GPU kernels run behind the clock: what a step launches may
    be paid for in the next wait, so a share is then a hint, not a measurement.
    """

    def __init__(self) -> None:
        self._reset(0.0)

    def _reset(self, now: float) -> None:
        self._epoch_at = now
        self._ready_at = now
        self._n_windows = 0
        self._wait_s = 0.0
        self._step_s = 0.0
        self._validation_s = 0.0
        self._validation_at: float | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # An epoch that is continued in its middle does not start again.
        self._reset(time.monotonic())

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._reset(time.monotonic())

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: WindowBatch, batch_idx: int
    ) -> None:
        now = time.monotonic()
        self._wait_s += now - self._ready_at
        self._ready_at = now

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: WindowBatch,
        batch_idx: int,
    ) -> None:
        now = time.monotonic()
        self._step_s += now - self._ready_at
        self._ready_at = now
        self._n_windows += len(batch.row) * trainer.world_size

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._validation_at = time.monotonic()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._validation_at is not None and not trainer.sanity_checking:
            now = time.monotonic()
            self._validation_s += now - self._validation_at
            # A validation inside the epoch is not a wait for training data.
            self._ready_at = now

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        epoch_s = time.monotonic() - self._epoch_at
        stepping_s = self._wait_s + self._step_s
        if self._n_windows == 0 or stepping_s == 0:
            return
        rate = self._n_windows / stepping_s
        wait = self._wait_s / stepping_s
        validation = self._validation_s / epoch_s
        pl_module.log_dict(
            {
                "throughput/windows_per_s": rate,
                "throughput/data_wait_share": wait,
                "throughput/validation_share": validation,
            }
        )
        if trainer.is_global_zero:
            log.info(
                "throughput, epoch %d: %.1f windows/s; %.1f %% of a step waits for data; "
                "validation takes %.0f %% of the epoch's %.0f s",
                trainer.current_epoch + 1,
                rate,
                100 * wait,
                100 * validation,
                epoch_s,
            )
