"""A run that is busy or stuck says so, at the interval, also while one batch keeps it waiting."""

import logging
import threading
import time

import lightning.pytorch as pl
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from seizure.callbacks.heartbeat import Heartbeat
from seizure.callbacks.stage import Stage, amount


class Numbers(Dataset):
    """Eight numbers, the first of which may take so many seconds, or be `stuck` until it is not."""

    def __init__(self, first_s: float = 0.0, stuck: threading.Event | None = None) -> None:
        self.first_s, self.stuck = first_s, stuck

    def __len__(self) -> int:
        return 8

    def __getitem__(self, i: int) -> torch.Tensor:
        if i == 0:
            time.sleep(self.first_s)
        if i == 0 and self.stuck is not None:
            # Until somebody has spoken of it, however late on a busy machine.
            assert self.stuck.wait(timeout=120)
        return torch.tensor([float(i)])


class Until(logging.Handler):
    """Notices a line that begins in a certain way."""

    def __init__(self, beginning: str) -> None:
        super().__init__()
        self.beginning, self.said = beginning, threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith(self.beginning):
            self.said.set()


class Regression(pl.LightningModule):
    """The least that Lightning trains: its loss is the mean of squares, and it never learns."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1, bias=False)
        nn.init.ones_(self.layer.weight)

    def training_step(self, batch):
        return self.layer(batch).square().mean()

    def validation_step(self, batch):
        loss = self.layer(batch).square().mean()
        self.log_dict({"val/loss": loss, "val/auroc": 0.75})
        return loss

    def test_step(self, batch):
        return self.validation_step(batch)

    def predict_step(self, batch):
        return self.layer(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.0)


def trainer_with(*callbacks, **settings):
    return pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **settings,
    )


def test_validation_announces_itself_and_how_it_compares_with_training(lines):
    trainer = trainer_with(Heartbeat(60.0))
    trainer.fit(Regression(), DataLoader(Numbers(), 4), DataLoader(Numbers(), 1))
    said = lines()
    start = next(line for line in said if line.startswith("validation, epoch 1 starts"))
    assert start.endswith(
        "8 batches, 8 windows; a training epoch has 2 batches, 8 windows, so this is 4.0 times as "
        "many batches"
    )
    done = next(line for line in said if line.startswith("validation, epoch 1 done in"))
    # The mean of 0, 1, 4, … 49; the loss is not said twice.
    assert done.endswith("average loss 17.5000, auroc 0.7500")
    # The sanity check is no validation.
    assert len([line for line in said if "starts" in line]) == 2


@pytest.mark.parametrize("accumulated", [1, 2])
def test_training_says_what_it_took_and_its_average_loss(lines, accumulated):
    trainer = trainer_with(Heartbeat(60.0), accumulate_grad_batches=accumulated)
    trainer.fit(Regression(), DataLoader(Numbers(), 2))
    assert lines()[0] == "training, epoch 1 of 1 starts: 4 batches, 8 windows"
    assert lines()[1].startswith("training, epoch 1 of 1 done in ")
    assert lines()[1].endswith(", average loss 17.5000")


def test_test_and_prediction_announce_themselves_and_their_end(lines):
    trainer = trainer_with(Heartbeat(60.0))
    trainer.test(Regression(), DataLoader(Numbers(), 4), verbose=False)
    trainer.predict(Regression(), DataLoader(Numbers(), 3))
    said = lines()
    assert said[0] == "test starts: 2 batches, 8 windows"
    assert said[1].startswith("test done in ")
    assert "average loss 17.5000" in said[1]
    assert said[2] == "prediction starts: 3 batches, 8 windows"
    assert said[3].startswith("prediction done in ")


@pytest.mark.parametrize("stage", ["validation, epoch 1", "test", "prediction"])
def test_a_stuck_batch_is_spoken_of_while_it_is_stuck(lines, stage):
    # It comes only once it was spoken of.
    heard = Until(f"{stage}: no batch yet after")
    logging.getLogger("seizure").addHandler(heard)
    trainer = trainer_with(Heartbeat(0.1), num_sanity_val_steps=0)
    stuck = DataLoader(Numbers(stuck=heard.said), 1)
    if stage == "test":
        trainer.test(Regression(), stuck, verbose=False)
    elif stage == "prediction":
        trainer.predict(Regression(), stuck)
    else:
        trainer.fit(Regression(), DataLoader(Numbers(), 4), stuck)
    assert heard.said.is_set()


def test_a_validation_inside_an_epoch_does_not_slow_the_epoch_down(lines):
    heartbeat = Heartbeat(60.0)

    class Look(pl.Callback):
        """When the epoch began and had its last batch, before and after the validation in it."""

        def __init__(self):
            self.seen = []

        def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
            if batch_idx == 1:
                self.seen.append((heartbeat._stage.started_at, heartbeat._stage.last_batch_at))

        def on_train_batch_start(self, trainer, module, batch, batch_idx):
            if batch_idx == 2:
                self.seen.append((heartbeat._stage.started_at, heartbeat._stage.last_batch_at))

    look = Look()
    trainer = trainer_with(heartbeat, look, val_check_interval=2, num_sanity_val_steps=0)
    trainer.fit(Regression(), DataLoader(Numbers(), 2), DataLoader(Numbers(first_s=0.2), 1))
    (started, last), (started_after, last_after) = look.seen
    # Both are later by the same, the validation's own time.
    assert started_after - started >= 0.2
    assert last_after - last == pytest.approx(started_after - started)


def test_only_process_zero_speaks(lines, monkeypatch):
    monkeypatch.setattr(pl.Trainer, "is_global_zero", False)
    trainer = trainer_with(Heartbeat(0.05))
    trainer.fit(Regression(), DataLoader(Numbers(first_s=0.3), 4), DataLoader(Numbers(), 1))
    assert lines() == []


def test_the_heart_stops_with_the_run(lines):
    heartbeat = Heartbeat(0.05)
    trainer = trainer_with(heartbeat)
    trainer.fit(Regression(), DataLoader(Numbers(), 4), DataLoader(Numbers(), 4))
    n_said = len(lines())
    time.sleep(0.3)
    assert len(lines()) == n_said
    assert heartbeat._thread is None


def test_a_line_holds_batches_rate_time_left_and_loss():
    stage = Stage("validation", 10, started_at=0.0, last_batch_at=0.0)
    assert stage.line(now=240.0) == "validation: no batch yet after 240 s"
    for second in range(1, 5):
        stage.count(torch.tensor(0.125 * second), now=float(second))
    expected = "validation: 4 of 10 batches, 1 batches/s, 6 s left, average loss 0.3125"
    assert stage.line(now=4.5) == expected
    assert stage.line(now=244.0) == "validation: no batch for 240 s (4 of 10 batches done)"
    for second in range(5, 11):
        stage.count(torch.tensor(0.0), now=float(second))
    # What comes after the last batch, scoring for one, may be what hangs.
    assert stage.line(now=250.0) == "validation: all 10 batches done 4 min 00 s ago"


def test_the_loss_leaves_the_device_no_more_often_than_it_is_said():
    class Counted(torch.Tensor):
        n_read = 0

        def __float__(self):
            Counted.n_read += 1
            return super().__float__()

    stage = Stage("training", 1000, started_at=0.0, last_batch_at=0.0, read_every_s=30.0)
    for batch in range(1000):
        stage.count(torch.tensor(1.0).as_subclass(Counted), now=0.1 * batch)
    # After 30, 60 and 90 s, and at the end.
    assert Counted.n_read == 4
    assert stage.mean_loss == 1.0


def test_a_continued_epoch_counts_its_pace_from_where_it_went_on():
    stage = Stage("training", 10, 0.0, last_batch_at=4.0, n_before=6, n_done=8)
    assert "8 of 10 batches, 0.5 batches/s, 4 s left" in stage.line(now=4.1)


def test_windows_are_those_of_all_processes_and_no_more_than_there_are():
    loader = DataLoader(Numbers(), batch_size=2)
    assert amount(2, loader, world_size=1) == "2 batches, 4 windows"
    assert amount(3, loader, world_size=2) == "3 batches, 8 windows"


def test_an_interval_that_is_none_is_refused():
    with pytest.raises(ValueError, match="found 0"):
        Heartbeat(0.0)
