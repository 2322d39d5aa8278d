"""Where a run's figures go besides `metrics.csv`."""

import importlib.util
from typing import Any

from lightning.pytorch.loggers import Logger

from seizure.callbacks.tracking import TensorBoard, WeightsAndBiases
from seizure.cli.run_folder import RunFolder
from seizure.config import CsvLogger, Logging, TensorBoardLogging
from seizure.schema import ConfigError


def loggers(settings: Logging, folder: RunFolder, configuration: dict[str, Any]) -> list[Logger]:
    """The loggers beside the CSV file; nothing is opened before something is logged.

    Raises `ConfigError` where the package for it is not installed.
    """
    if isinstance(settings, CsvLogger):
        return []
    if importlib.util.find_spec(settings.name) is None:
        raise ConfigError(
            f"logger={settings.name} needs the package {settings.name}, which is not installed: "
            f"pip install 'seizure[{settings.name}]', or logger=csv"
        )
    if isinstance(settings, TensorBoardLogging):
        return [TensorBoard(folder.path)]
    return [WeightsAndBiases(folder.path, settings.project, settings.wandb_mode, configuration)]
