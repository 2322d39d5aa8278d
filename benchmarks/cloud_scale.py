"""What TUSZ costs on rented machines, from the costs of one recording and one window measured here.

    python benchmarks/cloud_scale.py [folder]

`folder` is an EDF corpus in TUSZ's layout; without it a small synthetic one is made, with lengths
as spread as TUSZ's. Measured, in one run on one core: preparing a recording, finding one prepared,
its size, a row of the index, reading windows, starting a process. Assumed, and printed as such:
everything about Modal and about a GPU.
"""

import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from seizure.cache.build import build_cache
from seizure.cache.index import INDEX_FILE, CacheIndex
from seizure.cache.workers import Part, Workers
from seizure.cli.command import conf_folder
from seizure.corpus.synthetic.corpus import make_corpus
from seizure.corpus.synthetic.spec import SyntheticSpec
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.filtering import Preprocessing
from seizure.hardware import price_h, read_prices, read_profile
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading, Windowing

N_RECORDINGS, HOURS = 7000, 1500.0
N_TRAIN, N_SCORED, BATCH = 50_000, 52_000, 48
# Assumptions. A container that is there within so long, and a core as fast as this one at its work.
CONTAINER_START_S = 30.0
# Raw EDF through the bucket's mount, MB/s a container, all its cores together.
BUCKET_MB_S = 200.0
# Volume to container, MB/s; windows are read at random from mapped shards.
VOLUME_MB_S = (50.0, 200.0, 800.0)
# Steps of the largest model at batch 48 in bf16, s: nobody has measured one on an A100.
STEP_S = (0.25, 0.5, 1.0)
FORWARD_SHARE = 1 / 3  # of a step is its forward pass, about: backward costs twice as much


@dataclass(frozen=True)
class Costs:
    """Seconds and bytes of preparing, per hour of EEG and per recording."""

    per_hour_s: float
    per_recording_s: float
    shard_mb_h: float
    edf_mb_h: float
    index_row_bytes: float
    index_row_s: float
    found_s: float
    start_s: float
    windows_s: float


