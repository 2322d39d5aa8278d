"""The checkpoints a run keeps: the best by its monitor, and one true last, each whole or absent."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

LAST = "last.ckpt"
BEST = "best.ckpt"


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it, so that a kill leaves the one before.

    Lightning's own goes through the system's folder for temporary files; where the run's folder is
    on another disk, as on a rented machine, moving it from there is copying it.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.writing")
        with unfinished.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)


def steps_are_complete(trainer: pl.Trainer, batch_idx: int) -> bool:
    """Whether after this batch a checkpoint holds all there is, so that a run can go on from it.

    Between the batches of one optimiser's step it would lose gradients; after the last batch of an
    epoch, Lightning goes on with the next epoch and the validation in between would be lost.
    """
    is_last = trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
    return not is_last and (batch_idx + 1) % trainer.accumulate_grad_batches == 0


class _Kept(ModelCheckpoint):
    """One file under one name, found again where the run's folder was moved."""

    def __init__(self, folder: Path, name: str, **when: Any) -> None:
        super().__init__(
            dirpath=folder,
            filename=Path(name).stem,
            save_top_k=1,
            auto_insert_metric_name=False,
            enable_version_counter=False,
            **when,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        # Lightning forgets the best score when a folder has another path than it had.
        here = str(Path(str(self.dirpath)) / f"{self.filename}{self.FILE_EXTENSION}")
        moved = {"dirpath": self.dirpath, "best_k_models": {}}
        for name in ("best_model_path", "kth_best_model_path", "last_model_path"):
            moved[name] = here if state_dict[name] else ""
        if state_dict["best_k_models"]:
            moved["best_k_models"] = {here: next(iter(state_dict["best_k_models"].values()))}
        super().load_state_dict({**state_dict, **moved})


class _WallClock(_Kept):
    """Skips the moments from which a run could not go on as if nothing had happened."""

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if steps_are_complete(trainer, batch_idx):
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)


def best_checkpoint(folder: Path, monitor: str) -> ModelCheckpoint:
    """Keeps `best.ckpt`, the epoch with the highest `monitor`."""
    return _Kept(folder, BEST, monitor=monitor, mode="max")


def epoch_checkpoint(folder: Path) -> ModelCheckpoint:
    """Keeps `last.ckpt`, written after each epoch."""
    return _Kept(folder, LAST, save_on_train_epoch_end=True)


def wall_clock_checkpoint(folder: Path, every_min: float) -> ModelCheckpoint:
    """Rewrites `last.ckpt` every so many minutes, whatever an epoch takes."""
    return _WallClock(folder, LAST, train_time_interval=timedelta(minutes=every_min))
