"""Whole recordings are scored alike, whatever batches and processes their windows fall into."""

import lightning.pytorch as pl
import pytest
import torch
from torch import nn

from seizure.callbacks.process_group import LeaveTogether
from seizure.events.decide import Postprocessing
from seizure.learning.loss import FocalLoss
from seizure.learning.module import DetectionModule
from seizure.learning.spec import Optimisation
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading, Windowing


def scored(tiny_cache, stage, batch_size=4, devices=1):
    """The figures of the nine windows of a split's three recordings."""
    torch.manual_seed(0)
    # Of modules that another process can import; the buffers of the norm are what ranks exchange.
    network = nn.Sequential(
        nn.Conv1d(19, 4, 9, padding=4), nn.BatchNorm1d(4), nn.Conv1d(4, 1, 1), nn.Flatten(1)
    )
    module = DetectionModule(network, FocalLoss(), Optimisation(), Postprocessing())
    loading = Loading(scoring_batch_size=batch_size)
    data = WindowDataModule(*tiny_cache, Windowing(), Balance(), loading, seed=0)
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="auto" if devices == 1 else "ddp_spawn",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[LeaveTogether()],
    )
    run = trainer.validate if stage == "val" else trainer.test
    (figures,) = run(module, data, verbose=False)
    return figures


def test_the_figures_do_not_depend_on_the_size_of_a_batch(tiny_cache):
    assert scored(tiny_cache, "val", 2) == pytest.approx(scored(tiny_cache, "val", 9), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["val", "test"])
def test_two_processes_score_what_one_does(tiny_cache, stage):
    alone = scored(tiny_cache, stage)
    # The second process has four windows and a padded one; a recording lies in both of them.
    assert scored(tiny_cache, stage, devices=2) == pytest.approx(alone, rel=1e-6)
    assert 0 < alone[f"{stage}/auroc"] < 1


class MaskedLoss(FocalLoss):
    """Keeps how many samples counted, while training and while scoring."""

    def __init__(self):
        super().__init__()
        self.n_counted = {True: 0, False: 0}

    def forward(self, logits, target, valid):
        self.n_counted[self.training] += int(valid.sum())
        return super().forward(logits, target, valid)


def test_margins_around_seizures_are_scored_but_carry_no_training_loss(tiny_cache):
    _, index = tiny_cache
    windowing = Windowing(window_s=20, scoring_stride_s=20, ignore_before_s=10, ignore_after_s=30)
    data = WindowDataModule(*tiny_cache, windowing, Balance(), Loading(batch_size=1), seed=0)
    network = nn.Sequential(nn.Conv1d(19, 1, 9, padding=4), nn.Flatten(1))
    loss = MaskedLoss()
    module = DetectionModule(network, loss, Optimisation(), Postprocessing())
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    trainer.fit(module, data)
    batches = list(data.train_dataloader())
    n_learnt = sum(int(batch.learnt.sum()) for batch in batches)
    assert loss.n_counted[True] == n_learnt < sum(int(batch.valid.sum()) for batch in batches)
    assert loss.n_counted[False] == index.n_samples[index.rows("dev")].sum()
