"""The precision that is asked for is the one in force, or the run does not begin."""

import csv

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins import DoublePrecision, MixedPrecision
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from seizure import build
from seizure.build.device import device_type
from seizure.callbacks import precision
from seizure.callbacks.precision import PrecisionError, PrecisionWatch, precision_fault
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.schema import ConfigError
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading


def trainer_in(asked, *callbacks, **settings):
    return pl.Trainer(
        accelerator="cpu",
        precision=asked,
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        **settings,
    )


@pytest.mark.parametrize(
    ("asked", "named"),
    [("32-true", "float32"), ("bf16-mixed", "bfloat16"), ("64-true", "float64")],
)
def test_the_format_of_a_product_is_said(lines, asked, named):
    trainer = trainer_in(asked)
    PrecisionWatch(asked).setup(trainer, nn.Module(), "fit")
    (said,) = lines()
    assert said.startswith(f"precision {asked}: a probe product of matrices came out as {named}")
    assert ("stay in float32" in said) == (asked == "bf16-mixed")


def test_a_precision_that_is_not_in_force_is_refused():
    trainer = trainer_in("32-true")
    with pytest.raises(PrecisionError, match="comes out as float32, expected bfloat16"):
        PrecisionWatch("bf16-mixed").setup(trainer, nn.Module(), "fit")


def test_weights_in_sixteen_bits_are_refused():
    trainer = trainer_in("bf16-mixed")
    with pytest.raises(PrecisionError, match=r"weights are .*bfloat16.*expected float32"):
        PrecisionWatch("bf16-mixed").setup(trainer, nn.Linear(1, 1).bfloat16(), "fit")


@pytest.mark.parametrize(
    ("asked", "device", "has_bf16", "instead"),
    [
        ("16-mixed", "cpu", False, "trainer.precision=32-true"),
        ("bf16-mixed", "cuda", False, "16-mixed"),
        ("64-true", "mps", False, "trainer.precision=32-true"),
    ],
)
def test_what_a_device_lacks_is_refused_with_what_it_has(asked, device, has_bf16, instead):
    fault = precision_fault(asked, device, has_bf16)
    assert fault is not None
    assert fault.startswith(f"trainer.precision={asked}")
    assert f"set {instead}" in fault
    assert precision_fault(instead.rpartition("=")[2], device, has_bf16) is None


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("asked", ["32-true", "bf16-mixed", "64-true"])
def test_what_a_device_has_is_allowed(asked, device):
    assert precision_fault(asked, device, has_bf16=True) is None


def test_a_run_is_refused_before_anything_is_prepared(quick):
    settings = quick.config("trainer.precision=16-mixed").trainer
    with pytest.raises(ConfigError, match=r"set trainer\.precision=32-true"):
        build.check_precision(settings)


def test_every_hardware_profile_asks_for_what_its_card_has():
    # Of the cards that have a profile only Turing lacks bfloat16.
    for name, has_bf16 in (("t4", False), ("a10g", True), ("a100", True), ("h100", True)):
        settings = load("train", TrainConfig, [f"+hw={name}"]).trainer
        assert device_type(settings.accelerator) == "cuda"
        assert precision_fault(settings.precision, "cuda", has_bf16) is None


def test_predictions_of_a_sixteen_bit_training_go_on_in_float32_and_say_so(lines):
    trainer = build.scoring_trainer("cpu", "16-mixed")
    assert trainer.precision == "32-true"
    assert lines() == ["predicting in 32-true: this device has no 16-mixed, used in training"]


