"""Two processes learn what one does from the same batches, and count their validation once."""

import signal

import lightning.pytorch as pl
import pytest
import torch
from torch import nn
from torch.multiprocessing import ProcessRaisedException

from seizure import build
from seizure.callbacks.checkpoint import LAST
from seizure.callbacks.interruption import Interruption
from seizure.callbacks.learning_curve import LearningCurve
from seizure.callbacks.metrics_file import MetricsFile
from seizure.callbacks.process_group import LeaveTogether
from seizure.cli.run_folder import RunFolder
from seizure.events.decide import Postprocessing
from seizure.learning.loss import FocalLoss, TverskyLoss
from seizure.learning.module import DetectionModule
from seizure.learning.spec import Optimisation
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading, Windowing
from tests.test_resume import rows_of


def learnt(tiny_cache, quick, folder, loss, devices, accumulated=1):
    """What a network says, and its rows of metrics, after two epochs of batches of 8 windows."""
    torch.manual_seed(0)
    # Without dropout, whose masks depend on the size of a batch. Its norms take statistics of a
    # batch; the last windows of a recording are padded.
    config = quick.config("model.dropout=0")
    module = DetectionModule(
        build.network(config.model, build.input_spec(config, tiny_cache[1].channel_names)),
        loss,
        Optimisation(lr=1e-4),
        Postprocessing(),
    )
    windowing = Windowing(window_s=20, stride_s=9, scoring_stride_s=20, ignore_after_s=15)
    loading = Loading(batch_size=8 // devices // accumulated, scoring_batch_size=4)
    balance = Balance(windows_per_epoch=24)
    data = WindowDataModule(*tiny_cache, windowing, balance, loading, seed=0)
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        devices=devices,
        strategy="auto" if devices == 1 else "ddp_spawn",
        accumulate_grad_batches=accumulated,
        gradient_clip_val=0.5,
        logger=MetricsFile(folder, flush_every_n_steps=1),
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        callbacks=[LearningCurve(), LeaveTogether()],
    )
    trainer.fit(module, data)
    # Not the weights: a bias before a norm has no gradient but rounding, which AdamW makes a step.
    with torch.inference_mode():
        eeg = torch.randn(2, 19, 5120, generator=torch.Generator().manual_seed(1))
        return module.network.eval()(eeg), rows_of(folder)


def assert_alike(found, expected):
    """Up to rounding: here 1e-5, where not sharing norms or counts would make 1e-2 and more."""
    (logits, rows), (expected_logits, expected_rows) = found, expected
    torch.testing.assert_close(logits, expected_logits, rtol=1e-3, atol=1e-3)
    assert len(rows) == len(expected_rows)
    for row, expected_row in zip(rows, expected_rows, strict=True):
        assert row.keys() == expected_row.keys()
        for name, value in expected_row.items():
            assert float(row[name]) == pytest.approx(float(value), rel=3e-4, abs=1e-4), name


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss", [FocalLoss(0.7), TverskyLoss()], ids=lambda loss: type(loss).__name__
)
def test_two_processes_learn_what_one_does(tiny_cache, quick, tmp_path, loss):
    alone = learnt(tiny_cache, quick, tmp_path / "1", loss, devices=1)
    two = learnt(tiny_cache, quick, tmp_path / "2", loss, devices=2)
    assert_alike(two, alone)
    assert len([row for row in two[1] if "val/loss" in row]) == 2


class AskedAlone(pl.Callback):
    """Asks one of two processes to stop, as a cloud does when an attempt's time is over."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_rank == 0 and batch_idx == 2:
            signal.raise_signal(signal.SIGTERM)


@pytest.mark.slow
def test_both_processes_stop_with_a_checkpoint_when_one_is_asked(tiny_cache, tmp_path):
    network = nn.Sequential(nn.Conv1d(19, 1, 9, padding=4), nn.Flatten(1))
    module = DetectionModule(network, FocalLoss(), Optimisation(), Postprocessing())
    data = WindowDataModule(*tiny_cache, Windowing(), Balance(), Loading(batch_size=2), seed=0)
    interruption = Interruption(tmp_path / LAST)
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        devices=2,
        strategy="ddp_spawn",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        callbacks=[AskedAlone(), interruption],
    )
    with interruption.listening(), pytest.raises(ProcessRaisedException, match="Interrupted"):
        trainer.fit(module, data)
    assert torch.load(tmp_path / LAST, weights_only=True)["global_step"] == 3


def test_a_run_on_two_nodes_has_their_processes(quick, tmp_path):
    config = quick.config("trainer.num_nodes=2", "trainer.devices=3", "trainer.strategy=ddp")
    trainer = build.trainer(config, RunFolder(tmp_path), Interruption(tmp_path / "a"), 4, False)
    assert trainer.num_nodes == 2
    assert trainer.world_size == 6
