"""The bottleneck that is named is the one that is there, and what is advised would help."""

import time
from dataclasses import replace

import lightning.pytorch as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import nn
from torch.utils.data import get_worker_info

from seizure.callbacks.clock import HostTimeline
from seizure.callbacks.throughput import Throughput
from seizure.callbacks.verdict import Circumstances, EpochTimes, judge
from seizure.windows.datamodule import WindowDataModule

# Against this, whatever else a batch takes on a busy machine is little.
LONG_S = 60.0
SLEPT_S = 0.5
CLOUD = Circumstances(8, 1, 8, 7.5, "cuda", "bf16-mixed", 1, 10, device_memory_share=0.8)
seconds = st.floats(0, 1000)


class Late(HostTimeline):
    """The processor's clock, moved on by whatever is slow: nobody has to wait for a minute."""

    by_s = 0.0

    def mark(self):
        return super().mark() + Late.by_s


@pytest.fixture(autouse=True)
def late(monkeypatch):
    monkeypatch.setattr("seizure.callbacks.throughput.HostTimeline", Late)


def be_slow(seconds=LONG_S):
    Late.by_s += seconds


class Sleeping:
    """A dataset whose batches are long in coming; a worker has a clock of its own and sleeps."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __getitem__(self, windows):
        be_slow() if get_worker_info() is None else time.sleep(SLEPT_S)
        return self.dataset[windows]

    def __len__(self):
        return len(self.dataset)


def slowed(loader):
    # What a DataLoader lets nobody change.
    object.__setattr__(loader, "dataset", Sleeping(loader.dataset))
    return loader


class SlowTraining(WindowDataModule):
    def train_dataloader(self):
        return slowed(super().train_dataloader())


class SlowValidation(WindowDataModule):
    def val_dataloader(self):
        return slowed(super().val_dataloader())


class SlowNetwork(nn.Module):
    """Sleeps in its forward pass."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv1d(19, 1, 1)

    def forward(self, eeg):
        be_slow()
        return self.layer(eeg).squeeze(1)


class SlowScoring(pl.Callback):
    """Sleeps in each batch of a validation."""

    def on_validation_batch_start(self, *_):
        be_slow()


class SlowLogger(CSVLogger):
    def log_metrics(self, metrics, step=None):
        be_slow()


class SlowDisk(TorchCheckpointIO):
    def save_checkpoint(self, *arguments, **options):
        be_slow(3 * LONG_S)
        super().save_checkpoint(*arguments, **options)


def verdict(lines):
    """The first bottleneck of what was said; on a machine at work others may follow."""
    (said,) = [line for line in lines() if line.startswith("verdict, epoch 1: ")]
    return said.removeprefix("verdict, epoch 1: ").partition("; also ")[0]


def test_a_slow_loader_is_named(train, lines):
    train(Throughput(60.0), data=SlowTraining, limit_val_batches=0)
    assert verdict(lines).startswith("data-bound: ")
    assert "no workers on" in verdict(lines) or "no workers and 1 core" in verdict(lines)


def test_a_slow_loader_with_a_worker_is_named(train, lines):
    train(Throughput(60.0), data=SlowTraining, num_workers=1, limit_val_batches=0)
    assert verdict(lines).startswith("data-bound: ")
    assert "1 workers on" in verdict(lines)


def test_a_slow_model_is_named(train, lines):
    train(Throughput(60.0), network=SlowNetwork(), limit_val_batches=0)
    assert verdict(lines).startswith("compute-bound: ")


def test_a_slow_validation_is_named(train, lines):
    train(Throughput(60.0), SlowScoring(), limit_train_batches=1)
    assert verdict(lines).startswith("validation is ")
    assert "waits for batches" not in verdict(lines)
    assert "check_val_every_n_epoch" in verdict(lines)


def test_a_validation_that_starves_is_told_from_one_that_computes(train, lines):
    train(Throughput(60.0), data=SlowValidation, limit_train_batches=1)
    assert verdict(lines).startswith("validation is ")
    assert "of it waits for batches" in verdict(lines)


