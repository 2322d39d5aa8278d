"""A batch that broke a training run, run again."""

from pathlib import Path

from seizure.build.training import rebuilt
from seizure.callbacks import guard


def replay(path: Path) -> str:
    """Runs the batch of a run's `nonfinite.pt` again: plain lines of where it broke and breaks now.

    Raises `ReproductionError` if the file is none.
    """
    return guard.replay(path, rebuilt)
