"""A training run of a second on the tiny cache, and what it says."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import nn

from seizure.events.decide import Postprocessing
from seizure.learning.loss import FocalLoss
from seizure.learning.module import DetectionModule
from seizure.learning.spec import Optimisation
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading, Windowing


class TinyNetwork(nn.Module):
    """Two layers with a dropout between them: something to train in milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(19, 4, 9, padding=4)
        self.dropout = nn.Dropout(0.3)
        self.second = nn.Conv1d(4, 1, 9, padding=4)

    def forward(self, eeg: torch.Tensor) -> torch.Tensor:
        """EEG (batch, channel, time) to logits (batch, time)."""
        return self.second(self.dropout(self.first(eeg))).squeeze(1)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """What the package has said so far."""
    logger = logging.getLogger("seizure")
    logger.setLevel(logging.INFO)
    logger.propagate = True
    with caplog.at_level(logging.INFO, "seizure"):
        yield lambda: [r.getMessage() for r in caplog.records if r.name == "seizure"]


@pytest.fixture
def train(tiny_cache) -> Callable[..., tuple[DetectionModule, pl.Trainer]]:
    """Fits a network with some callbacks: 12 windows in batches of 4, and 9 to validate."""

    def fit(
        *callbacks: pl.Callback,
        network: nn.Module | None = None,
        data: type[WindowDataModule] = WindowDataModule,
        num_workers: int = 0,
        **settings: Any,
    ) -> tuple[DetectionModule, pl.Trainer]:
        folder, index = tiny_cache
        pl.seed_everything(7, verbose=False)
        module = DetectionModule(
            network or TinyNetwork(), FocalLoss(), Optimisation(lr=1e-2), Postprocessing()
        )
        settings = {"max_epochs": 1, "logger": False, "enable_checkpointing": False, **settings}
        trainer = pl.Trainer(
            accelerator="cpu",
            callbacks=list(callbacks),
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            **settings,
        )
        loading = Loading(4, 4, num_workers=num_workers)
        balance = Balance(windows_per_epoch=12)
        trainer.fit(module, data(folder, index, Windowing(), balance, loading, seed=5))
        return module, trainer

    return fit
