"""How fast an epoch learnt, where its time went, what held it up, and what is left to pay."""

import logging
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.profilers import PassThroughProfiler

from seizure.callbacks.clock import CudaTimeline, HostTimeline, StageClock
from seizure.callbacks.stage import duration
from seizure.callbacks.usage import Usage, UsageMeter
from seizure.callbacks.verdict import Circumstances, EpochTimes, judge
from seizure.windows.dataset import WindowBatch

log = logging.getLogger("seizure")

# Shares that are not said under their own name.
NAMES = {"wait": "data wait", "transfer": "to the device", "validation_wait": "its data wait"}


@dataclass(frozen=True)
class Price:
    """What an hour of this machine costs, and where that is from."""

    per_h: float
    currency: str
    source: str


class Throughput(pl.Callback):
    """Each epoch: a line, a row `throughput/…` in the metrics, and the bottleneck in words.

    An epoch is counted from one line to the next, so that the checkpoints at its end belong to the
    next one, and what came before training to none. Windows a second are those of all processes,
    over the training steps; shares are of the epoch. Process zero speaks, of itself. On a GPU times
    are the device's own, see `CudaTimeline`.
    """

    def __init__(self, window_s: float = 60.0, price: Price | None = None) -> None:
        self.window_s = window_s
        self.price = price
        self._clock = StageClock(PassThroughProfiler(), HostTimeline())
        self._meter = UsageMeter(torch.device("cpu"))
        self._n_windows = 0
        self._whole_epochs_s: list[float] = []
        self._is_whole = False

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage != "fit":
            return
        on_cuda = trainer.strategy.root_device.type == "cuda"
        timeline = CudaTimeline() if on_cuda else HostTimeline()
        inner = trainer.profiler  # pyright: ignore[reportAttributeAccessIssue]
        self._clock = trainer.profiler = StageClock(inner, timeline)  # pyright: ignore[reportAttributeAccessIssue]
        self._meter = UsageMeter(trainer.strategy.root_device)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if trainer.profiler is self._clock:  # pyright: ignore[reportAttributeAccessIssue]
            trainer.profiler = self._clock.inner  # pyright: ignore[reportAttributeAccessIssue]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # The sanity check is no part of an epoch.
        self._clock.restart("wait")
        self._meter.look()
        self._n_windows = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._clock.base = "wait"
        self._is_whole = True

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: WindowBatch,
        batch_idx: int,
    ) -> None:
        self._n_windows += len(batch.row) * trainer.world_size

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._clock.base = "validation"

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._clock.base = "logging"

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        times = EpochTimes(**{f"{stage}_s": s for stage, s in self._clock.take().items()})
        usage = self._meter.look()
        n_windows, self._n_windows = self._n_windows, 0
        if self._is_whole:
            self._whole_epochs_s.append(times.epoch_s)
        if n_windows == 0 or not trainer.is_global_zero:
            return
        windows_per_s = n_windows / times.step_s
        speed = {
            "windows_per_s": windows_per_s,
            "eeg_h_per_s": windows_per_s * self.window_s / 3600,
        }
        shares = {name.removesuffix("_s"): s / times.epoch_s for name, s in vars(times).items()}
        left = self._left(trainer)
        row = {**speed, **{f"{part}_share": s for part, s in shares.items()}, **figures(usage)}
        row |= {"epoch_s": times.epoch_s, **left}
        for logger in trainer.loggers:
            named = {f"throughput/{name}": value for name, value in row.items()}
            # Beside the epoch's other rows, and before the checkpoint that follows.
            logger.log_metrics({**named, "epoch": trainer.current_epoch}, trainer.global_step - 1)
        parts = ", ".join(
            f"{NAMES.get(part, part)} {100 * s:.0f} %"
            for part, s in shares.items()
            if s >= 0.005 or part == "wait"
        )
        epoch = f"epoch {trainer.current_epoch + 1}"
        log.info(
            "throughput, %s: %.3g windows/s, %.2g h of EEG a second; of %s: %s; %s%s",
            epoch,
            *speed.values(),
            duration(times.epoch_s),
            parts,
            usage.in_words(),
            self._left_in_words(left),
        )
        sentences = [verdict.sentence for verdict in judge(times, _circumstances(trainer, usage))]
        log.info("verdict, %s: %s", epoch, "; also ".join(sentences))

    def _left(self, trainer: pl.Trainer) -> dict[str, float]:
        """Hours, and money where there is a price, until the last epoch, judged by whole epochs."""
        if not self._whole_epochs_s or not trainer.max_epochs or trainer.max_epochs < 0:
            return {}
        n_left = trainer.max_epochs - trainer.current_epoch - 1
        left_h = n_left * sum(self._whole_epochs_s) / len(self._whole_epochs_s) / 3600
        cost = {} if self.price is None else {"left_cost": left_h * self.price.per_h}
        return {"epochs_left": n_left, "left_h": left_h, **cost}

    def _left_in_words(self, left: dict[str, float]) -> str:
        if not left.get("epochs_left"):
            return ""
        n_left = left["epochs_left"]
        epochs = f"{n_left:g} epoch{'s' if n_left > 1 else ''}"
        said = f"; {epochs} left, at most {duration(3600 * left['left_h'])}"
        if self.price is None:
            return said
        return f"{said} and {left['left_cost']:.2f} {self.price.currency} ({self.price.source})"


def figures(usage: Usage) -> dict[str, float]:
    """What of a machine's use goes into the metrics."""
    used = {
        "busy_cores": usage.busy_cores,
        "busiest_core_share": max(usage.core_shares),
        "idlest_core_share": min(usage.core_shares),
        "memory_gib": usage.memory_gib,
        "workers_gib": sum(usage.worker_gib),
    }
    return used if usage.device_gib is None else {**used, "device_gib": usage.device_gib}


def _circumstances(trainer: pl.Trainer, usage: Usage) -> Circumstances:
    return Circumstances(
        n_workers=getattr(trainer.train_dataloader, "num_workers", 0),
        n_processes=trainer.num_devices,
        n_cores=usage.n_cores,
        busy_cores=usage.busy_cores,
        device=trainer.strategy.root_device.type,
        precision=str(trainer.precision),
        check_val_every_n_epoch=trainer.check_val_every_n_epoch or 1,
        log_every_n_steps=trainer.log_every_n_steps,  # pyright: ignore[reportAttributeAccessIssue]
        device_memory_share=usage.device_share,
    )
