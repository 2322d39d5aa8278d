"""A Dask cluster makes the cache that one process makes; a cluster that cannot, says why."""

import logging
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from seizure.cache.build import build_cache
from seizure.cache.shard import CacheError, check_shard
from seizure.cache.workers import Workers
from seizure.eeg.filtering import Preprocessing

NEEDED = "Dask is not installed: pip install 'seizure[dask]'"
dask = pytest.importorskip("dask", reason=NEEDED)
distributed = pytest.importorskip("distributed", reason=NEEDED)


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes of this machine behind a scheduler that gives a task two tries."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield cluster


@pytest.fixture
def workers(cluster):
    return Workers(backend="dask", scheduler=cluster.scheduler_address)


def test_a_cluster_makes_what_one_process_makes(corpus, tmp_path, workers):
    there = build_cache(corpus, tmp_path / "there", Preprocessing(), workers)
    here = build_cache(corpus, tmp_path / "here", Preprocessing(), Workers(jobs=1))
    assert there.n_built == 5
    assert there.index.equals(here.index)
    for file in here.index.file.tolist():
        assert (tmp_path / "there" / file).read_bytes() == (tmp_path / "here" / file).read_bytes()
        check_shard(tmp_path / "there" / file)
    again = build_cache(corpus, tmp_path / "there", Preprocessing(), workers)
    assert (again.n_built, again.n_reused) == (0, 5)


def test_both_workers_take_part(workers, tmp_path):
    # A task ends only when both have begun, so that one worker alone would never get there.
    tasks = [(tmp_path / "a", tmp_path / "b"), (tmp_path / "b", tmp_path / "a")]
    assert list(workers.work_off(_meet, tasks)) == [True, True]


def _meet(places: tuple[Path, Path]) -> bool:
    mine, other = places
    mine.touch()
    for _ in range(2000):
        if other.exists():
            return True
        time.sleep(0.05)
    return False


def test_a_fault_in_a_task_is_raised(workers):
    with pytest.raises(ZeroDivisionError):
        list(workers.work_off((1).__truediv__, [1, 0, 1]))


def test_workers_that_do_not_see_the_cache_are_refused(workers, tmp_path):
    with pytest.raises(CacheError, match=rf"worker on .* does not see {tmp_path}/elsewhere;"):
        list(workers.work_off(abs, [1], (tmp_path, tmp_path / "elsewhere")))


def test_an_address_without_a_scheduler_is_refused_with_the_fix(monkeypatch):
    monkeypatch.setattr("seizure.cache.cluster._ANSWER_WITHIN_S", 0.5)
    with socket.socket() as nobody:  # bound, but it listens to nobody
        nobody.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        workers = Workers(backend="dask", scheduler=address)
        with pytest.raises(CacheError, match=r"found no Dask scheduler there.*`dask scheduler`"):
            list(workers.work_off(abs, [1]))


def test_a_cluster_without_workers_is_refused_with_the_fix(monkeypatch):
    monkeypatch.setattr("seizure.cache.cluster._WORKER_WITHIN_S", 0.5)
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as empty:
        workers = Workers(backend="dask", scheduler=empty.scheduler_address)
        with pytest.raises(CacheError, match=r"found no worker.*`dask worker "):
            list(workers.work_off(abs, [1]))


def test_a_killed_worker_is_replaced_and_nothing_is_missing(corpus, tmp_path, cluster, workers):
    with distributed.Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2)
        pids = list(client.run(os.getpid).values())

    def kill_one(*_: object) -> None:
        if len(pids) == 2:
            os.kill(pids.pop(), signal.SIGKILL)

    report = build_cache(corpus, tmp_path, Preprocessing(), workers, progress=kill_one)
    assert len(pids) == 1
    assert (len(report.index), report.failures) == (5, ())


def test_a_task_that_kills_its_workers_ends_the_work_and_says_how_to_go_on(workers):
    with pytest.raises(CacheError, match=r"killed several workers.*it continues"):
        list(workers.work_off(_kill_this_process, range(4)))


def _kill_this_process(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number
