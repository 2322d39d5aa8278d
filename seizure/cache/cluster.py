"""Work on a Dask cluster through joblib; only imported where a cluster is asked for."""

import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from joblib import Parallel, delayed, parallel_config

from seizure.cache.shard import CacheError

try:
    from distributed import Client, KilledWorker
    from joblib._dask import DaskDistributedBackend
except ImportError as error:
    raise CacheError(
        f"prepare.backend=dask needs Dask here and on every worker, found none ({error}); "
        "pip install 'seizure[dask]'"
    ) from error

TaskT = TypeVar("TaskT")
OutcomeT = TypeVar("OutcomeT")

_ANSWER_WITHIN_S = 30
_WORKER_WITHIN_S = 60


class _Backend(DaskDistributedBackend):
    """joblib's Dask backend, which as it is waits for ever for a task that Dask has given up.

    It would also do the work itself where the cluster has a single core for now.
    """

    def effective_n_jobs(self, n_jobs: int) -> int:
        return max(2, super().effective_n_jobs(n_jobs))

    def submit(self, func: Any, callback: Any = None) -> Any:
        future = super().submit(func, callback)

        def on_end(ended: Any) -> None:
            if ended.exception() is not None:
                callback(ended.exception())

        future.add_done_callback(on_end)
        return future

    def retrieve_result_callback(self, out: Any) -> Any:
        if isinstance(out, BaseException):
            raise out
        return super().retrieve_result_callback(out)


def work_off_on_cluster(
    scheduler: str,
    function: Callable[[TaskT], OutcomeT],
    tasks: Sequence[TaskT],
    folders: Sequence[Path] = (),
) -> Iterator[OutcomeT]:
    """The outcome of every task, in the order in which the workers of `scheduler` are done.

    Raises:
        CacheError: nobody answers there, a worker does not see a folder, or tasks kill workers.
    """
    with _client(scheduler) as client:
        try:
            # All at once, so that workers which join later find work.
            with parallel_config(backend=_Backend(client=client)):
                outcomes = Parallel(return_as="generator_unordered", pre_dispatch="all")(
                    delayed(_with_sight)(function, task, folders) for task in tasks
                )
                yield from cast("Iterator[OutcomeT]", outcomes)
        except KilledWorker as error:
            raise CacheError(
                "one task killed several workers of the cluster, most likely for want of memory; "
                "what was finished is kept: give the workers more memory or fewer threads, then "
                "the same command again, and it continues"
            ) from error
        except ImportError as error:
            raise CacheError(
                f"a worker of the cluster lacks a package ({error}); install this version of "
                "seizure on every worker"
            ) from error


def _with_sight(
    function: Callable[[TaskT], OutcomeT], task: TaskT, folders: Sequence[Path]
) -> OutcomeT:
    """A task's outcome; a worker without sight would leave out every recording as missing."""
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        raise CacheError(
            f"worker on {socket.gethostname()} does not see {', '.join(missing)}; corpus and cache "
            "must be on a file system that all workers share, under the same path"
        )
    return function(task)


def _client(scheduler: str) -> Client:
    try:
        client = Client(scheduler, timeout=_ANSWER_WITHIN_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CacheError(
            f"prepare.scheduler={scheduler}: found no Dask scheduler there ({error}); start one "
            "with `dask scheduler`, it prints its address"
        ) from error
    try:
        client.wait_for_workers(1, timeout=_WORKER_WITHIN_S)
    except TimeoutError as error:
        client.close()
        raise CacheError(
            f"prepare.scheduler={scheduler}: found no worker, expected at least one; start some "
            f"with `dask worker {scheduler}`"
        ) from error
    return client
