"""The random state in the checkpoint, so that a continued run draws what it would have drawn."""

from typing import Any

import lightning.pytorch as pl
import torch


class RandomState(pl.Callback):
    """Stores torch's generators (CPU and this rank's CUDA device) and puts them back.

    They are put back before the first batch, not on loading: what a start draws in between, an
    initialisation for one, would shift them. Nothing in training draws from Python or numpy.
    """

    def __init__(self) -> None:
        self._stored: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """The generators as they are now."""
        cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
        return {"cpu": torch.get_rng_state(), "cuda": cuda}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep what the checkpoint held until the first batch."""
        self._stored = state_dict

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self._stored is None:
            return
        torch.set_rng_state(self._stored["cpu"].cpu())
        if self._stored["cuda"] is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(self._stored["cuda"].cpu())
        self._stored = None
