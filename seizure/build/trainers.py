"""Lightning's Trainers: for a training run, and for predictions alone."""

import logging
from collections.abc import Sequence
from dataclasses import asdict

import lightning.pytorch as pl
from lightning.pytorch.loggers import Logger

from seizure.build.device import check_accelerator, device_type, precision
from seizure.build.watching import callbacks
from seizure.callbacks.checkpoint import WholeFiles
from seizure.callbacks.heartbeat import Heartbeat
from seizure.callbacks.interruption import Interruption
from seizure.callbacks.metrics_file import MetricsFile
from seizure.callbacks.precision import has_bf16, precision_fault
from seizure.cli.run_folder import RunFolder
from seizure.config import TrainConfig

log = logging.getLogger("seizure")

# Of the trainer's settings these change the network, and are no argument of Lightning's.
OF_THE_STEP = ("compile", "recompute_streams", "profile_steps")


def trainer(
    config: TrainConfig,
    folder: RunFolder,
    interruption: Interruption,
    n_batches: int,
    on_terminal: bool,
    loggers: Sequence[Logger] = (),
) -> pl.Trainer:
    """Lightning's Trainer with the run's callbacks, its CSV file of metrics and other `loggers`.

    `n_batches` is the length of a training epoch.
    """
    settings = asdict(config.trainer)
    for name in OF_THE_STEP:
        del settings[name]
    settings["precision"] = precision(config.trainer)
    # An epoch shorter than the interval still logs its steps.
    limit = settings["limit_train_batches"]
    n_steps = limit if isinstance(limit, int) else max(1, int(limit * n_batches))
    settings["log_every_n_steps"] = min(settings["log_every_n_steps"], n_steps, n_batches)
    return pl.Trainer(
        **settings,
        logger=[MetricsFile(folder.path, config.logger.flush_every_n_steps), *loggers],
        callbacks=callbacks(config, folder, interruption, on_terminal),
        plugins=[WholeFiles()],
        default_root_dir=folder.path,
        enable_progress_bar=on_terminal,
        enable_model_summary=False,
        # Sampling by rank is done by the sampler itself.
        use_distributed_sampler=False,
    )


def scoring_trainer(accelerator: str, precision: str = "32-true") -> pl.Trainer:
    """A Trainer for predictions alone: one device, no logger, no checkpoints.

    A device that lacks the precision of the training predicts in 32-true, and it is said.
    """
    check_accelerator(accelerator)
    if precision_fault(precision, device_type(accelerator), has_bf16()) is not None:
        log.info("predicting in 32-true: this device has no %s, used in training", precision)
        precision = "32-true"
    return pl.Trainer(
        accelerator=accelerator,
        devices=1,
        precision=precision,  # pyright: ignore[reportArgumentType]
        logger=False,
        callbacks=[Heartbeat()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
