"""The training loss is logged before the checkpoint that has seen it, and goes on after it."""

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.loggers.logger import DummyLogger
from torch.utils.data import DataLoader

from seizure.callbacks.learning_curve import LearningCurve


class Squares(pl.LightningModule):
    """Learns one weight from the numbers 0 to 7, one a batch."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.losses = []

    def training_step(self, batch):
        loss = ((self.weight - batch) ** 2).mean()
        self.losses.append(loss.item())
        return loss

    def configure_optimizers(self):
        optimiser = torch.optim.SGD(self.parameters(), lr=0.1)
        halved = torch.optim.lr_scheduler.StepLR(optimiser, 1, 0.5)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": halved, "interval": "step"}}


class Rows(DummyLogger):
    def __init__(self):
        super().__init__()
        self.rows, self.n_at_save = [], []

    def log_metrics(self, metrics, step=None):
        self.rows.append((step, metrics))

    def save(self):
        self.n_at_save.append(len(self.rows))


def fitted(tmp_path, ckpt_path=None, max_steps=-1, **settings):
    module, rows = Squares(), Rows()
    trainer = pl.Trainer(
        max_epochs=1,
        max_steps=max_steps,
        accelerator="cpu",
        logger=rows,
        callbacks=[LearningCurve()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )
    trainer.fit(module, DataLoader(torch.arange(8.0)), ckpt_path=ckpt_path, weights_only=True)
    path = tmp_path / "a.ckpt"
    trainer.save_checkpoint(path)
    return module, rows, path


def test_every_step_s_loss_and_rate_and_the_epoch_s_mean_are_logged(tmp_path):
    module, rows, _ = fitted(tmp_path, log_every_n_steps=2)
    logged = [(step, row["train/loss_step"], row["train/lr"]) for step, row in rows.rows[:-1]]
    expected = [(step, module.losses[step], 0.1 * 0.5**step) for step in (1, 3, 5, 7)]
    assert logged == [(step, pytest.approx(a), pytest.approx(b)) for step, a, b in expected]
    step, row = rows.rows[-1]
    assert (step, row["epoch"]) == (7, 0)
    assert row["train/loss_epoch"] == pytest.approx(sum(module.losses) / 8)
    assert rows.n_at_save[-1] == len(rows.rows)


def test_accumulated_batches_are_logged_as_the_losses_they_had(tmp_path):
    module, rows, _ = fitted(tmp_path, log_every_n_steps=1, accumulate_grad_batches=4)
    logged = [(step, row["train/loss_step"]) for step, row in rows.rows[:-1]]
    assert logged == [(0, pytest.approx(module.losses[3])), (1, pytest.approx(module.losses[7]))]
    assert rows.rows[-1][1]["train/loss_epoch"] == pytest.approx(sum(module.losses) / 8)


def test_an_epoch_s_mean_goes_on_after_a_checkpoint():
    first, second = LearningCurve(), LearningCurve()
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, barebones=True
    )
    trainer.strategy._optimizers = [torch.optim.SGD([torch.zeros(1)], lr=1.0)]
    for curve, losses in ((first, (1.0, 2.0)), (second, (6.0,))):
        for number, loss in enumerate(losses):
            curve.on_train_batch_end(trainer, None, {"loss": torch.tensor(loss)}, None, number)
        second.load_state_dict(first.state_dict()) if curve is first else None
    assert float(second.state_dict()["total"]) == 9.0
    assert second.state_dict()["n_batches"] == 3
