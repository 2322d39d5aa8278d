"""Claim: no SIGKILL of a build leaves an unreadable file, and the finished cache is the same.

    OMP_NUM_THREADS=1 python benchmarks/cache_kill.py [kills]

A build of synthetic recordings is killed at random moments, started again, and so on: all of its
processes, its main process alone (its workers live on), or one worker. After every kill each file
of the cache is read whole. When a build gets through, its files are compared byte for byte with
those of an undisturbed one, and the cache is emptied for the next round.
"""

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree

import numpy as np
import psutil

from seizure.cache.build import build_cache
from seizure.cache.index import INDEX_FILE, CacheIndex
from seizure.cache.shard import CacheError, check_shard
from seizure.cache.workers import Workers
from seizure.corpus.synthetic import SyntheticSpec
from seizure.corpus.synthetic.corpus import make_corpus
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.filtering import Preprocessing

SPEC = SyntheticSpec(train_hours=4.0, dev_hours=0.5, eval_hours=0.5, recording_min=8.0)
LATEST_S = 0.5
WHOM = ("every process", "the main process", "one worker")


@dataclass
class Tally:
    """What was counted."""

    kills: Counter[str] = field(default_factory=Counter)
    n_half_written: int = 0
    n_checked: int = 0
    n_rounds: int = 0
    unreadable: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)


def build(root: Path, folder: Path, jobs: int) -> None:
    """What the killed process does; a line on standard output for each recording."""
    print("begins", flush=True)
    build_cache(
        TuszCorpus(root),
        folder,
        Preprocessing(),
        Workers(jobs=jobs),
        progress=lambda done, total, stem: print(done, flush=True),
    )


def start(root: Path, folder: Path, jobs: int) -> subprocess.Popen[str]:
    """A builder in a process group of its own, at work."""
    builder = subprocess.Popen(
        [sys.executable, __file__, "--build", str(root), str(folder), str(jobs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    assert builder.stdout is not None
    builder.stdout.readline()
    if jobs > 1:
        builder.stdout.readline()  # workers take a second to start; kills are meant for the work
    return builder


def kill(builder: subprocess.Popen[str], whom: str) -> bool:
    """Whether there was somebody to kill."""
    if builder.poll() is not None:
        return False
    if whom == "every process":
        os.killpg(builder.pid, signal.SIGKILL)
    elif whom == "the main process":
        builder.kill()
    else:
        try:
            children = psutil.Process(builder.pid).children()
            workers = [child for child in children if "popen_loky" in " ".join(child.cmdline())]
            workers[0].kill()
        except (IndexError, psutil.NoSuchProcess):
            return False
    return True


def check(folder: Path, tally: Tally) -> None:
    """Read every file that a later stage might read."""
    for path in folder.glob("*/*.npz"):
        tally.n_checked += 1
        try:
            check_shard(path)
        except CacheError as error:
            tally.unreadable.append(str(error))
    if (folder / INDEX_FILE).exists():
        tally.n_checked += 1
        try:
            CacheIndex.load(folder)
        except CacheError as error:
            tally.unreadable.append(str(error))


def contents(folder: Path) -> dict[str, str]:
    """Every file of a finished cache but its locks, with its hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    tally = Tally()
    started_at = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        root, folder = make_corpus(Path(name) / "corpus", SPEC), Path(name) / "cache"
        undisturbed = Path(name) / "undisturbed"
        build_cache(TuszCorpus(root), undisturbed, Preprocessing(), Workers(jobs=1))
        expected = contents(undisturbed)
        groups: list[int] = []
        while tally.kills.total() < options.kills:
            whom = WHOM[int(rng.integers(len(WHOM)))]
            builder = start(root, folder, jobs=1 if rng.random() < 0.3 else 2)
            time.sleep(rng.uniform(0, LATEST_S))
            was_killed = kill(builder, whom)
            if was_killed:
                check(folder, tally)  # at once: workers may still be writing
            code = builder.wait()
            check(folder, tally)
            tally.n_half_written += len(list(folder.rglob("*.tmp")))
            tally.kills[whom] += was_killed and code != 0
            groups.append(builder.pid)
            if code == 0:
                finish(groups, folder, expected, tally)
        end(groups)
        build_cache(TuszCorpus(root), folder, Preprocessing(), Workers(jobs=2))
        tally.different += differences(folder, expected)
    print(
        f"{tally.kills.total()} kills in {time.monotonic() - started_at:.0f} s ("
        + ", ".join(f"{whom} {n}" for whom, n in sorted(tally.kills.items()))
        + f"), {len(expected) - 1} recordings, {tally.n_rounds + 1} builds completed"
    )
    print(f"half-written temporary files seen after kills: {tally.n_half_written}")
    print(f"unreadable: {len(tally.unreadable)} of {tally.n_checked} files read whole")
    print(f"files that differ from an undisturbed build: {len(tally.different)}")
    for line in (*tally.unreadable, *tally.different):
        print(f"  {line}")
    sys.exit(1 if tally.unreadable or tally.different else 0)


def finish(groups: list[int], folder: Path, expected: dict[str, str], tally: Tally) -> None:
    """Compare a cache whose build got through, and make room for the next round."""
    end(groups)
    tally.n_rounds += 1
    tally.different += differences(folder, expected)
    rmtree(folder)


def end(groups: list[int]) -> None:
    """End the workers that outlived their main process."""
    while groups:
        with suppress(ProcessLookupError):
            os.killpg(groups.pop(), signal.SIGKILL)


def differences(folder: Path, expected: dict[str, str]) -> list[str]:
    """The files that only one of two caches has, or that are not the same in both."""
    found = contents(folder)
    return sorted(
        name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--build"]:
        build(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
