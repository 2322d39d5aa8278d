"""Disks: where the cache lies, and whether a run can write."""

from dataclasses import replace
from pathlib import Path

import pytest

from seizure.preflight.storage import (
    Place,
    check_local,
    check_room,
    check_writable,
    mount_of,
    place_of,
)

LOCAL = Place(Path("data/cache"), Path("/"), "ext4", "/dev/nvme0n1p2", 200 * 10**9, True)


@pytest.mark.parametrize(
    ("kind", "device"),
    [
        ("fuse.s3fs", "bucket"),
        ("fuse", "mountpoint-s3"),
        ("fuse.gcsfuse", "bucket"),
        ("fuse.rclone", "remote:eeg"),
    ],
)
def test_a_cache_on_a_bucket_fails(kind: str, device: str) -> None:
    found = check_local(replace(LOCAL, kind=kind, device=device, mount=Path("/data")))
    assert found.status == "fail"
    assert device in found.found
    assert "paths.cache=" in found.fix


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "lustre", "9p", "fuse.sshfs"])
def test_a_cache_on_a_network_mount_is_a_warning(kind: str) -> None:
    found = check_local(replace(LOCAL, kind=kind, device="server:/export"))
    assert found.status == "warn"
    assert "server:/export" in found.found
    assert "paths.cache=" in found.fix


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "apfs", "overlay", "fuseblk"])
def test_disks_of_the_machine_are_local(kind: str) -> None:
    assert check_local(replace(LOCAL, kind=kind)).status == "ok"


def test_a_path_is_on_the_deepest_mount_above_it_and_the_last_one_there() -> None:
    mounts = [
        (Path("/"), "ext4", "a"),
        (Path("/data"), "xfs", "b"),
        (Path("/data"), "nfs4", "c"),
        (Path("/database"), "zfs", "d"),
    ]
    assert mount_of(Path("/data/x"), mounts)[2] == "c"
    assert mount_of(Path("/database/x"), mounts)[2] == "d"
    assert mount_of(Path("/home"), mounts)[2] == "a"


def test_a_full_disk_fails_and_a_nearly_full_one_warns() -> None:
    full = check_room("runs", replace(LOCAL, free_bytes=10**6), 10**8)
    assert full.status == "fail"
    assert "paths.runs=" in full.fix
    assert check_room("runs", replace(LOCAL, free_bytes=2 * 10**8), 10**8).status == "warn"
    assert check_room("runs", LOCAL, 10**8).status == "ok"


def test_a_folder_is_judged_before_it_exists_and_is_not_made(tmp_path: Path) -> None:
    place = place_of(tmp_path / "runs" / "first")
    assert check_writable("runs", place).status == "ok"
    assert place.free_bytes > 0
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_and_a_foreign_folder_are_found(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    found = check_writable("runs", place_of(tmp_path / "runs" / "first"))
    assert found.status == "fail"
    assert f"{tmp_path / 'runs'} is a file" in found.found
    foreign = check_writable("runs", replace(LOCAL, is_writable=False))
    assert foreign.status == "fail"
    assert "paths.runs=" in foreign.fix