def test_a_slow_logger_is_named(train, lines, tmp_path):
    class Chatty(pl.Callback):
        def on_train_batch_end(self, trainer, *_):
            trainer.logger.log_metrics({})

    train(Throughput(60.0), Chatty(), logger=SlowLogger(tmp_path), limit_val_batches=0)
    assert verdict(lines).startswith("logging-bound: ")


def test_a_slow_disk_is_named(train, lines, tmp_path):
    train(
        Throughput(60.0),
        ModelCheckpoint(tmp_path, every_n_train_steps=2),
        plugins=[SlowDisk()],
        enable_checkpointing=True,
        limit_val_batches=0,
    )
    assert verdict(lines).startswith("checkpoint-bound: ")


@given(st.lists(seconds, min_size=9, max_size=9).filter(any), st.integers(0, 16))
def test_there_is_always_a_verdict_and_the_costliest_is_first(parts, n_workers):
    found = judge(EpochTimes(*parts), replace(CLOUD, n_workers=n_workers))
    costs = [one.cost_s for one in found]
    assert costs == sorted(costs, reverse=True)
    assert found
    assert found == judge(EpochTimes(*parts), replace(CLOUD, n_workers=n_workers))


@given(seconds, st.floats(1.01, 100))
def test_waiting_longer_never_clears_the_loader(other_s, factor):
    times = EpochTimes(wait_s=0.2 * (other_s + 1), forward_s=other_s + 1)  # a sixth
    longer = replace(times, wait_s=times.wait_s * factor)
    for one in (times, longer):
        assert judge(one, CLOUD)[0].bottleneck == "data"


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (CLOUD, "8 workers on 8 cores, use 4 or 16 cores"),
        (replace(CLOUD, n_processes=8, n_cores=64), "64 workers on 64 cores, use 32 or 128 cores"),
        (replace(CLOUD, n_cores=16, busy_cores=15.8), "all of them busy: use more cores"),
        (replace(CLOUD, n_workers=2, n_cores=16), "2 workers on 16 cores, use 8"),
        (replace(CLOUD, n_workers=0, n_cores=8), "set loader.num_workers=4"),
        (replace(CLOUD, n_workers=0, n_cores=1), "no workers and 1 core: give it 4 cores"),
        (replace(CLOUD, n_cores=16, busy_cores=2.0), "keep the cache on a local disk"),
    ],
)
def test_advice_on_data_follows_workers_and_cores(given, advice):
    assert advice in judge(EpochTimes(wait_s=6, forward_s=4), given)[0].sentence


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (replace(CLOUD, precision="32-true"), "set trainer.precision=bf16-mixed"),
        (replace(CLOUD, device_memory_share=0.2), "20 % of the card's memory is in use: raise"),
        (CLOUD, "the card is at work, as it should be"),
        (replace(CLOUD, device="cpu"), "a GPU (+hw=…) or a smaller model"),
        (replace(CLOUD, device="cpu", busy_cores=0.125), "got only 0.1 of a core"),
    ],
)
def test_advice_on_computing_follows_device_and_precision(given, advice):
    assert advice in judge(EpochTimes(forward_s=4, backward_s=6), given)[0].sentence


def test_what_costs_next_to_nothing_is_not_spoken_of():
    found = judge(EpochTimes(wait_s=1, forward_s=1, validation_s=98), CLOUD)
    assert [one.bottleneck for one in found] == ["validation"]


def test_two_bottlenecks_are_both_said():
    found = judge(EpochTimes(wait_s=62, forward_s=38, validation_s=138), CLOUD)
    assert [one.bottleneck for one in found] == ["validation", "data"]
    assert found[0].sentence.startswith("validation is 58 % of the epoch: raise")
    assert found[1].sentence.startswith("data-bound: 62 % of the step waits for batches; ")
