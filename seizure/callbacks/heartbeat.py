"""Lines that say where a run is, at a steady interval, also while one batch keeps it waiting."""

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

log = logging.getLogger("seizure")


@dataclass
class _Stage:
    """What is known of the loop that runs now; written by the run, read by the timer's thread."""

    name: str
    n_batches: float
    started_at: float
    last_batch_at: float
    n_before: int = 0
    n_done: int = 0
    losses: list[Tensor] = field(default_factory=list)

    def line(self, now: float) -> str:
        """One line of progress: batches, rate, time left and loss, or how long it has waited."""
        of = f"{self.n_done} of {self.n_batches:g} batches"
        if self.n_done == self.n_before:
            return f"{self.name}: no batch yet after {_duration(now - self.started_at)}"
        # Judged by its own pace: three of its mean batches without a sign is worth a word.
        waited_s = now - self.last_batch_at
        mean_s = (self.last_batch_at - self.started_at) / (self.n_done - self.n_before)
        if waited_s > max(5.0, 3 * mean_s):
            return f"{self.name}: no batch for {_duration(waited_s)} ({of} done)"
        left_s = (self.n_batches - self.n_done) * mean_s
        return (
            f"{self.name}: {of}, {1 / mean_s:.3g} batches/s, {_duration(left_s)} left, "
            f"loss {self.mean_loss():.4f}"
        )

    def mean_loss(self) -> float:
        """Mean of the batches' losses so far; they leave the device only when somebody looks."""
        losses = list(self.losses)
        return float(torch.stack(losses).float().mean()) if losses else float("nan")


class Heartbeat(pl.Callback):
    """Announces every training epoch, validation and prediction, then speaks every `interval_s`.

    A timer's thread speaks, so that a loader or a kernel that hangs shows as "no batch for 240 s".
    Rank zero only.
    """

    def __init__(self, interval_s: float = 120.0) -> None:
        if not interval_s > 0:
            raise ValueError(f"interval_s must be positive, found {interval_s}")
        self.interval_s = interval_s
        self._stage: _Stage | None = None
        self._paused: _Stage | None = None
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
        self._count(outputs)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._paused = self._stage
        n_batches = sum(trainer.num_val_batches)
        if trainer.sanity_checking:
            self._begin(trainer, "sanity check", sum(trainer.num_sanity_val_batches), quiet=True)
            return
        compared = ""
        n_train = trainer.num_training_batches
        if trainer.state.fn == "fit" and n_train:
            compared = f"; a training epoch has {n_train:g}"
            if n_batches > n_train:
                compared += f", so this is {n_batches / n_train:.1f} times as many"
        self._begin(trainer, f"validation, epoch {trainer.current_epoch + 1}", n_batches, compared)

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
        if stage is None or trainer.sanity_checking or not trainer.is_global_zero:
            return
        metrics = {
            name.removeprefix("val/"): float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith("val/")
        }
        listed = ", ".join(f"{name} {value:.4f}" for name, value in sorted(metrics.items()))
        took_s = time.monotonic() - stage.started_at
        log.info("%s done in %s: %s", stage.name, _duration(took_s), listed or "no metric")

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begin(trainer, "prediction", sum(trainer.num_predict_batches))

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
        stage, self._stage = self._stage, None
        if stage is not None and trainer.is_global_zero:
            log.info("%s done in %s", stage.name, _duration(time.monotonic() - stage.started_at))

    def _begin_training(self, trainer: pl.Trainer, n_done: int = 0) -> None:
        epoch = f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}"
        done = f", {n_done} of them done" if n_done else ""
        self._begin(trainer, f"training, {epoch}", trainer.num_training_batches, done)
        if self._stage is not None:
            self._stage.n_before = self._stage.n_done = n_done

    def _begin(
        self, trainer: pl.Trainer, name: str, n_batches: float, note: str = "", quiet: bool = False
    ) -> None:
        now = time.monotonic()
        self._stage = _Stage(name, n_batches, started_at=now, last_batch_at=now)
        if trainer.is_global_zero and not quiet:
            log.info("%s starts: %g batches%s", name, n_batches, note)

    def _count(self, outputs: Any) -> None:
        stage = self._stage
        if stage is None:
            return
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if isinstance(loss, Tensor) and loss.numel() == 1:
            stage.losses.append(loss.detach())
        stage.n_done += 1
        stage.last_batch_at = time.monotonic()

    def _beat(self) -> None:
        while not self._stop.wait(self.interval_s):
            stage = self._stage
            if stage is not None:
                log.info("%s", stage.line(time.monotonic()))

    def _silence(self) -> None:
        self._stage = None
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None


def _duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> _duration(8.2), _duration(125), _duration(7260)
    ('8 s', '2 min 05 s', '2 h 01 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
