"""Where recordings are prepared: processes of this machine, or the workers of a Dask cluster."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, cast

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError

from seizure.cache.shard import CacheError

TaskT = TypeVar("TaskT")
OutcomeT = TypeVar("OutcomeT")


@dataclass(frozen=True)
class Part:
    """The share of one of `n` machines: each takes other recordings, all of them together all."""

    number: int
    n: int

    @classmethod
    def read(cls, text: str) -> "Part":
        """From what is written on the command line.

        >>> Part.read("2/3").of("abcdefg")
        'be'
        """
        number, slash, n = text.partition("/")
        if not (slash and number.isdecimal() and n.isdecimal() and 1 <= int(number) <= int(n)):
            raise ValueError(
                f"part={text}: expected which of how many, from part=1/8 to part=8/8 for eight"
            )
        return cls(int(number), int(n))

    def of(self, recordings: Sequence[TaskT]) -> Sequence[TaskT]:
        """Every n-th recording: neighbours are of one patient, and as long as each other."""
        return recordings[self.number - 1 :: self.n]


@dataclass(frozen=True)
class Workers:
    """`jobs` processes of this machine, or with `backend="dask"` every worker of `scheduler`.

    The workers of a cluster must have this package and see corpus and cache under the same paths.

    >>> Workers(jobs=4)
    Workers(jobs=4, backend='loky', scheduler=None)
    """

    jobs: int = 2
    backend: Literal["loky", "dask"] = "loky"
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise ValueError(f"jobs must be at least 1, found {self.jobs}")
        if self.backend == "dask" and self.scheduler is None:
            raise ValueError(
                "found backend=dask without a scheduler; give its address too, as in "
                "prepare.scheduler=tcp://10.0.0.1:8786"
            )
        if self.backend != "dask" and self.scheduler is not None:
            raise ValueError(
                f"found scheduler={self.scheduler} with backend={self.backend}, which has none; "
                "give prepare.backend=dask too"
            )

    def work_off(
        self,
        function: Callable[[TaskT], OutcomeT],
        tasks: Sequence[TaskT],
        folders: Sequence[Path] = (),
    ) -> Iterator[OutcomeT]:
        """The outcome of `function` for every task, in the order in which they are done.

        `folders` are what each worker of a cluster has to see.

        Raises:
            CacheError: a worker was killed, or the cluster cannot do the work.
        """
        if not tasks:
            return
        if self.scheduler is not None:
            from seizure.cache.cluster import work_off_on_cluster

            yield from work_off_on_cluster(self.scheduler, function, tasks, folders)
        elif self.jobs == 1 or len(tasks) == 1:
            yield from map(function, tasks)
        else:
            yield from self._on_this_machine(function, tasks)

    def _on_this_machine(
        self, function: Callable[[TaskT], OutcomeT], tasks: Sequence[TaskT]
    ) -> Iterator[OutcomeT]:
        try:
            # One thread a worker: the workers themselves are the parallelism.
            with parallel_config(backend="loky", n_jobs=self.jobs, inner_max_num_threads=1):
                outcomes = Parallel(return_as="generator_unordered")(
                    delayed(function)(task) for task in tasks
                )
                yield from cast("Iterator[OutcomeT]", outcomes)
        except TerminatedWorkerError as error:
            raise CacheError(
                "a worker was killed while it prepared recordings, most likely for want of memory; "
                f"what was finished is kept: give the same command again, or with fewer than "
                f"prepare.jobs={self.jobs}, and it continues"
            ) from error
