"""Averaged weights are validated, kept and exported, and go on where a run was stopped."""

import signal

import lightning.pytorch as pl
import pytest
import torch
from torch import nn

from seizure import build, export
from seizure.callbacks.averaging import AveragedWeights
from seizure.callbacks.checkpoint import BEST, LAST, best_checkpoint, epoch_checkpoint
from seizure.callbacks.interruption import Interrupted, Interruption
from seizure.events.decide import Postprocessing
from seizure.learning.loss import FocalLoss
from seizure.learning.module import DetectionModule
from seizure.learning.spec import Optimisation
from seizure.nn.norm import BatchNorm
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading, Windowing

DECAY = 0.7


class Normed(nn.Module):
    """Weights, statistics of a norm and a buffer of indices."""

    def __init__(self):
        super().__init__()
        self.norm = BatchNorm(19)
        self.conv = nn.Conv1d(19, 1, 9, padding=4)
        self.register_buffer("order", torch.arange(19).flip(0))

    def forward(self, eeg):
        return self.conv(self.norm(eeg[:, self.order].mT).mT).squeeze(1)


class ByHand(pl.Callback):
    """The average as a loop would have it, and the weights that validations ran with."""

    def __init__(self, stop_at=None):
        self.average, self.validated, self.stop_at = None, [], stop_at

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == self.stop_at:
            signal.raise_signal(signal.SIGINT)

    def on_train_batch_end(self, trainer, pl_module, *_):
        now = {k: v.clone().double() for k, v in pl_module.network.state_dict().items()}
        if self.average is None:
            self.average = now
        for name, value in now.items():
            if name.endswith(("order", "tracked")):
                self.average[name] = value
            else:
                self.average[name] = DECAY * self.average[name] + (1 - DECAY) * value

    def on_validation_batch_end(self, trainer, pl_module, *_):
        self.validated.append({k: v.clone() for k, v in pl_module.network.state_dict().items()})


def fit(tiny_cache, folder, watch, ckpt_path=None):
    pl.seed_everything(7, verbose=False)
    data = WindowDataModule(*tiny_cache, Windowing(), Balance(), Loading(batch_size=4), seed=5)
    module = DetectionModule(Normed(), FocalLoss(), Optimisation(lr=1e-2), Postprocessing())
    interruption = Interruption(folder / LAST)
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        callbacks=[
            watch,
            AveragedWeights(DECAY),
            interruption,
            best_checkpoint(folder, "val/auroc"),
            epoch_checkpoint(folder),
        ],
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    with interruption.listening():
        trainer.fit(module, data, ckpt_path=ckpt_path, weights_only=True)
    return torch.load(folder / LAST, weights_only=True)


def assert_close(found, average):
    for name, value in average.items():
        torch.testing.assert_close(found[name].double(), value, rtol=1e-5, atol=1e-7, msg=name)


def of_network(state):
    return {k.removeprefix("network."): v for k, v in state.items()}


def test_the_average_is_validated_and_kept_and_learning_goes_on_from_the_weights(
    tiny_cache, tmp_path
):
    watch = ByHand()
    last = fit(tiny_cache, tmp_path, watch)
    assert_close(of_network(last["state_dict"]), watch.average)
    assert_close(watch.validated[-1], watch.average)
    current = of_network(last["current_model_state"])
    assert not torch.allclose(current["conv.weight"], watch.validated[-1]["conv.weight"])
    assert torch.equal(watch.validated[-1]["order"], torch.arange(19).flip(0))


def test_a_stopped_run_goes_on_with_weights_and_average(tiny_cache, tmp_path):
    whole = fit(tiny_cache, tmp_path / "whole", ByHand())
    with pytest.raises(Interrupted):
        fit(tiny_cache, tmp_path, ByHand(stop_at=10))
    again = fit(tiny_cache, tmp_path, ByHand(), ckpt_path=tmp_path / LAST)
    for kind in ("state_dict", "current_model_state", "averaging_state"):
        for name, value in whole[kind].items():
            assert torch.equal(again[kind][name], value), (kind, name)


def test_a_run_s_best_export_and_scores_are_of_the_average(quick, trained, command, tmp_path):
    from seizure import train

    given = quick.overrides("run=averaged", "optimisation.ema_decay=0.9", "trainer.max_epochs=1")
    assert command(train.VERB, *given).code == 0
    best = quick.runs / "averaged" / "checkpoints" / BEST
    content = torch.load(best, weights_only=True)
    names = [name for name in content["state_dict"] if name.endswith("to_logit.weight")]
    ended = command(export.VERB, f"checkpoint={best}", f"output={tmp_path / 'a.safetensors'}")
    assert ended.code == 0
    for path in (best, tmp_path / "a.safetensors"):
        exported = build.module_from(path)[0].state_dict()
        for name in names:
            assert torch.equal(exported[name], content["state_dict"][name])
            assert not torch.equal(exported[name], content["current_model_state"][name])
