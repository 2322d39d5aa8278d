"""A run that is busy or stuck says so, at the interval, also while one batch keeps it waiting."""

import logging
import time

import lightning.pytorch as pl
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from seizure.callbacks.heartbeat import Heartbeat, _Stage
from seizure.callbacks.throughput import Throughput


class Numbers(Dataset):
    """Eight numbers, one of which may take long to fetch."""

    def __init__(self, slow_at: int | None = None) -> None:
        self.slow_at = slow_at

    def __len__(self) -> int:
        return 8

    def __getitem__(self, i: int) -> torch.Tensor:
        if i == self.slow_at:
            time.sleep(0.5)
        return torch.tensor([float(i)])


class Regression(pl.LightningModule):
    """The least that Lightning trains."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def training_step(self, batch):
        return self.layer(batch).square().mean()

    def validation_step(self, batch):
        loss = self.layer(batch).square().mean()
        self.log("val/loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-4)


@pytest.fixture
def lines(caplog):
    logger = logging.getLogger("seizure")
    logger.setLevel(logging.INFO)
    logger.propagate = True
    with caplog.at_level(logging.INFO, "seizure"):
        yield lambda: [r.getMessage() for r in caplog.records if r.name == "seizure"]


def fit(callbacks, train, validation, **settings):
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=callbacks,
        **settings,
    )
    trainer.fit(Regression(), train, validation)
    return trainer


def test_validation_announces_itself_and_how_it_compares_with_training(lines):
    fit([Heartbeat(60.0)], DataLoader(Numbers(), 4), DataLoader(Numbers(), 1))
    said = lines()
    start = next(line for line in said if line.startswith("validation, epoch 1 starts"))
    assert "8 batches; a training epoch has 2, so this is 4.0 times as many" in start
    assert any(line.startswith("validation, epoch 1 done in") and "loss" in line for line in said)
    # The sanity check is no validation.
    assert len([line for line in said if "starts" in line]) == 2


def test_a_stuck_batch_is_spoken_of_while_it_is_stuck(lines):
    fit([Heartbeat(0.1)], DataLoader(Numbers(), 4), DataLoader(Numbers(slow_at=0), 1))
    assert any("validation, epoch 1: no batch yet after" in line for line in lines())


def test_the_heart_stops_with_the_run(lines):
    heartbeat = Heartbeat(0.05)
    fit([heartbeat], DataLoader(Numbers(), 4), DataLoader(Numbers(), 4))
    n_said = len(lines())
    time.sleep(0.3)
    assert len(lines()) == n_said
    assert heartbeat._thread is None


def test_a_line_holds_batches_rate_time_left_and_loss():
    stage = _Stage("validation", 10, started_at=0.0, last_batch_at=4.0, n_done=4)
    stage.losses.append(torch.tensor(0.5))
    expected = "validation: 4 of 10 batches, 1 batches/s, 6 s left, loss 0.5000"
    assert stage.line(now=4.5) == expected
    assert stage.line(now=250.0) == "validation: no batch for 4 min 06 s (4 of 10 batches done)"


def test_a_continued_epoch_counts_its_pace_from_where_it_went_on():
    stage = _Stage("training", 10, started_at=0.0, last_batch_at=4.0, n_before=6, n_done=8)
    stage.losses.append(torch.tensor(0.5))
    assert "8 of 10 batches, 0.5 batches/s, 4 s left" in stage.line(now=4.1)


def test_throughput_sees_a_loader_that_starves_the_step(lines):
    class Slow(Numbers):
        def __getitem__(self, i):
            time.sleep(0.05)
            return torch.tensor([float(i)])

    class Counting(Throughput):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            batch = type("Batch", (), {"row": batch})
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    trainer = fit([Counting()], DataLoader(Slow(), 2), DataLoader(Numbers(), 4))
    assert trainer.callback_metrics["throughput/data_wait_share"] > 0.5
    assert trainer.callback_metrics["throughput/windows_per_s"] < 20
    assert any(line.startswith("throughput, epoch 1:") for line in lines())
