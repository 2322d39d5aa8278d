"""Claim: a cache of 4000 recordings opens in 1 s without descriptors, an index of 100 000 in 10 s.

    OMP_NUM_THREADS=1 python benchmarks/index_speed.py

The files are one shard under many names; every one of the 4000 is opened, mapped and read from. The
100 000 are an index alone, with the statistics and seizures of as many recordings. Each is opened
by a process of its own that may hold 256 descriptors; memory is what that process grew by.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from seizure.cache.index import INDEX_FILE, CacheIndex
from seizure.cache.mapping import MappedSignals
from seizure.cache.shard import STATISTICS, PreparedRecording, ShardHeader, read_header, write_shard
from seizure.eeg.channels import CANONICAL_19

N_DESCRIPTORS = 256
SECONDS = 30
RATE_HZ = 256.0


def write_cache(folder: Path, n_recordings: int, with_files: bool) -> float:
    """Write an index of `n_recordings`, with a shard under as many names; seconds for the index."""
    rng = np.random.default_rng(0)
    n_samples = int(SECONDS * RATE_HZ)
    columns = {name: rng.random(19, dtype=np.float32) + 1 for name in STATISTICS}
    meta = {
        "stem": "aaaaaaaa_s001_t000", "patient": "aaaaaaaa", "session": "s001_2010",
        "split": "train", "rate_hz": RATE_HZ, "channel_names": list(CANONICAL_19),
        "fingerprint": "0123456789abcdef",
    }  # fmt: skip
    only = folder / "train" / "only.npz"
    write_shard(
        only,
        PreparedRecording(
            signal=rng.integers(-9, 9, (19, n_samples)).astype(np.int16),
            **columns,
            events=np.array([[10, 20], [30, 40]], np.int64),
            event_type=np.array([1, 5], np.uint8),
            meta=meta,
        ),
    )
    header = read_header(only)
    names = [f"a{number:07d}_s001_t000" for number in range(n_recordings)]
    if with_files:
        for name in names:
            os.link(only, only.with_name(f"{name}.npz"))
    start_s = time.perf_counter()
    CacheIndex.from_headers((f"train/{name}.npz", _renamed(header, name)) for name in names).save(
        folder / INDEX_FILE
    )
    return time.perf_counter() - start_s


def _renamed(header: ShardHeader, name: str) -> ShardHeader:
    meta = {**header.meta, "stem": name, "patient": name[:8]}
    return ShardHeader(**{**vars(header), "meta": meta})


def open_cache(folder: Path, with_files: bool) -> None:
    """What is measured, in a process of its own."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (N_DESCRIPTORS, N_DESCRIPTORS))
    n_held, memory_mb = _n_descriptors(), _peak_memory_mb()
    start_s = time.perf_counter()
    index = CacheIndex.load(folder)
    loaded_s = time.perf_counter() - start_s
    said = (
        f"{len(index)} recordings: index opened in {loaded_s:.3f} s, with "
        f"{_peak_memory_mb() - memory_mb:.0f} MB ({_peak_memory_mb():.0f} MB the whole process)"
    )
    if with_files:
        signals = MappedSignals(folder, index)
        start_s = time.perf_counter()
        for row in range(len(index)):
            signals.window(row, 0, 1).sum()
        said += f"; each mapped and read from in {time.perf_counter() - start_s:.2f} s"
    print(f"{said}; {_n_descriptors() - n_held} descriptors held of {N_DESCRIPTORS}")


def _n_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _peak_memory_mb() -> float:
    """The most memory that this process has held; `getrusage` would count its parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=4000)
    parser.add_argument("--simulated", type=int, default=100_000)
    options = parser.parse_args()
    for n_recordings, with_files in ((options.recordings, True), (options.simulated, False)):
        with tempfile.TemporaryDirectory() as name:
            written_s = write_cache(Path(name), n_recordings, with_files)
            subprocess.run(
                [sys.executable, __file__, "--open", name, str(int(with_files))], check=True
            )
            n_bytes = (Path(name) / INDEX_FILE).stat().st_size
        print(f"  index made from headers and written in {written_s:.2f} s, {n_bytes / 1e6:.0f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--open"]:
        open_cache(Path(sys.argv[2]), sys.argv[3] == "1")
    else:
        main()
