"""Several machines for one request: parts of a corpus, runs of a sweep, hosts of one run."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from seizure.cli.sweep import Result, leave_table, read_objective, table
from seizure.cloud.attempt import Volume, say, sit
from seizure.cloud.job import Job, Verdict
from seizure.events.export import write_atomically

# Where the hosts of a run meet; nothing else listens in their containers.
_PORT = 29500


@dataclass(frozen=True)
class Fleet:
    """Jobs side by side, at most `at_once`, then the one that gathers what they left.

    `sweep` is the folder of the runs of a sweep, for the table of their results; `started` is the
    file of the jobs that were started, by which they are found again.
    """

    jobs: tuple[Job, ...]
    started: PurePath
    at_once: int = 1
    last: Job | None = None
    sweep: PurePath | None = None

    @property
    def is_one_job(self) -> bool:
        """Whether a single machine does it all."""
        return len(self.jobs) == 1 and self.last is None and self.sweep is None


@dataclass(frozen=True)
class Machines:
    """Starts a job on a machine of its own, and waits for the end of one by what `start` gave.

    `end` raises what the job ended with where that is no verdict.
    """

    start: Callable[[Job], str]
    end: Callable[[str], Verdict]


def conduct(fleet: Fleet, machines: Machines, volume: Volume) -> Verdict:
    """Run a fleet to its end, whatever becomes of one job; says how each ended, and the table.

    Called again, after it was ended itself, it finds the jobs it has started and waits for them.
    """
    volume.reload()
    verdicts = list(_run_all(fleet.jobs, fleet.started, machines, volume))
    if fleet.sweep is not None:
        volume.reload()
        results = [_result(job, v) for job, v in zip(fleet.jobs, verdicts, strict=True)]
        for line in table(results):
            say(line)
        leave_table(Path(fleet.sweep), results)
        volume.commit()
    if fleet.last is not None:
        # Also after a part that failed: what it has left out, this names.
        verdicts += _run_all([fleet.last], fleet.started, machines, volume)
    n_done, spent_s = sum(v.done for v in verdicts), sum(v.spent_s for v in verdicts)
    reason = f"{n_done} of {len(verdicts)} jobs done"
    say(f"{reason}; {fleet.jobs[0].spent(spent_s)}")
    return Verdict(n_done == len(verdicts), False, reason, spent_s)


def _run_all(
    jobs: Sequence[Job], started: PurePath, machines: Machines, volume: Volume
) -> Iterator[Verdict]:
    """How each job ended, said; what its machine could not say itself is a verdict too."""
    file = Path(started)
    calls = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for job in jobs:
        if job.name not in calls:
            calls[job.name] = machines.start(job)
            write_atomically(file, json.dumps(calls, indent=1))
            # At once: a job that is started twice writes into the folder of the first.
            volume.commit()
    for job in jobs:
        try:
            ended = machines.end(calls[job.name])
        except Exception as error:
            ended = Verdict(False, False, f"{type(error).__name__}: {error}")
        say(f"{job.name}: {ended.reason}")
        yield ended


def _result(job: Job, verdict: Verdict) -> Result:
    """A line of a sweep's table; the run itself says what it is judged by."""
    overrides = tuple(a for a in job.command[2:] if not a.startswith(("run=", "+hw=")))
    marker = None if job.finished is None else Path(job.finished)
    is_finished = verdict.done and marker is not None and marker.is_file()
    return Result(
        job="" if marker is None else marker.parent.name,
        overrides=overrides,
        status="finished" if verdict.done else "failed",
        objective=read_objective(marker.read_text("utf-8")) if marker and is_finished else None,
        minutes=verdict.spent_s / 60,
        error="" if verdict.done else verdict.reason,
    )


def on_host(job: Job, rank: int, addresses: Sequence[str], n_processes: int) -> Job:
    """A host's share of a job: `n_processes` that meet those of the others at the first address.

    Only the first host's ledger and marker are the job's own.

    >>> job = Job("train", ("-m", "seizure.train"), PurePath("train.json"), 1.0, 1.0)
    >>> on_host(job, 1, ["10.0.0.1", "10.0.0.2"], 8).command[-3:]
    ('--master-port=29500', '-m', 'seizure.train')
    """
    torchrun = (
        "-m",
        "torch.distributed.run",
        f"--nnodes={len(addresses)}",
        f"--nproc-per-node={n_processes}",
        f"--node-rank={rank}",
        f"--master-addr={addresses[0]}",
        f"--master-port={_PORT}",
    )
    job = replace(job, command=(*torchrun, *job.command))
    if rank == 0:
        return job
    ledger = job.ledger.with_name(f"{job.ledger.stem}-host{rank}.json")
    return replace(job, name=f"{job.name}-host{rank}", ledger=ledger, finished=None)


def sit_on_host(
    job: Job, rank: int, addresses: Sequence[str], n_processes: int, volume: Volume
) -> Verdict:
    """One attempt of a job on one of its hosts; the first one's verdict is the job's."""
    volume.reload()
    if job.finished is not None and Path(job.finished).is_file():
        return Verdict(True, False, "finished before")
    return sit(on_host(job, rank, addresses, n_processes), volume)
