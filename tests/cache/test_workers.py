"""The same tasks give the same outcomes wherever they are worked off, and nobody waits for ever."""

import os
import signal
import sys
import time

import pytest

from seizure.cache.shard import CacheError
from seizure.cache.workers import Workers


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_task_has_one_outcome(jobs):
    assert sorted(Workers(jobs=jobs).work_off(abs, range(-20, 0))) == list(range(1, 21))
    assert list(Workers(jobs=jobs).work_off(abs, [])) == []


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="jobs must be at least 1, found 0"):
        Workers(jobs=0)
    with pytest.raises(ValueError, match=r"backend=dask without a scheduler"):
        Workers(backend="dask")
    with pytest.raises(ValueError, match=r"scheduler=tcp://a:1 with backend=loky"):
        Workers(scheduler="tcp://a:1")


def test_a_killed_worker_ends_the_work_and_says_how_to_go_on():
    with pytest.raises(CacheError, match=r"worker was killed.*prepare\.jobs=2"):
        # Every task kills the process that does it.
        list(Workers(jobs=2).work_off(_kill_this_process, range(4)))


def _kill_this_process(number: int) -> int:
    time.sleep(0.01 * number)
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_cluster_without_dask_is_refused_with_the_fix(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "seizure.cache.cluster", raising=False)
    with pytest.raises(CacheError, match=r"needs Dask.*pip install 'seizure\[dask\]'"):
        list(Workers(backend="dask", scheduler="tcp://127.0.0.1:9").work_off(abs, [1]))
