"""Checkpoints are whole, are found again in a moved folder, and hold all that a step needs."""

import signal

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import nn

from seizure.callbacks.checkpoint import (
    BEST,
    LAST,
    WholeFiles,
    best_checkpoint,
    epoch_checkpoint,
    wall_clock_checkpoint,
)
from seizure.callbacks.interruption import Interrupted, Interruption
from seizure.events.decide import Postprocessing
from seizure.learning.loss import FocalLoss
from seizure.learning.module import DetectionModule
from seizure.learning.spec import Optimisation
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading, Windowing


class Falling(DetectionModule):
    """Its first epoch was the best, whatever it learns."""

    def on_validation_epoch_end(self):
        self._frames = []
        self.log("val/auroc", 0.9 - 0.1 * self.current_epoch)


def fit(tiny_cache, folder, *callbacks, max_epochs=2, batch_size=4, ckpt_path=None, **settings):
    pl.seed_everything(7, verbose=False)
    data = WindowDataModule(
        *tiny_cache, Windowing(), Balance(), Loading(batch_size=batch_size), seed=5
    )
    network = nn.Sequential(nn.Conv1d(19, 1, 9, padding=4), nn.Flatten(1))
    module = Falling(network, FocalLoss(), Optimisation(lr=1e-2), Postprocessing())
    trainer = pl.Trainer(
        max_epochs=max_epochs,
        accelerator="cpu",
        logger=False,
        callbacks=[*callbacks, best_checkpoint(folder, "val/auroc"), epoch_checkpoint(folder)],
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        **{"plugins": [WholeFiles()], **settings},
    )
    trainer.fit(module, data, ckpt_path=ckpt_path, weights_only=True)
    return module, trainer


class PowerCut(RuntimeError):
    pass


class Unwritable:
    def __reduce__(self):
        raise PowerCut


def test_a_checkpoint_that_cannot_be_finished_leaves_the_one_before(tmp_path):
    path = tmp_path / "checkpoints" / LAST
    WholeFiles().save_checkpoint({"step": 1}, path)
    before = path.read_bytes()
    with pytest.raises(PowerCut):
        WholeFiles().save_checkpoint({"step": torch.zeros(99), "then": Unwritable()}, path)
    assert path.read_bytes() == before


def test_the_best_epoch_stays_the_best_when_the_folder_was_moved(tiny_cache, tmp_path):
    fit(tiny_cache, tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    _, trainer = fit(
        tiny_cache, tmp_path / "there", max_epochs=4, ckpt_path=tmp_path / "there" / LAST
    )
    best = trainer.checkpoint_callback
    assert best.best_model_score == pytest.approx(0.9)
    assert best.best_model_path == str(tmp_path / "there" / BEST)
    assert torch.load(tmp_path / "there" / BEST, weights_only=True)["epoch"] == 0
    assert not (tmp_path / "here").exists()


class Saved(pl.Callback):
    """After which batches of the whole run a checkpoint was written."""

    def __init__(self):
        self.after = []

    def on_save_checkpoint(self, trainer, pl_module, checkpoint):
        done = trainer.fit_loop.epoch_loop.batch_progress.total.processed
        if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self.after.append(done)


def test_the_clock_never_parts_a_step_nor_an_epoch_from_its_validation(tiny_cache, tmp_path):
    saved = Saved()
    clock = wall_clock_checkpoint(tmp_path, every_min=1e-9)
    _, trainer = fit(tiny_cache, tmp_path, saved, clock, batch_size=3, accumulate_grad_batches=2)
    assert trainer.num_training_batches == 11
    assert saved.after == [2, 4, 6, 8, 10, 13, 15, 17, 19, 21]


class Stop(pl.Callback):
    """Asks the run to stop while a batch is learnt from."""

    def __init__(self, batch):
        self.batch = batch

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.current_epoch == 1 and batch_idx == self.batch:
            signal.raise_signal(signal.SIGTERM)


def test_a_run_stopped_while_it_accumulates_goes_on_as_if_left_alone(tiny_cache, tmp_path):
    settings = {"batch_size": 3, "accumulate_grad_batches": 2}
    whole, _ = fit(tiny_cache, tmp_path / "whole", **settings)
    interruption = Interruption(tmp_path / LAST)
    with interruption.listening(), pytest.raises(Interrupted):
        fit(tiny_cache, tmp_path, Stop(batch=2), interruption, **settings)
    assert torch.load(tmp_path / LAST, weights_only=True)["global_step"] == 8
    again, _ = fit(tiny_cache, tmp_path, ckpt_path=tmp_path / LAST, **settings)
    for name, value in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_the_scaler_of_16_mixed_goes_on_where_it_was(tiny_cache, tmp_path):
    def with_scaler(init_scale):
        scaler = torch.amp.GradScaler("cpu", init_scale=init_scale, growth_interval=3)
        precision = MixedPrecision("bf16-mixed", "cpu")
        precision.scaler = scaler
        return scaler, {"plugins": [WholeFiles(), precision]}

    scaler, settings = with_scaler(8.0)
    fit(tiny_cache, tmp_path, max_epochs=1, **settings)
    kept = scaler.state_dict()
    assert kept["scale"] > 8
    again, settings = with_scaler(2.0)
    # All epochs are done: it loads, and learns nothing more.
    fit(tiny_cache, tmp_path, max_epochs=1, ckpt_path=tmp_path / LAST, **settings)
    assert again.state_dict() == kept
