"""The checkpoints a run keeps: the best by its monitor, and one true last."""

from datetime import timedelta
from pathlib import Path

from lightning.pytorch.callbacks import ModelCheckpoint

LAST = "last.ckpt"
BEST = "best.ckpt"


def best_checkpoint(folder: Path, monitor: str) -> ModelCheckpoint:
    """Keeps `best.ckpt`, the epoch with the highest `monitor`."""
    return ModelCheckpoint(
        dirpath=folder,
        filename=Path(BEST).stem,
        monitor=monitor,
        mode="max",
        save_top_k=1,
        auto_insert_metric_name=False,
        enable_version_counter=False,
    )


def epoch_checkpoint(folder: Path) -> ModelCheckpoint:
    """Keeps `last.ckpt`, written after each epoch."""
    return ModelCheckpoint(
        dirpath=folder,
        filename=Path(LAST).stem,
        save_top_k=1,
        save_on_train_epoch_end=True,
        auto_insert_metric_name=False,
        enable_version_counter=False,
    )


def wall_clock_checkpoint(folder: Path, every_min: float) -> ModelCheckpoint:
    """Rewrites `last.ckpt` every so many minutes, whatever an epoch takes."""
    return ModelCheckpoint(
        dirpath=folder,
        filename=Path(LAST).stem,
        save_top_k=1,
        train_time_interval=timedelta(minutes=every_min),
        auto_insert_metric_name=False,
        enable_version_counter=False,
    )