def main() -> None:
    """Print what was measured and what follows from it."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary) / "corpus"
        if len(sys.argv) < 2:
            make_corpus(root, SyntheticSpec(0, 3.0, 0.5, 0.5, 12.4, lengths="tusz"), 1)
        costs = measure(root, Path(temporary) / "cache")
    print("measured here, in seconds of one core:")
    print(
        f"  prepare: {costs.per_hour_s:.2f} s an hour of EEG + {costs.per_recording_s:.3f} s each"
    )
    print(f"  EDF {costs.edf_mb_h:.0f} MB an hour, shard {costs.shard_mb_h:.0f} MB an hour")
    print(f"  index: {costs.index_row_bytes:.0f} bytes and {1e3 * costs.index_row_s:.2f} ms a row")
    print(f"  a recording that is prepared is found in {1e3 * costs.found_s:.1f} ms")
    print(f"  a process imports the package in {costs.start_s:.1f} s")
    print(
        f"  a loader without workers reads {costs.windows_s:.0f} windows/s from a cache in memory"
    )
    prepare_table(costs)
    epoch_table(costs)


def measure(root: Path, cache: Path) -> Costs:
    """Prepare every recording of a corpus on one core, one after another."""
    corpus = TuszCorpus(root)
    # Processor time: other work on a shared machine must not count.
    seen = [time.process_time()]

    def each(*_: object) -> None:
        seen.append(time.process_time())

    built = build_cache(corpus, cache, Preprocessing(), Workers(jobs=1), each)
    index = built.index
    hours = index.n_samples / index.rate_hz / 3600
    # Least squares: what grows with the length, and what each file costs however short it is.
    design = np.stack([hours, np.ones(len(hours))], 1)
    (per_hour_s, per_recording_s), *_ = np.linalg.lstsq(design, np.diff(seen), rcond=None)
    shards = sum(path.stat().st_size for path in cache.rglob("*/*.npz"))
    edf = sum(recording.edf.stat().st_size for recording in corpus.recordings())
    row_bytes, row_s = index_costs(index, cache)
    (cache / INDEX_FILE).unlink()
    started = time.process_time()
    build_cache(corpus, cache, Preprocessing(), Workers(jobs=1))
    found_s = (time.process_time() - started) / len(index)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "import seizure.prepare"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    start_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Costs(
        float(per_hour_s),
        max(0.0, float(per_recording_s)),
        shards / 1e6 / hours.sum(),
        edf / 1e6 / hours.sum(),
        row_bytes,
        row_s,
        found_s,
        start_s,
        reading_rate(index, cache),
    )


def reading_rate(index: CacheIndex, folder: Path, n_batches: int = 20) -> float:
    """Windows a second of a loader in this process, the second time round."""
    loading = Loading(BATCH, BATCH)
    data = WindowDataModule(folder, index, Windowing(), Balance(), loading, seed=0)
    seconds, n_windows = [], 0
    for _ in range(2):
        started = time.process_time()
        n_windows = sum(len(b.row) for b in islice(data.train_dataloader(), n_batches))
        seconds.append(time.process_time() - started)
    return n_windows / seconds[-1]


def index_costs(index: CacheIndex, folder: Path) -> tuple[float, float]:
    """Bytes and seconds of a row, from an index of `N_RECORDINGS` rows written and read again."""
    repeat = -(-N_RECORDINGS // len(index))
    rows = [
        (f"{index.file[r]}-{k}", replace(index.header(r)))
        for k in range(repeat)
        for r in range(len(index))
    ][:N_RECORDINGS]
    started = time.process_time()
    large = CacheIndex.from_headers(rows)
    large.save(folder / f"large-{INDEX_FILE}")
    CacheIndex.load(folder / f"large-{INDEX_FILE}")
    seconds = time.process_time() - started
    return (folder / f"large-{INDEX_FILE}").stat().st_size / N_RECORDINGS, seconds / N_RECORDINGS


def prepare_table(costs: Costs) -> None:
    """Time and price of the whole corpus by so many containers."""
    profile = read_profile(conf_folder() / "hw", "cpu").hardware
    prices = read_prices(conf_folder() / "prices.yaml")
    cores = profile.cores or 1
    work_s = N_RECORDINGS * costs.per_recording_s + HOURS * costs.per_hour_s
    print(
        f"\nprepare {N_RECORDINGS} recordings, {HOURS:g} h, {costs.edf_mb_h * HOURS / 1e3:.0f} GB:"
    )
    cache_gb = costs.shard_mb_h * HOURS / 1e3
    index_mb, index_s = (
        N_RECORDINGS * cost for cost in (costs.index_row_bytes / 1e6, costs.index_row_s)
    )
    print(f"  {work_s / 3600:.2f} core hours; cache {cache_gb:.0f} GB, index {index_mb:.1f} MB, ")
    print(f"  written and read in {index_s:.1f} s")
    print(f"  assumed: {cores} cores as fast as this one, {BUCKET_MB_S:g} MB/s from the bucket,")
    print(f"  {CONTAINER_START_S:g} s until a container runs; then one more for the index")
    print("  containers  minutes     USD  limited by")
    # Lengths as spread as TUSZ's, of which the longest part decides.
    rng = np.random.default_rng(0)
    hours = rng.lognormal(0.0, 1.0, N_RECORDINGS)
    hours *= HOURS / hours.sum()
    for n in (1, 2, 4, 8, 16, 32, 64, 128):
        parts = [np.asarray(Part(k, n).of(hours.tolist())) for k in range(1, n + 1)]
        compute_s = max(
            max(costs.per_hour_s * p.sum() + costs.per_recording_s * len(p), 0.0) / cores
            for p in parts
        )
        # No part ends before its longest recording does, which one core prepares.
        longest_s = max(costs.per_hour_s * float(p.max()) for p in parts)
        bucket_s = max(costs.edf_mb_h * float(p.sum()) for p in parts) / BUCKET_MB_S
        part_s, limit = max(
            (compute_s, "cores"), (longest_s, "longest recording"), (bucket_s, "bucket")
        )
        each_s = CONTAINER_START_S + costs.start_s + part_s
        index_s = N_RECORDINGS * (costs.found_s / cores + costs.index_row_s)
        index_s += CONTAINER_START_S + costs.start_s
        usd = price_h(profile, prices) * (n * each_s + index_s) / 3600
        print(f"  {n:10d}  {(each_s + index_s) / 60:7.1f}  {usd:6.2f}  {limit}")


def epoch_table(costs: Costs) -> None:
    """Time and price of an epoch with its validation on an A100, by what a step takes."""
    profile = read_profile(conf_folder() / "hw", "a100")
    prices = read_prices(conf_folder() / "prices.yaml")
    window_mb = 19 * 256 * 60 * 2 / 1e6
    workers = int(profile.loader["num_workers"])
    fed = workers * costs.windows_s
    steps, scored = -(-N_TRAIN // BATCH), -(-N_SCORED // BATCH)
    cache_gb = costs.shard_mb_h * HOURS / 1e3
    print(f"\nepoch of {N_TRAIN} windows, validation of {N_SCORED}, batch {BATCH}, A100 (assumed):")
    print(f"  {steps} steps, {scored} batches of validation: validation has more batches")
    print(
        f"  a window is {window_mb:.3f} MB stored: an epoch reads {N_TRAIN * window_mb / 1e3:.0f} "
        f"+ {N_SCORED * window_mb / 1e3:.0f} GB of a cache of {cache_gb:.0f} GB"
    )
    print("  step s  Volume MB/s  epoch min  validation  USD  limited by")
    for step_s in STEP_S:
        for volume in VOLUME_MB_S:
            data_s = max(BATCH * window_mb / volume, BATCH / fed)
            train_s = steps * max(step_s, data_s)
            val_s = scored * max(step_s * FORWARD_SHARE, data_s)
            limit = "card" if data_s <= step_s * FORWARD_SHARE else "Volume"
            if step_s * FORWARD_SHARE < data_s <= step_s:
                limit = "Volume in validation"
            usd = price_h(profile.hardware, prices) * (train_s + val_s) / 3600
            print(
                f"  {step_s:6.2f}  {volume:11.0f}  {(train_s + val_s) / 60:9.1f}  "
                f"{val_s / (train_s + val_s):9.0%}  {usd:5.2f}  {limit}"
            )
    print(
        f"  page cache: {profile.hardware.memory_gib} GiB reserved hold the cache after one epoch"
        if cache_gb < (profile.hardware.memory_gib or 0)
        else f"  page cache: {profile.hardware.memory_gib} GiB do not hold the cache: every epoch "
        "reads from the Volume again"
    )


if __name__ == "__main__":
    main()
