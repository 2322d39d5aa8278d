"""Time and cost of an epoch, from the times of one step."""

from dataclasses import replace

import pytest

from seizure.callbacks.verdict import Circumstances
from seizure.hardware import Hardware, Prices
from seizure.preflight.epoch import check_bottleneck, check_epoch, check_price, estimate
from seizure.preflight.timing import StepTimes, check_step
from seizure.windows.spec import Loading

STEP = StepTimes(
    n_windows=8,
    load_s=0.4,
    load_busy=0.9,
    first_batch_s=1.0,
    transfer_s=0.01,
    forward_s=0.03,
    backward_s=0.06,
    optimiser_s=0.01,
    step_busy=1.0,
    scoring_load_s=0.4,
    scoring_s=0.05,
    checkpoint_s=0.5,
    checkpoint_bytes=10**8,
    device_gib=None,
)
PRICES = Prices("2030-01-01", "a test", "USD", 0.1, 0.01, {"A100-80GB": 3.0})
GIVEN = Circumstances(0, 1, 8, 0.9, "cuda", "bf16-mixed", 1, 10)


def test_an_epoch_is_its_batches_validation_and_checkpoints() -> None:
    epoch = estimate(STEP, Loading(), n_train=100, n_val=50, every_n_epochs=1)
    assert epoch.times.wait_s == pytest.approx(100 * 0.4)
    assert epoch.times.compute_s == pytest.approx(100 * 0.1)
    assert epoch.times.whole_validation_s == pytest.approx(50 * 0.45)
    assert epoch.total_s == pytest.approx(100 * 0.51 + 50 * 0.45 + 2 * 0.5)


def test_workers_hide_loading_behind_the_device_as_far_as_they_can() -> None:
    few = estimate(STEP, Loading(num_workers=2), 100, 0, 1)
    enough = estimate(STEP, Loading(num_workers=4), 100, 0, 1)
    assert few.times.wait_s == pytest.approx(100 * (0.4 / 2 - 0.1))
    assert enough.times.wait_s == pytest.approx(0, abs=1e-9)


def test_a_rarer_validation_costs_less_of_an_epoch() -> None:
    every, fifth = (estimate(STEP, Loading(), 100, 50, n) for n in (1, 5))
    assert fifth.times.whole_validation_s == pytest.approx(every.times.whole_validation_s / 5)


def test_what_an_epoch_waits_for_is_named_with_its_fix() -> None:
    starved = check_bottleneck(estimate(STEP, Loading(), 100, 10, 1), GIVEN)
    assert starved.status == "warn"
    assert "data-bound" in starved.found
    assert "loader.num_workers=4" in starved.fix
    busy = check_bottleneck(estimate(STEP, Loading(num_workers=4), 100, 0, 1), GIVEN)
    assert busy.status == "ok"
    assert "compute-bound" in busy.found


def test_a_processor_that_others_hold_is_a_warning() -> None:
    alone = replace(GIVEN, device="cpu", busy_cores=1.9)
    epoch = estimate(STEP, Loading(num_workers=4), 100, 0, 1)
    assert check_bottleneck(epoch, alone).status == "ok"
    found = check_bottleneck(epoch, replace(alone, busy_cores=0.2))
    assert found.status == "warn"
    assert "only 0.2 of a core" in found.found
    assert "quota" in found.fix


def test_a_validation_longer_than_the_training_is_named() -> None:
    """The run that "hung": more validation batches than training ones, and nobody knew."""
    epoch = estimate(STEP, Loading(num_workers=8), 778, 10 * 810, 1)
    found = check_bottleneck(epoch, GIVEN)
    assert found.status == "warn"
    assert "validation is" in found.found
    assert "trainer.check_val_every_n_epoch" in found.fix


def test_an_epoch_has_a_price_with_its_validation() -> None:
    machine = Hardware("a100", "A100-80GB", 16, 32, 64, 128, timeout_h=24.0, attempts=3)
    epoch = estimate(STEP, Loading(num_workers=4), 36000, 0, 1)
    found = check_epoch(epoch, 10, machine, PRICES, 0)
    hour = 3.0 + 16 * 0.1 + 64 * 0.01
    assert found.status == "ok"
    assert f"{hour * epoch.total_s / 3600:.3f} USD an epoch" in found.found
    assert f"{10 * hour * epoch.total_s / 3600:.2f} in all" in found.found
    too_long = check_epoch(epoch, 100, machine, PRICES, 0)
    assert too_long.status == "warn"
    assert "hw.attempts=" in too_long.fix


def test_a_machine_without_a_price_says_so_and_takes_one() -> None:
    epoch = estimate(STEP, Loading(), 100, 10, 1)
    assert "hw.price_h=" in check_epoch(epoch, 1, Hardware(), PRICES, 10).found
    assert "0.2" in check_epoch(epoch, 1, Hardware(price_h=0.2), PRICES, 10).found
    strange = Hardware("odd", "RTX4090", 8, 8, 32, 32)
    assert "no price for RTX4090" in check_epoch(epoch, 1, strange, PRICES, 10).found


def test_the_price_of_a_profile_is_said_whether_its_device_is_there_or_not() -> None:
    machine = Hardware("a100", "A100-80GB", 16, 32, 64, 128, timeout_h=24.0, attempts=3)
    usual, most = 3.0 + 16 * 0.1 + 64 * 0.01, 3.0 + 32 * 0.1 + 128 * 0.01
    rented = check_price(machine, PRICES).found
    assert f"{usual:.2f} USD an hour as reserved, {most:.2f} at the limits" in rented
    assert "list of 2030-01-01" in rented
    assert f"3 attempts of 24 h, {72 * most:.2f} in all" in rented
    given = check_price(replace(machine, price_h=2.0), PRICES).found
    assert given.startswith("2.00 USD an hour, as hw.price_h says; at most 3 attempts of 24 h, 144")
    assert "hw.price_h=" in check_price(Hardware(), PRICES).found
    strange = check_price(Hardware("odd", "RTX4090", 8, 8, 32, 32), PRICES)
    assert strange.status == "warn"
    assert "no price for RTX4090" in strange.found


def test_a_step_that_was_scaled_up_says_so() -> None:
    assert "8 of the 48 windows" in check_step(STEP, 48).found
    assert "scaled up" not in check_step(STEP, 8).found