class Fussy(nn.Module):
    """Its gradient is beyond float16 while the loss is scaled by 2**10 or more."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv1d(19, 1, 1)
        # On a processor Lightning gives 16-mixed no scaler; torch's own works there.
        self.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**11)

    def forward(self, eeg):
        logits = self.layer(eeg).squeeze(1)
        self.formats = {"product": logits.dtype, "weight": self.layer.weight.dtype}
        if logits.requires_grad:
            logits.register_hook(self.beyond)
        return logits

    def beyond(self, gradient):
        return gradient * torch.inf if self.scaler.get_scale() >= 2**10 else gradient


def test_scale_and_skipped_steps_are_said_and_logged(train, lines, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "precision_fault", lambda *_: None)
    network = Fussy()
    before = network.layer.weight.detach().clone()
    train(
        PrecisionWatch("16-mixed"),
        network=network,
        plugins=[MixedPrecision("16-mixed", "cpu", scaler=network.scaler)],
        logger=CSVLogger(tmp_path, name="", version=""),
        limit_val_batches=0,
        log_every_n_steps=1,
    )
    # Three batches: two skipped on the way from 2**11 to 2**9, one learnt from.
    assert lines() == [
        "precision 16-mixed: a probe product of matrices came out as float16; weights, scans, "
        "norms, graphs and loss stay in float32",
        "precision, epoch 1: loss scale 512, 2 of 3 steps skipped for gradients beyond float16, "
        "which is often",
    ]
    assert network.formats == {"product": torch.float16, "weight": torch.float32}
    assert not torch.equal(network.layer.weight, before)
    with (tmp_path / "metrics.csv").open(newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row.get("precision/loss_scale")]
    assert float(row["precision/loss_scale"]) == 512
    assert float(row["precision/skipped_steps"]) == 2
    assert float(row["precision/product_bits"]) == 16


def test_bf16_trains_without_a_scaler_and_logs_its_bits(train, lines, tmp_path):
    logger = CSVLogger(tmp_path, name="", version="")
    train(PrecisionWatch("bf16-mixed"), precision="bf16-mixed", logger=logger, log_every_n_steps=1)
    assert "came out as bfloat16; weights, scans" in lines()[0]
    text = (tmp_path / "metrics.csv").read_text()
    assert "precision/product_bits" in text
    assert "precision/loss_scale" not in text


class Islands(TorchDispatchMode):
    """Notes every operation of the named kinds that sees or makes a 16-bit number."""

    # Where a rounded operand is a wrong result: powers and their sums, roots, running sums.
    KINDS = (
        "exp", "expm1", "log", "log1p", "softplus", "log_sigmoid_forward", "sqrt", "rsqrt", "pow",
        "cumsum", "var", "var_mean", "linalg_eigh", "_linalg_eigh", "native_batch_norm",
        "reciprocal", "binary_cross_entropy_with_logits",
    )  # fmt: skip

    def __init__(self):
        super().__init__()
        self.seen = set()
        self.in_sixteen_bits = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__.rstrip("_")
        values = [*args, *(result if isinstance(result, tuple) else (result,))]
        formats = {v.dtype for v in values if isinstance(v, torch.Tensor)}
        if name in self.KINDS:
            self.seen.add(name)
            if formats & {torch.bfloat16, torch.float16}:
                self.in_sixteen_bits.add(name)
        if name in ("mm", "bmm", "addmm", "convolution"):
            self.seen |= {(name, dtype) for dtype in formats}
        return result


@pytest.mark.parametrize("size", ["electrode_pico", "pico"])
def test_scans_norms_graphs_and_loss_stay_in_float32(quick, tiny_cache, size):
    config = load("train", TrainConfig, [f"model={size}", "trainer.accelerator=cpu"])
    folder, index = tiny_cache
    data = WindowDataModule(folder, index, config.windows, Balance(), Loading(2, 2), seed=0)
    module = build.module(config, data, {"objective": {}})
    batch = next(iter(data.train_dataloader()))
    with Islands() as islands:
        with torch.autocast("cpu", torch.bfloat16):
            loss = module.learn(batch, (0, 0, 0))
        loss.backward()
    assert loss.dtype == torch.float32
    assert islands.in_sixteen_bits == set()
    # The test sees what it speaks of, and the products around the islands are in 16 bits.
    assert {"exp", "cumsum", "rsqrt"} <= islands.seen
    assert any(
        dtype == torch.bfloat16
        for name in islands.seen
        if isinstance(name, tuple)
        for dtype in name[1:]
    )
    gradients = {p.grad.dtype for p in module.parameters() if p.grad is not None}
    assert gradients == {torch.float32}


@pytest.mark.parametrize("size", ["electrode_pico", "pico"])
def test_float64_is_float64_all_the_way(tiny_cache, size):
    config = load("train", TrainConfig, [f"model={size}", "trainer.accelerator=cpu"])
    folder, index = tiny_cache
    data = WindowDataModule(folder, index, config.windows, Balance(), Loading(2, 2), seed=0)
    module = build.module(config, data, {})
    plugin = DoublePrecision()
    module = plugin.convert_module(module)
    batch = plugin.convert_input(next(iter(data.train_dataloader())))
    with Widths() as widths, plugin.train_step_context():
        module.learn(batch, (0, 0, 0)).backward()
    assert {p.grad.dtype for p in module.parameters() if p.grad is not None} == {torch.float64}
    assert widths.seen == {torch.float64}


class Widths(TorchDispatchMode):
    """Notes the formats of what matrices and convolutions are multiplied in."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket.__name__ in ("mm", "bmm", "addmm", "convolution"):
            self.seen |= {v.dtype for v in args if isinstance(v, torch.Tensor)}
        return result
