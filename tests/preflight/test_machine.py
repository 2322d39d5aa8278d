"""The machine held against a run: what it lacks is named, with the setting that helps."""

from dataclasses import replace

import pytest

from seizure.hardware import Hardware
from seizure.preflight.machine import (
    Card,
    Machine,
    check_cores,
    check_device,
    check_memory,
    check_shared_memory,
    is_card,
    this_machine,
)
from seizure.windows.spec import Loading

A100 = Card("NVIDIA A100-SXM4-80GB", 79.2, (8, 0))
MACHINE = Machine(
    n_cores=8,
    memory_gib=64.0,
    memory_free_gib=60.0,
    shared_free_gib=32.0,
    cards=(A100,),
    has_mps=False,
    has_nvidia_driver=True,
    torch_version="2.10",
)
DESK = replace(MACHINE, cards=(), has_nvidia_driver=False)
WINDOW_BYTES = 583_680
GIB = 2**30


def test_this_machine_has_cores_and_memory() -> None:
    found = this_machine()
    assert found.n_cores >= 1
    assert 0 < found.memory_free_gib <= found.memory_gib


def test_a_card_that_is_not_there_is_missed() -> None:
    found = check_device(DESK, "cuda", 1, Hardware())
    assert found.status == "fail"
    assert "no CUDA device" in found.found
    assert "trainer.accelerator=auto" in found.fix
    assert check_device(DESK, "auto", 1, Hardware()).status == "ok"


def test_a_torch_that_does_not_see_the_card_is_told_apart_from_no_card() -> None:
    blind = replace(MACHINE, cards=())
    for accelerator, status in (("cuda", "fail"), ("auto", "warn")):
        found = check_device(blind, accelerator, 1, Hardware())
        assert found.status == status
        assert "torch built for CUDA" in found.fix


def test_more_devices_than_cards_fail() -> None:
    found = check_device(MACHINE, "cuda", 8, Hardware())
    assert found.status == "fail"
    assert found.fix == "trainer.devices=1"


def test_a_profile_for_another_card_is_noticed() -> None:
    profile = Hardware(name="a100", gpu="A100-80GB")
    assert check_device(MACHINE, "cuda", 1, profile).status == "ok"
    smaller = replace(MACHINE, cards=(replace(A100, name="NVIDIA A100-PCIE-40GB"),))
    found = check_device(smaller, "cuda", 1, profile)
    assert found.status == "warn"
    assert "A100-PCIE-40GB" in found.found
    assert "+hw=a100 is for A100-80GB" in found.found


@pytest.mark.parametrize(
    ("profile", "device", "is_it"),
    [
        ("T4", "Tesla T4", True),
        ("A10", "NVIDIA A10G", True),
        ("RTX4090", "NVIDIA GeForce RTX 4090", True),
        ("H100", "NVIDIA A100-SXM4-80GB", False),
    ],
)
def test_cards_are_known_by_their_own_names(profile: str, device: str, is_it: bool) -> None:
    assert is_card(profile, device) == is_it


def test_devices_count_processes_as_lightning_does() -> None:
    two = replace(MACHINE, cards=(A100, A100))
    assert two.n_processes("auto", "auto") == two.n_processes("cuda", -1) == 2
    assert two.n_processes("cuda", "0,1") == 2
    assert two.n_processes("cpu", "auto") == 1
    assert DESK.n_processes("cpu", 3) == 3


def test_workers_beyond_half_the_cores_fail_with_both_ways_out() -> None:
    """The run that "hung": eight workers on eight cores."""
    found = check_cores(MACHINE, Loading(num_workers=8), 1, on_cuda=True)
    assert found.status == "fail"
    assert "8 loader workers on 8 cores, which feed 4" in found.found
    assert "loader.num_workers=4" in found.fix
    assert "16 cores" in found.fix
    assert check_cores(MACHINE, Loading(num_workers=4), 1, on_cuda=True).status == "ok"
    assert check_cores(MACHINE, Loading(num_workers=4), 2, on_cuda=True).status == "fail"


def test_a_card_without_any_worker_is_a_warning() -> None:
    assert check_cores(MACHINE, Loading(), 1, on_cuda=False).status == "ok"
    found = check_cores(MACHINE, Loading(), 1, on_cuda=True)
    assert found.status == "warn"
    assert "loader.num_workers=4" in found.fix


def test_memory_is_for_workers_first_and_the_page_cache_second() -> None:
    loading = Loading(48, 48, num_workers=8, prefetch_factor=4)

    def status(memory_gib: float, free_gib: float, cache_gib: float) -> str:
        machine = replace(MACHINE, memory_gib=memory_gib, memory_free_gib=free_gib)
        return check_memory(machine, loading, 1, WINDOW_BYTES, int(cache_gib * GIB)).status

    assert status(64, 60, 20) == "ok"
    assert status(64, 60, 60) == "warn"  # every epoch comes from the disk again
    assert status(64, 5, 1) == "warn"  # taken by others
    assert status(8, 8, 1) == "fail"


def test_batches_that_do_not_fit_into_shared_memory_fail() -> None:
    """As in a container that was given 64 MB of it."""
    loading = Loading(48, 48, num_workers=8, prefetch_factor=4)
    small = replace(MACHINE, shared_free_gib=64 / 1024)
    found = check_shared_memory(small, loading, 1, WINDOW_BYTES)
    assert found.status == "fail"
    assert "--shm-size=2g" in found.fix
    assert check_shared_memory(MACHINE, loading, 1, WINDOW_BYTES).status == "ok"
    assert check_shared_memory(small, Loading(), 1, WINDOW_BYTES).status == "ok"
