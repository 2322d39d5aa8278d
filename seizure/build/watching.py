"""Everything that watches a run: callbacks and loggers."""

import logging

from lightning.pytorch.callbacks import Callback, RichProgressBar

from seizure.build.device import precision
from seizure.callbacks.averaging import AveragedWeights
from seizure.callbacks.checkpoint import (
    best_checkpoint,
    epoch_checkpoint,
    wall_clock_checkpoint,
)
from seizure.callbacks.guard import Guard
from seizure.callbacks.heartbeat import Heartbeat
from seizure.callbacks.interruption import Interruption
from seizure.callbacks.learning_curve import LearningCurve
from seizure.callbacks.patience import Patience
from seizure.callbacks.precision import PrecisionWatch
from seizure.callbacks.process_group import LeaveTogether
from seizure.callbacks.random_state import RandomState
from seizure.callbacks.step_profile import StepProfile
from seizure.callbacks.throughput import Price, Throughput
from seizure.cli.command import conf_folder
from seizure.cli.run_folder import RunFolder
from seizure.config import TrainConfig
from seizure.hardware import Hardware, HardwareError, price_h, read_prices

log = logging.getLogger("seizure")


def callbacks(
    config: TrainConfig, folder: RunFolder, interruption: Interruption, on_terminal: bool
) -> list[Callback]:
    """Everything that watches a training run."""
    settings, decay = config.callbacks, config.optimisation.ema_decay
    n_profiled = config.trainer.profile_steps
    watching: list[Callback] = [
        Heartbeat(settings.heartbeat_interval_s),
        PrecisionWatch(precision(config.trainer)),
        Throughput(config.windows.window_s, price(config.hw)),
        RandomState(),
        Guard(folder.path),
        # Before whatever writes a checkpoint: it must hold the average of the step just taken.
        *([AveragedWeights(decay)] if decay is not None else []),
        LearningCurve(),
        *([StepProfile(folder.path / "profile", n_profiled)] if n_profiled else []),
        Patience(settings.monitor, settings.patience),
        interruption,
        best_checkpoint(folder.checkpoints, settings.monitor),
        epoch_checkpoint(folder.checkpoints),
        wall_clock_checkpoint(folder.checkpoints, settings.checkpoint_every_min),
        LeaveTogether(),
    ]
    return [*watching, RichProgressBar(leave=True)] if on_terminal else watching


def price(hardware: Hardware) -> Price | None:
    """What an hour of a machine costs as reserved; None for one at hand that nobody priced."""
    if hardware.cores is None and hardware.price_h is None:
        return None
    prices = read_prices(conf_folder() / "prices.yaml")
    try:
        per_h = price_h(hardware, prices)
    except HardwareError as error:
        log.warning("no estimate of cost: %s", error)
        return None
    source = f"prices of {prices.read_on}" if hardware.price_h is None else "hw.price_h"
    return Price(per_h, prices.currency, source)
