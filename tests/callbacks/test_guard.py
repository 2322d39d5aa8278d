"""A run that breaks stops at once, names layer and windows, and leaves what breaks again."""

from contextlib import nullcontext

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision
from torch import nn

from seizure import build
from seizure.callbacks.guard import Guard, NonFinite, replay, settled
from seizure.callbacks.nonfinite import first_nonfinite
from seizure.callbacks.random_state import RandomState
from seizure.callbacks.reproduction import Reproduction, ReproductionError
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.events.decide import Postprocessing
from seizure.learning.loss import FocalLoss
from seizure.learning.module import DetectionModule
from seizure.learning.spec import Optimisation
from seizure.schema import to_plain
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading, Windowing


class Breaking(nn.Module):
    """Three layers, the second of which breaks in the named way after `n_good` batches."""

    def __init__(self, how: str, n_good: int = 1) -> None:
        super().__init__()
        self.how, self.n_good, self.n_seen = how, n_good, 0
        self.first = nn.Conv1d(19, 4, 3, padding=1)
        self.middle = Middle(self)
        self.last = nn.Conv1d(4, 1, 3, padding=1)

    def forward(self, eeg):
        self.n_seen += self.training
        between = self.first(eeg)
        if self.is_broken("between layers"):
            between = between / 0
        logits = self.last(self.middle(between)).squeeze(1)
        return logits * torch.inf if self.is_broken("network") else logits

    def is_broken(self, how):
        return self.training and self.how == how and self.n_seen > self.n_good


class Middle(nn.Module):
    def __init__(self, parent):
        super().__init__()
        object.__setattr__(self, "parent", parent)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        x = self.dropout(x)
        if self.parent.is_broken("layer"):
            # Only where dropout has left something: whoever runs it again must draw the same.
            return torch.where(x > 0, torch.log(x - x), x)
        if self.parent.is_broken("gradient"):
            return x + torch.sqrt(x * 0)
        return x


def broken(train, tmp_path, how, **settings):
    with pytest.raises(NonFinite) as raised:
        train(RandomState(), Guard(tmp_path), network=Breaking(how), **settings)
    return str(raised.value), Reproduction.load(tmp_path / "nonfinite.pt")


def rebuilt(how):
    """Stands for `seizure.build.rebuilt`; breaks from the first batch on."""
    return lambda configuration: DetectionModule(
        Breaking(how, n_good=0), FocalLoss(), Optimisation(), Postprocessing()
    )


@pytest.mark.parametrize(
    ("how", "where"),
    [
        ("layer", "the output of middle (Middle), whose input is finite"),
        (
            "between layers",
            "what goes into middle (Middle), made from the finite output of first (Conv1d)",
        ),
        ("network", "the output of the network (Breaking)"),
        ("gradient", "the gradient at the output of middle.dropout (Dropout)"),
    ],
)
def test_the_first_layer_is_named_and_breaks_again(train, tmp_path, how, where):
    said, kept = broken(train, tmp_path, how)
    assert f"The first thing that is not finite is {where}" in said
    assert said.startswith("epoch 1, batch 2: the ")
    assert ("gradient" if how == "gradient" else "loss") in said.partition(" is not finite")[0]
    assert str(tmp_path / "nonfinite.pt") in said
    again = replay(tmp_path / "nonfinite.pt", rebuilt(how))
    # The same numbers of values, so the same draws of dropout.
    assert f"now: {kept.found}" in again
    assert f"then: {kept.found}" in again


def test_a_replay_of_a_mended_network_says_so(train, tmp_path):
    broken(train, tmp_path, "layer")
    assert "now: everything is finite" in replay(tmp_path / "nonfinite.pt", rebuilt("nowhere"))


def test_the_windows_of_the_batch_are_named(train, tmp_path, tiny_cache):
    said, kept = broken(train, tmp_path, "layer")
    _, index = tiny_cache
    assert len(kept.windows) == 4
    for window, row, start in zip(kept.windows, kept.batch.row, kept.batch.start, strict=True):
        start_s = float(start) / index.rate_hz
        assert window == f"{index.stem[row]} {start_s:g}-{start_s + 60:g} s"
        assert window in said


def test_weights_are_those_that_the_batch_met(train, tmp_path):
    class Look(pl.Callback):
        def on_train_batch_start(self, trainer, module, batch, batch_idx):
            self.weights = {k: v.clone() for k, v in module.network.state_dict().items()}
            self.random = torch.get_rng_state()

    look = Look()
    with pytest.raises(NonFinite):
        train(RandomState(), look, Guard(tmp_path), network=Breaking("layer"))
    kept = Reproduction.load(tmp_path / "nonfinite.pt")
    assert kept.weights.keys() == look.weights.keys()
    assert all(torch.equal(kept.weights[k], v) for k, v in look.weights.items())
    assert torch.equal(kept.random["cpu"], look.random)


