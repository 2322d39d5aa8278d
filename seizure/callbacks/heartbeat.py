"""Lines that say where a run is, at a steady interval, also while one batch keeps it waiting."""

import logging
import threading
import time
from typing import Any

import lightning.pytorch as pl
from torch import Tensor

from seizure.callbacks.stage import Stage, amount

log = logging.getLogger("seizure")


class Heartbeat(pl.Callback):
    """Announces every training epoch, validation, test and prediction, then speaks every
    `interval_s`, and says what each took.

    A timer's thread speaks, so that a loader or a kernel that hangs shows as "no batch for 240 s".
    Rank zero only.
    """

    def __init__(self, interval_s: float = 120.0) -> None:
        if not interval_s > 0:
            raise ValueError(f"interval_s must be positive, found {interval_s}")
        self.interval_s = interval_s
        self._stage: Stage | None = None
        self._paused: Stage | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if trainer.is_global_zero and self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
            self._thread.start()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._silence()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self._silence()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begin_training(trainer)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # A run that continues in the middle of an epoch does not start that epoch again.
        if self._stage is None:
            self._begin_training(trainer, n_done=batch_idx)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        # Lightning hands on the loss as it enters the gradient, divided by accumulated batches.
        self._count(outputs, trainer.accumulate_grad_batches)
        if self._stage is not None and self._stage.is_done:
            self._say(trainer, self._stage.done(time.monotonic()))

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._paused = self._stage
        if trainer.sanity_checking:
            self._begin("sanity check", sum(trainer.num_sanity_val_batches))
            return
        n_batches, loaders = sum(trainer.num_val_batches), trainer.val_dataloaders
        name, compared = "validation", ""
        if trainer.state.fn == "fit":
            name = f"validation, epoch {trainer.current_epoch + 1}"
            n_train, training = trainer.num_training_batches, trainer.train_dataloader
            compared = f"; a training epoch has {amount(n_train, training, trainer.world_size)}"
            times = n_batches / n_train
            if times > 1:
                compared += f", so this is {times:.1f} times as many batches"
        self._announce(trainer, name, n_batches, loaders, compared)

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._count(outputs)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        stage, self._stage = self._stage, self._paused
        if stage is None or trainer.sanity_checking:
            return
        now = time.monotonic()
        if self._stage is not None:
            # A validation inside an epoch is no part of that epoch's pace.
            self._stage.started_at += now - stage.started_at
            self._stage.last_batch_at += now - stage.started_at
        self._say(trainer, stage.done(now, _metrics(trainer, "val/")))

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._announce(trainer, "test", sum(trainer.num_test_batches), trainer.test_dataloaders)

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._count(outputs)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._finish(trainer, _metrics(trainer, "test/"))

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        n_batches = sum(trainer.num_predict_batches)
        self._announce(trainer, "prediction", n_batches, trainer.predict_dataloaders)

    def on_predict_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._count(None)

    def on_predict_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._finish(trainer)

    def _begin_training(self, trainer: pl.Trainer, n_done: int = 0) -> None:
        name = f"training, epoch {trainer.current_epoch + 1} of {trainer.max_epochs}"
        done = f", {n_done} of them done" if n_done else ""
        n_batches, loader = trainer.num_training_batches, trainer.train_dataloader
        stage = self._announce(trainer, name, n_batches, loader, done)
        stage.n_before = stage.n_done = n_done

    def _announce(
        self, trainer: pl.Trainer, name: str, n_batches: float, loaders: Any, note: str = ""
    ) -> Stage:
        self._say(trainer, f"{name} starts: {amount(n_batches, loaders, trainer.world_size)}{note}")
        return self._begin(name, n_batches)

    def _begin(self, name: str, n_batches: float) -> Stage:
        now = time.monotonic()
        self._stage = Stage(name, n_batches, now, now, read_every_s=self.interval_s / 4)
        return self._stage

    def _count(self, outputs: Any, divided_by: int = 1) -> None:
        if self._stage is None:
            return
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if isinstance(loss, Tensor) and loss.numel() == 1:
            self._stage.count(loss.detach() * divided_by, time.monotonic())
        else:
            self._stage.count(None, time.monotonic())

    def _finish(self, trainer: pl.Trainer, metrics: dict[str, float] | None = None) -> None:
        stage, self._stage = self._stage, None
        if stage is not None:
            self._say(trainer, stage.done(time.monotonic(), metrics))

    def _say(self, trainer: pl.Trainer, line: str) -> None:
        if trainer.is_global_zero:
            log.info("%s", line)

    def _beat(self) -> None:
        while not self._stop.wait(self.interval_s):
            stage, now = self._stage, time.monotonic()
            # What has only just been announced has nothing to say yet.
            if stage is not None and now - stage.started_at >= self.interval_s / 10:
                log.info("%s", stage.line(now))

    def _silence(self) -> None:
        self._stage = None
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None


def _metrics(trainer: pl.Trainer, prefix: str) -> dict[str, float]:
    return {
        name.removeprefix(prefix): float(value)
        for name, value in trainer.callback_metrics.items()
        if name.startswith(prefix)
    }
