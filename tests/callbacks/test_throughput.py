"""What an epoch's line and its row in the metrics say."""

import csv
import logging
import multiprocessing
import re
import time

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.profilers import SimpleProfiler

from seizure.build.watching import price
from seizure.callbacks.throughput import Price, Throughput
from seizure.callbacks.usage import Usage, UsageMeter
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.hardware import Hardware

SHARES = (
    "wait", "transfer", "forward", "backward", "optimiser", "logging", "validation",
    "validation_wait", "checkpoint",
)  # fmt: skip


def rows_of(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("throughput/windows_per_s")]
    return [
        {
            name.removeprefix("throughput/"): float(value)
            for name, value in row.items()
            if name.startswith("throughput/") and value
        }
        for row in rows
    ]


def test_each_epoch_has_a_line_a_row_and_a_verdict(train, lines, tmp_path):
    started = time.perf_counter()
    train(Throughput(60.0), max_epochs=2, logger=CSVLogger(tmp_path, name="", version=""))
    elapsed_s = time.perf_counter() - started
    rows = rows_of(tmp_path)
    assert [line.partition(":")[0] for line in lines()] == [
        "throughput, epoch 1", "verdict, epoch 1", "throughput, epoch 2", "verdict, epoch 2",
    ]  # fmt: skip
    assert len(rows) == 2
    for row in rows:
        assert sum(row[f"{name}_share"] for name in SHARES) == pytest.approx(1)
        assert row["eeg_h_per_s"] == pytest.approx(row["windows_per_s"] * 60 / 3600)
        step_s = row["epoch_s"] * sum(row[f"{name}_share"] for name in SHARES[:6])
        assert row["windows_per_s"] == pytest.approx(12 / step_s)
        assert row["memory_gib"] > 0
    assert sum(row["epoch_s"] for row in rows) < elapsed_s
    assert re.match(
        r"throughput, epoch 1: [\d.]+ windows/s, [\d.]+ h of EEG a second; of \d+ s: data wait",
        lines()[0],
    )


def test_time_and_money_left_follow_from_the_epochs_seen(train, lines, tmp_path):
    watch = Throughput(60.0, Price(per_h=7200.0, currency="USD", source="prices of today"))
    train(watch, max_epochs=3, logger=CSVLogger(tmp_path, name="", version=""))
    first, second, third = rows_of(tmp_path)
    assert first["left_h"] == pytest.approx(2 * first["epoch_s"] / 3600)
    assert second["left_h"] == pytest.approx((first["epoch_s"] + second["epoch_s"]) / 2 / 3600)
    assert second["left_cost"] == pytest.approx(7200 * second["left_h"])
    assert third["left_h"] == 0
    said = [line for line in lines() if line.startswith("throughput")]
    assert "; 2 epochs left, at most " in said[0]
    assert said[1].endswith(f" and {second['left_cost']:.2f} USD (prices of today)")
    assert "left" not in said[2]


@pytest.mark.parametrize(
    ("profile", "is_priced"), [("a100", True), ("cpu", True), ("local", False), ("rtx4090", False)]
)
def test_a_profile_that_is_rented_has_a_price(profile, is_priced):
    config = load("train", TrainConfig, [f"+hw={profile}"])
    assert (price(config.hw) is not None) == is_priced


def test_a_price_that_is_given_is_the_price():
    given = price(Hardware(price_h=1.5))
    assert given is not None
    assert (given.per_h, given.source) == (1.5, "hw.price_h")


def test_a_card_without_a_price_costs_a_warning_not_the_run(caplog):
    logging.getLogger("seizure").propagate = True
    assert price(Hardware(gpu="K80", cores=4, memory_gib=16)) is None
    assert "no price for K80" in caplog.text


def test_another_profiler_is_kept(train):
    inner = SimpleProfiler()
    _, trainer = train(Throughput(60.0), profiler=inner, limit_val_batches=0)
    assert trainer.profiler is inner
    assert len(inner.recorded_durations["run_training_batch"]) == 3


def test_a_meter_sees_what_a_worker_does():
    meter = UsageMeter(torch.device("cpu"))
    # Until it has worked and is told to end: how long that takes is the machine's business.
    worked, ended = multiprocessing.Event(), multiprocessing.Event()
    worker = multiprocessing.Process(target=_keep_busy, args=(worked, ended), daemon=True)
    worker.start()
    assert worked.wait(timeout=120)
    usage = meter.look()
    ended.set()
    worker.join()
    assert len(usage.worker_gib) == 1
    assert usage.worker_gib[0] > 0
    assert usage.busy_cores > 0
    assert usage.core_shares
    assert all(0 <= share <= 1 for share in usage.core_shares)
    # What it did counts after its end too.
    assert meter.look().busy_cores >= 0


def _keep_busy(worked, ended):
    while time.process_time() < 0.1:
        pass
    worked.set()
    ended.wait()


def test_many_cores_are_told_by_their_extremes():
    said = Usage(64, 60.0, tuple(n / 64 for n in range(64)), 1.0).in_words()
    assert said == "60.0 of 64 cores (each: 98 97 95 94 … 5 3 2 0 %), 1.0 GiB"
