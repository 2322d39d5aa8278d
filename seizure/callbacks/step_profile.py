"""What the operations of some training steps cost: a trace to look at, and the ten dearest."""

import logging
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch.profiler import ProfilerActivity, profile, schedule

log = logging.getLogger("seizure")


class StepProfile(pl.Callback):
    """torch's profiler over `n_steps` batches, loading included, after the first three.

    Writes `trace.json` (chrome://tracing, ui.perfetto.dev) and `top10.txt`, operations in the order
    of the time that they themselves take, into `folder`. Lightning's own profiler would let the
    validation overwrite what it found in training. Rank zero only.
    """

    def __init__(self, folder: Path, n_steps: int) -> None:
        self.folder = folder
        self.n_steps = n_steps
        self._profile: profile | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        on_cuda = pl_module.device.type == "cuda"
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_cuda else [])]
        # The first steps allocate memory and choose kernels; later ones are like each other.
        steps = schedule(wait=1, warmup=2, active=self.n_steps, repeat=1)
        self._profile = profile(activities=activities, schedule=steps, on_trace_ready=self._write)
        self._profile.start()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if self._profile is not None:
            self._profile.step()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        profiled, self._profile = self._profile, None
        if profiled is not None:
            profiled.stop()

    def _write(self, profiled: profile) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        profiled.export_chrome_trace(str(self.folder / "trace.json"))
        on_cuda = ProfilerActivity.CUDA in profiled.activities and torch.cuda.is_available()
        key = f"self_{'cuda' if on_cuda else 'cpu'}_time_total"
        table = profiled.key_averages().table(sort_by=key, row_limit=10, max_name_column_width=40)
        (self.folder / "top10.txt").write_text(table, encoding="utf-8")
        log.info("profile of %d steps: %s\n%s", self.n_steps, self.folder / "trace.json", table)
