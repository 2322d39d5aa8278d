"""Lightning's Trainers: for a training run, and for predictions alone."""

from dataclasses import asdict

import lightning.pytorch as pl
import torch

from seizure.build.watching import callbacks
from seizure.callbacks.checkpoint import WholeFiles
from seizure.callbacks.heartbeat import Heartbeat
from seizure.callbacks.interruption import Interruption
from seizure.callbacks.metrics_file import MetricsFile
from seizure.config import TrainConfig, TrainerSettings
from seizure.run_folder import RunFolder
from seizure.schema import ConfigError


def trainer(
    config: TrainConfig,
    folder: RunFolder,
    interruption: Interruption,
    n_batches: int,
    on_terminal: bool,
) -> pl.Trainer:
    """Lightning's Trainer with the run's callbacks and its CSV logger.

    `n_batches` is the length of a training epoch.
    """
    settings = asdict(config.trainer)
    settings["precision"] = precision(config.trainer)
    # An epoch shorter than the interval still logs its steps.
    limit = settings["limit_train_batches"]
    n_steps = limit if isinstance(limit, int) else max(1, int(limit * n_batches))
    settings["log_every_n_steps"] = min(settings["log_every_n_steps"], n_steps, n_batches)
    return pl.Trainer(
        **settings,
        logger=MetricsFile(folder.path, config.logger.flush_every_n_steps),
        callbacks=callbacks(config, folder, interruption, on_terminal),
        plugins=[WholeFiles()],
        default_root_dir=folder.path,
        enable_progress_bar=on_terminal,
        enable_model_summary=False,
        # Sampling by rank is done by the sampler itself.
        use_distributed_sampler=False,
    )


def scoring_trainer(accelerator: str, precision: str = "32-true") -> pl.Trainer:
    """A Trainer for predictions alone: one device, no logger, no checkpoints."""
    check_accelerator(accelerator)
    return pl.Trainer(
        accelerator=accelerator,
        devices=1,
        precision=precision,  # pyright: ignore[reportArgumentType]
        logger=False,
        callbacks=[Heartbeat(30.0)],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def precision(settings: TrainerSettings) -> str:
    """The precision in force: bf16-mixed where `auto` finds a CUDA device that has it."""
    if settings.precision != "auto":
        return settings.precision
    on_cuda = settings.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    return "bf16-mixed" if on_cuda and torch.cuda.is_bf16_supported() else "32-true"


def check_accelerator(accelerator: str) -> None:
    """Raises `ConfigError` for a CUDA device that is asked for and not there."""
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise ConfigError(
            f"accelerator={accelerator} needs a CUDA device and this machine shows none (torch "
            f"{torch.__version__}); give accelerator=auto, or +hw=local for training"
        )
