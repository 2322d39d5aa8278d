"""Disks: where cache and runs lie, on what kind of file system, and whether there is room."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePath

import psutil

from seizure.preflight.check import Check

# Objects of a bucket made to look like files: every random read is a request over the network.
_BUCKETS = (
    "s3fs", "goofys", "mountpoint-s3", "geesefs", "gcsfuse", "blobfuse", "rclone", "juicefs",
)  # fmt: skip
_NETWORK = (
    "nfs", "nfs4", "cifs", "smbfs", "smb2", "smb3", "9p", "afs", "ceph", "lustre", "gpfs",
    "beegfs", "glusterfs", "orangefs", "davfs", "virtiofs", "fuse",
)  # fmt: skip
_MIB = 2**20
# Below this the next run, or the next of everything else, fills the disk.
_COMFORT_BYTES = 2**30


@dataclass(frozen=True)
class Place:
    """A folder that is or will be, and the disk below it.

    `kind` is the file system's type and `device` what is mounted, as the system names them.
    `in_the_way` is a file where a folder has to be.
    """

    path: Path
    mount: Path
    kind: str
    device: str
    free_bytes: int
    is_writable: bool
    in_the_way: Path | None = None


def place_of(path: Path) -> Place:
    """What is known of a folder, or of where it would be made; nothing is written."""
    absolute = Path(os.path.realpath(path))
    there = next(parent for parent in (absolute, *absolute.parents) if parent.exists())
    mounts = [(Path(m.mountpoint), m.fstype, m.device) for m in psutil.disk_partitions(all=True)]
    mount, kind, device = mount_of(there, mounts)
    return Place(
        path,
        mount,
        kind,
        device,
        shutil.disk_usage(there).free,
        is_writable=os.access(there, os.W_OK),
        in_the_way=None if there.is_dir() else there,
    )


def mount_of(path: PurePath, mounts: list[tuple[Path, str, str]]) -> tuple[Path, str, str]:
    """The mount that holds a path: the deepest above it, of several there the last.

    >>> mount_of(PurePath("/data/x"), [(Path("/"), "ext4", "sda"), (Path("/data"), "nfs4", "n")])
    (PosixPath('/data'), 'nfs4', 'n')
    """
    above = [mount for mount in mounts if path.is_relative_to(mount[0])]
    return max(reversed(above), key=lambda m: len(m[0].parts), default=(Path("/"), "unknown", ""))


def check_local(place: Place) -> Check:
    """Whether windows are read from a disk of this machine."""
    name, kind = "cache on a local disk", place.kind.lower()
    found = f"{place.path} is on {place.kind} ({place.device} at {place.mount})"
    names = f"{kind} {place.device}".lower()
    if any(bucket in names for bucket in _BUCKETS):
        return Check(
            name,
            "fail",
            f"{found}: a bucket behind a file system, every window would be a request",
            "copy the cache to a local disk and give paths.cache=/that/disk/cache; raw EDFs may "
            "stay on the bucket",
        )
    if kind.partition(".")[0] in _NETWORK:
        return Check(
            name,
            "warn",
            f"{found}: not a disk of this machine, reading may be slow and vary",
            "copy the cache to a local disk, paths.cache=/that/disk/cache, or compare the time to "
            "load a batch below with that of a step",
        )
    return Check(name, "ok", found)


def check_room(what: str, place: Place, needed_bytes: int) -> Check:
    """Whether the disk takes `needed_bytes` more, for `what`."""
    name = f"disk space for {what}"
    found = (
        f"{place.free_bytes / 1e9:.1f} GB free at {place.path}, about {_size(needed_bytes)} needed"
    )
    if place.free_bytes < needed_bytes:
        return Check(name, "fail", found, f"make room on {place.mount}, or give {_key(what)}=…")
    if place.free_bytes < needed_bytes + _COMFORT_BYTES:
        return Check(name, "warn", f"{found}: little is left", f"make room, or give {_key(what)}=…")
    return Check(name, "ok", found)


def check_writable(what: str, place: Place) -> Check:
    """Whether the folder can be made and written into, as far as it can be told without writing."""
    name = f"{what} can be written"
    if place.in_the_way is not None:
        return Check(
            name,
            "fail",
            f"{place.path}: {place.in_the_way} is a file, expected a folder",
            f"move that file away, or give {_key(what)}=…",
        )
    if not place.is_writable:
        return Check(
            name,
            "fail",
            f"{place.path} cannot be written by this user (file system {place.kind} at "
            f"{place.mount})",
            f"give {_key(what)}=… of a folder of yours, or ask for the right to write there",
        )
    return Check(name, "ok", f"{place.path}")


def _key(what: str) -> str:
    return f"paths.{what}"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / _MIB:.0f} MiB"