def test_a_run_that_is_fine_is_left_alone(train, tmp_path):
    guarded, _ = train(RandomState(), Guard(tmp_path))
    alone, _ = train(RandomState())
    for one, other in zip(guarded.parameters(), alone.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not list(tmp_path.iterdir())


def test_the_culprit_among_accumulated_batches_is_named(train, tmp_path):
    said, kept = broken(train, tmp_path, "gradient", accumulate_grad_batches=3)
    assert said.startswith("epoch 1, batch 2: the gradient")
    assert kept.place == (0, 1, 0)


class Overflowing(nn.Module):
    """Its gradient is beyond float16 unless the loss is scaled by less than 2**`at`."""

    def __init__(self, at: float) -> None:
        super().__init__()
        self.layer = nn.Conv1d(19, 1, 1)
        self.at = at

    def forward(self, eeg):
        logits = self.layer(eeg).squeeze(1).float()
        if logits.requires_grad:
            logits.register_hook(lambda g: torch.where(g.abs().sum() > 0, self.beyond(g), g))
        return logits

    def beyond(self, gradient):
        scale = self.scaler.get_scale()
        return gradient * torch.inf if scale >= 2**self.at else gradient


def with_scaler(network, initial=2.0**4):
    # Lightning gives 16-mixed no scaler on a processor; torch's own works there.
    network.scaler = torch.amp.GradScaler("cpu", init_scale=initial)
    return MixedPrecision("16-mixed", "cpu", scaler=network.scaler)


def test_a_scaler_is_left_to_find_its_scale(train, tmp_path):
    network = Overflowing(at=3)
    plugin = with_scaler(network)
    train(RandomState(), Guard(tmp_path), network=network, plugins=[plugin], limit_val_batches=0)
    assert plugin.scaler.get_scale() == 2**2
    assert not list(tmp_path.iterdir())


def test_a_gradient_that_no_scale_saves_stops_the_run(train, tmp_path):
    network = Overflowing(at=-20)
    plugin = with_scaler(network, initial=4.0)
    with pytest.raises(NonFinite, match="batch 3: the gradient is not finite"):
        train(RandomState(), Guard(tmp_path), network=network, plugins=[plugin])
    assert Reproduction.load(tmp_path / "nonfinite.pt").precision == "16-mixed"


@pytest.fixture
def batch(tiny_cache):
    folder, index = tiny_cache
    data = WindowDataModule(folder, index, Windowing(), Balance(), Loading(2, 2), seed=5)
    return next(iter(data.train_dataloader()))


def search(module, batch):
    return first_nonfinite(module, batch, (0, 0, 0), nullcontext())


def test_weights_and_eeg_are_suspected_before_layers(batch):
    module = rebuilt("nowhere")({}).train()
    assert search(module, batch) is None
    bad = batch._replace(gain=torch.full_like(batch.gain, torch.inf))
    assert search(module, bad).where.startswith("the batch's EEG itself: ")
    with torch.no_grad():
        module.network.last.weight[0, 0, 0] = torch.nan
    found = search(module, batch).where
    assert found == "the weight last.weight, before the batch: 1 NaN in 1×4×3 values, float32"


def test_a_loss_that_breaks_on_finite_logits_is_named(batch):
    module = rebuilt("nowhere")({}).train()
    module.loss.forward = lambda logits, target, valid: logits.sum() * torch.nan
    assert search(module, batch).where.startswith("the loss itself: ")


def test_hooks_are_gone_after_a_search(batch):
    module = rebuilt("layer")({}).train()
    assert search(module, batch) is not None
    for layer in module.network.modules():
        assert not layer._forward_hooks
        assert not layer._forward_pre_hooks
    assert all(not p._backward_hooks for p in module.network.parameters())


def test_what_is_no_reproduction_is_refused(tmp_path):
    with pytest.raises(ReproductionError, match="no file"):
        replay(tmp_path / "nonfinite.pt", rebuilt("layer"))
    torch.save({"weights": {}}, tmp_path / "other.pt")
    with pytest.raises(ReproductionError, match="was not written by a run that broke"):
        replay(tmp_path / "other.pt", rebuilt("layer"))
    (tmp_path / "text.pt").write_text("loss: nan")
    with pytest.raises(ReproductionError, match="was not written by a run that broke"):
        replay(tmp_path / "text.pt", rebuilt("layer"))


def test_a_replay_leaves_the_generators_alone(train, tmp_path):
    broken(train, tmp_path, "layer")
    before = torch.get_rng_state()
    replay(tmp_path / "nonfinite.pt", rebuilt("layer"))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("objective", ["cross_entropy", "focal"])
def test_a_module_rebuilt_from_what_is_kept_has_the_same_loss(tiny_cache, batch, objective):
    weight = {"cross_entropy": "objective.pos_weight", "focal": "objective.alpha"}[objective]
    overrides = [f"objective={objective}", f"{weight}=null", "trainer.accelerator=cpu"]
    config = load("train", TrainConfig, overrides)
    folder, index = tiny_cache
    data = WindowDataModule(folder, index, config.windows, config.balance, config.loader, seed=5)
    module = build.module(config, data, to_plain(config)).eval()
    again = build.rebuilt(settled(module)).eval()
    again.network.load_state_dict(module.network.state_dict())
    assert torch.equal(module.learn(batch, (0, 0, 0)), again.learn(batch, (0, 0, 0)))


def test_a_compiled_network_is_searched_layer_by_layer(batch):
    module = rebuilt("nowhere")({}).train()
    module.network.compile(backend="eager")
    assert torch.isfinite(module.learn(batch, (0, 0, 0)))
    with torch.no_grad():
        module.network.last.weight.fill_(3e38)
    assert "the output of last (Conv1d), whose input is finite" in search(module, batch).where
