"""A run that is stopped and continued ends with the same weights as one left alone."""

import os
import signal

import lightning.pytorch as pl
import pytest
import torch
from torch import nn

from seizure.callbacks.checkpoint import LAST, best_checkpoint, epoch_checkpoint
from seizure.callbacks.interruption import Interrupted, Interruption
from seizure.callbacks.random_state import RandomState
from seizure.events.decide import Postprocessing
from seizure.learning.augmentation import Augmenter
from seizure.learning.loss import FocalLoss
from seizure.learning.module import DetectionModule
from seizure.learning.spec import Augmentation, GaussianNoise, Mirror, Optimisation
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading, Windowing

AUGMENTATION = Augmentation(Mirror(0.5), gaussian_noise=GaussianNoise(0.5))


class TinyNetwork(nn.Module):
    """One convolution and a dropout: something to train in milliseconds that needs its RNG."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(19, 1, 9, padding=4)
        self.dropout = nn.Dropout(0.3)

    def forward(self, eeg):
        return self.conv(self.dropout(eeg)).squeeze(1)


class SignalAt(pl.Callback):
    """Sends this process a signal after a number of training steps, or in a validation."""

    def __init__(self, number, step=None, in_validation=False):
        self.number, self.step, self.in_validation = number, step, in_validation

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step == self.step:
            os.kill(os.getpid(), self.number)

    def on_validation_batch_end(self, trainer, *_):
        if self.in_validation and trainer.current_epoch == 1:
            self.in_validation = False
            os.kill(os.getpid(), self.number)


def fit(tiny_cache, folder, *extra, max_epochs=3, ckpt_path=None, num_workers=0):
    cache, index = tiny_cache
    # A continued run is another process: the seed is set at its start, not where it was stopped.
    pl.seed_everything(7, verbose=False)
    data = WindowDataModule(
        cache,
        index,
        Windowing(),
        Balance(),
        Loading(batch_size=4, num_workers=num_workers),
        seed=5,
    )
    module = DetectionModule(
        TinyNetwork(),
        FocalLoss(),
        Optimisation(lr=1e-2),
        Postprocessing(),
        augment=Augmenter(AUGMENTATION, index.channel_names, index.rate_hz, seed=5),
    )
    interruption = Interruption(folder / LAST)
    trainer = pl.Trainer(
        max_epochs=max_epochs,
        accelerator="cpu",
        logger=False,
        callbacks=[
            *extra,
            RandomState(),
            interruption,
            best_checkpoint(folder, "val/auroc"),
            epoch_checkpoint(folder),
        ],
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    with interruption.listening():
        trainer.fit(module, data, ckpt_path=ckpt_path, weights_only=True)
    return module, trainer


@pytest.fixture(scope="module")
def uninterrupted(tiny_cache, tmp_path_factory):
    module, trainer = fit(tiny_cache, tmp_path_factory.mktemp("whole"))
    return module.state_dict(), trainer.global_step, trainer.callback_metrics["val/loss"]


@pytest.mark.parametrize(
    ("stop", "num_workers"),
    [
        (SignalAt(signal.SIGINT, step=2), 0),
        (SignalAt(signal.SIGTERM, step=9), 0),
        (SignalAt(signal.SIGINT, step=9), 1),
        (SignalAt(signal.SIGINT, in_validation=True), 0),
    ],
    ids=["first epoch", "second epoch", "with a worker", "in a validation"],
)
def test_resumed_equals_uninterrupted(tiny_cache, tmp_path, uninterrupted, stop, num_workers):
    weights, n_steps, val_loss = uninterrupted
    with pytest.raises(Interrupted):
        fit(tiny_cache, tmp_path, stop, num_workers=num_workers)
    stopped_at = torch.load(tmp_path / LAST, weights_only=True)["global_step"]
    assert 0 < stopped_at < n_steps
    module, trainer = fit(tiny_cache, tmp_path, ckpt_path=tmp_path / LAST, num_workers=num_workers)
    assert trainer.global_step == n_steps
    # Dropout draws from torch's generator, whose state a checkpoint must hold too; augmentation
    # from the place of the batch in the run.
    for name, value in module.state_dict().items():
        assert torch.equal(value, weights[name]), name
    assert torch.equal(trainer.callback_metrics["val/loss"], val_loss)


def test_a_second_signal_stops_at_once(tiny_cache, tmp_path):
    # A shell's background job is started with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    class Twice(SignalAt):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(SystemExit):
        fit(tiny_cache, tmp_path, Twice(signal.SIGINT))
    assert not (tmp_path / LAST).exists()
    # The handlers that were there before are back.
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler
