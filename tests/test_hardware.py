"""Profiles, prices and the rules a machine has to keep."""

from dataclasses import fields, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seizure import build
from seizure.cli.command import conf_folder, load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19
from seizure.hardware import (
    CARDS,
    Hardware,
    HardwareError,
    Prices,
    card_and_count,
    card_memory_gib,
    machine_faults,
    memory_needed_gib,
    price_h,
    read_prices,
    read_profile,
    storage_faults,
    training_faults,
    worst_case,
)
from seizure.preflight.model import check_batch, examine
from seizure.schema import parse, to_plain
from seizure.windows.spec import Loading

CONF = conf_folder()
PROFILES = sorted(p.stem for p in (CONF / "hw").glob("*.yaml"))
RENTED = [name for name in PROFILES if name not in ("local", "rtx4090")]
WINDOW_BYTES = 19 * 256 * 60 * 2
A100 = read_profile(CONF / "hw", "a100").hardware
PRICES = Prices("2030-01-01", "a test", "USD", 0.1, 0.01, {"A100-80GB": 3.0})


def test_the_profiles_are_those_the_documents_name() -> None:
    names = "a100 a100x8 a10g cpu h100 h100x16 local rtx4090 t4"
    assert names.split() == PROFILES


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_named_like_its_file_and_reads_the_same_for_launcher_and_trainer(
    name: str,
) -> None:
    profile = read_profile(CONF / "hw", name)
    composed = load("train", TrainConfig, [f"+hw={name}"])
    assert profile.hardware.name == name
    assert composed.hw == profile.hardware
    assert parse(TrainConfig, to_plain(composed)) == composed


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_says_all_that_depends_on_the_machine(name: str) -> None:
    profile = read_profile(CONF / "hw", name)
    hosts = {"num_nodes"} if profile.hardware.hosts > 1 else set()
    assert set(profile.trainer) == {"accelerator", "devices", "strategy", "precision"} | hosts
    assert set(profile.loader) == {f.name for f in fields(Loading)}
    wanted = {"cores", "memory_gib", "timeout_h"} if name in RENTED else {"name"}
    assert all(getattr(profile.hardware, key) is not None for key in wanted)
    assert (profile.hardware.gpu is None) == (name in ("cpu", "local"))


def test_no_other_configuration_says_what_a_profile_is_the_home_of() -> None:
    """Beside the defaults that hold without a profile."""
    others = [
        p
        for p in CONF.rglob("*.yaml")
        if p.parent.name not in ("hw", "loader", "trainer", "verb") and p.stem != "prices"
    ]
    for path in others:
        content = path.read_text()
        for key in ("num_workers", "prefetch_factor", "strategy:", "cores:", "gpu:", "price_h"):
            assert key not in content, path


def test_a_price_of_its_own_takes_the_place_of_the_parts() -> None:
    own = replace(A100, price_h=0.25)
    assert price_h(own, PRICES) == price_h(own, PRICES, at_limits=True) == 0.25
    assert worst_case(own, PRICES) == pytest.approx(0.25 * 72)


@pytest.mark.parametrize("name", RENTED)
def test_every_profile_to_rent_keeps_all_rules_for_the_largest_model(name: str) -> None:
    config = load("train", TrainConfig, [f"+hw={name}", "model=base"])
    n_devices = max(1, config.hw.n_gpus)
    assert machine_faults(config.hw) == ()
    assert training_faults(config.hw, config.loader, n_devices, WINDOW_BYTES) == ()


@pytest.mark.parametrize("name", RENTED)
def test_every_profile_to_rent_has_a_price(name: str) -> None:
    hardware = read_profile(CONF / "hw", name).hardware
    prices = read_prices(CONF / "prices.yaml")
    assert 0 < price_h(hardware, prices) <= price_h(hardware, prices, at_limits=True)


@pytest.mark.parametrize("name", ["local", "rtx4090"])
def test_a_machine_at_hand_is_not_rented(name: str) -> None:
    with pytest.raises(HardwareError, match="at hand, not one to rent"):
        machine_faults(read_profile(CONF / "hw", name).hardware)


def test_a_batch_of_base_fits_the_card_of_every_profile() -> None:
    config = load("train", TrainConfig, ["model=base"])
    inputs = build.input_spec(config, CANONICAL_19)
    mixed = torch.autocast("cpu", dtype=torch.bfloat16)
    facts = examine(build.network(config.model, inputs), inputs, mixed, config.model.graph)
    for path in (CONF / "hw").glob("*.yaml"):
        profile = read_profile(CONF / "hw", path.stem)
        memory_gib = card_memory_gib(profile.hardware.gpu)
        if memory_gib is not None:
            batch_size = profile.loader["batch_size"]
            check = check_batch(facts, batch_size, memory_gib, path.stem, is_exact=False)
            assert check.status == "ok", check.found


def test_every_card_that_can_be_rented_has_a_price() -> None:
    assert set(read_prices(CONF / "prices.yaml").gpu_h) == set(CARDS)


def test_the_worst_case_is_every_attempt_to_its_end_at_the_limits() -> None:
    assert price_h(A100, PRICES) == pytest.approx(3.0 + 16 * 0.1 + 64 * 0.01)
    assert worst_case(A100, PRICES) == pytest.approx((3.0 + 32 * 0.1 + 128 * 0.01) * 72)
    eight = replace(A100, gpu="A100-80GB:8")
    assert price_h(eight, PRICES) - price_h(A100, PRICES) == pytest.approx(7 * 3.0)


@pytest.mark.parametrize("name", RENTED)
def test_the_documented_prices_are_those_of_the_profiles(name: str) -> None:
    document = Path(__file__).parent.parent / "docs" / "cloud.md"
    rows = [x for x in document.read_text().splitlines() if x.startswith(f"| `{name}` |")]
    (row,) = (x for x in rows if " cores, " in x)
    hardware, prices = read_profile(CONF / "hw", name).hardware, read_prices(CONF / "prices.yaml")
    usual, most = price_h(hardware, prices), price_h(hardware, prices, at_limits=True)
    assert f"| {usual:.2f} | {most:.2f} | {worst_case(hardware, prices):.0f} |" in row
    assert f"{hardware.cores} cores, {hardware.memory_gib} GiB" in row


def test_a_card_without_a_price_is_named() -> None:
    with pytest.raises(HardwareError, match="no price for H100"):
        price_h(replace(A100, gpu="H100"), PRICES)


def test_prices_say_their_day_and_source(tmp_path: Path) -> None:
    prices = read_prices(CONF / "prices.yaml")
    assert prices.read_on[:2] == "20"
    assert "modal.com/pricing" in prices.source
    with pytest.raises(HardwareError, match="no file"):
        read_prices(tmp_path / "none.yaml")
    (tmp_path / "odd.yaml").write_text("read_on: 2030-01-01\n")
    with pytest.raises(HardwareError, match="form of"):
        read_prices(tmp_path / "odd.yaml")


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(HardwareError, match="a100, a100x8"):
        read_profile(CONF / "hw", "a101")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gpu": "RTX4090"}, "not a card of Modal"),
        ({"gpu": "A10:8"}, "at most 4 A10"),
        ({"timeout_h": 36.0}, "at most 24 h"),
        ({"timeout_h": 0.0}, "at most 24 h"),
        ({"attempts": 0}, "at least one attempt"),
        ({"cores_limit": 8}, "limit of cores, 8, is below the 16"),
        ({"memory_limit_gib": 8}, "limit of memory, 8, is below the 64"),
    ],
)
def test_each_fault_of_a_machine_is_one_sentence(change: dict[str, Any], said: str) -> None:
    faults = machine_faults(replace(A100, **change))
    assert len(faults) == 1
    assert said in faults[0]


def test_a_count_of_cards_that_is_none_is_refused() -> None:
    with pytest.raises(HardwareError, match="A100-80GB:2 for two"):
        card_and_count("A100-80GB:x")


def test_eight_workers_on_eight_cores_are_refused_with_the_fix() -> None:
    eight = replace(A100, cores=8)
    (fault,) = training_faults(eight, Loading(48, 48, 8), 1, WINDOW_BYTES)
    assert "hw.cores=16" in fault
    assert "loader.num_workers=4" in fault


def test_memory_for_validation_and_idle_cards_are_checked() -> None:
    (fault,) = training_faults(replace(A100, memory_gib=8), Loading(48, 48, 8), 1, WINDOW_BYTES)
    assert "hw.memory_gib=" in fault
    (fault,) = training_faults(replace(A100, gpu="A100-80GB:2"), Loading(), 1, WINDOW_BYTES)
    assert "trainer.devices=2" in fault


@given(
    workers=st.integers(0, 32), prefetch=st.integers(1, 8), batch=st.integers(1, 256),
    devices=st.integers(1, 8),
)  # fmt: skip
def test_the_memory_needed_grows_with_all_that_is_kept(
    workers: int, prefetch: int, batch: int, devices: int
) -> None:
    def needed(**more: int) -> float:
        settings = {"workers": workers, "prefetch": prefetch, "batch": batch, **more}
        loading = Loading(
            settings["batch"], settings["batch"], settings["workers"], True, settings["prefetch"]
        )
        return memory_needed_gib(loading, devices, WINDOW_BYTES)

    assert needed(workers=workers + 1) > needed() > 0
    assert needed(prefetch=prefetch + 1) >= needed()
    assert needed(batch=batch + 1) >= needed()


def test_the_cache_is_not_on_the_bucket_and_runs_are_kept() -> None:
    results, bucket = PurePosixPath("/results"), PurePosixPath("/data")
    assert storage_faults(results / "cache", results / "runs", results, bucket) == ()
    assert storage_faults(PurePosixPath("/tmp/cache"), results / "runs", results, bucket) == ()
    (fault,) = storage_faults(bucket / "cache", results / "runs", results, bucket)
    assert "leave it at /results/cache" in fault
    (fault,) = storage_faults(results / "cache", PurePosixPath("runs"), results, bucket)
    assert "lost when the container ends" in fault


def test_an_unspecified_machine_keeps_a_configuration_whole() -> None:
    assert Hardware() == load("train", TrainConfig, []).hw
