"""From a checked configuration to objects: the only place that puts the rooms together."""

from seizure.build.checkpoint import (
    WEIGHTS_SUFFIX,
    kept_choice,
    kept_temperature,
    module_from,
    operating_point_of,
    stored_detector,
    temperature_of,
)
from seizure.build.detector import input_spec, network
from seizure.build.device import (
    check_accelerator,
    check_backend,
    check_precision,
    check_strategy,
    check_trainer,
    precision,
)
from seizure.build.loggers import loggers
from seizure.build.objective import loss, loss_per_target
from seizure.build.reproduction import replay
from seizure.build.trainers import scoring_trainer, trainer
from seizure.build.training import augmenter, module, rebuilt
from seizure.build.watching import callbacks

__all__ = [
    "WEIGHTS_SUFFIX",
    "augmenter",
    "callbacks",
    "check_accelerator",
    "check_backend",
    "check_precision",
    "check_strategy",
    "check_trainer",
    "input_spec",
    "kept_choice",
    "kept_temperature",
    "loggers",
    "loss",
    "loss_per_target",
    "module",
    "module_from",
    "network",
    "operating_point_of",
    "precision",
    "rebuilt",
    "replay",
    "scoring_trainer",
    "stored_detector",
    "temperature_of",
    "trainer",
]
