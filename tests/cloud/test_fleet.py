"""Several machines for one request: what each does, and what becomes of all of it."""

import json
from pathlib import Path, PurePath

import pytest

from seizure.cloud.fleet import Fleet, Machines, conduct, on_host, sit_on_host
from seizure.cloud.job import Job, Verdict


class Volume:
    """Counts what is asked of it."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def reload(self) -> None:
        self.said.append("reload")

    def commit(self) -> None:
        self.said.append("commit")


class Rented:
    """Machines that have ended their job as they were told to, by the job's name."""

    def __init__(self, **ends: Verdict | BaseException) -> None:
        self.started: list[str] = []
        self._ends = ends

    def start(self, job: Job) -> str:
        self.started.append(job.name)
        return f"call-{job.name}"

    def end(self, call: str) -> Verdict:
        end = self._ends[call.removeprefix("call-")]
        if isinstance(end, BaseException):
            raise end
        return end

    @property
    def machines(self) -> Machines:
        return Machines(self.start, self.end)


def job(folder: Path, number: int, *more: str) -> Job:
    """A run of a sweep."""
    return Job(
        name=f"job{number}",
        command=("-m", "seizure.train", "+hw=t4", f"run=lr/{number}", *more),
        ledger=folder / f"{number}.json",
        limit_s=60.0,
        budget_s=60.0,
        finished=folder / str(number) / "finished",
        price_h=3.0,
    )


DONE = Verdict(True, False, "finished", spent_s=60.0)


def test_a_sweep_ends_with_a_table_whatever_became_of_its_jobs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, objective in ((0, "0.25"), (1, "0.75")):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "finished").write_text(f"2026-11-22T08:00:00\n{objective}\n")
    refused = Verdict(False, False, "refused: odd")
    rented = Rented(job0=DONE, job1=DONE, job2=refused, job3=OSError("lost"))
    volume = Volume()
    jobs = tuple(job(tmp_path, number, f"seed={number}") for number in range(4))
    fleet = Fleet(jobs, tmp_path / "started.json", 2, sweep=tmp_path)
    verdict = conduct(fleet, rented.machines, volume)
    assert (verdict.done, verdict.goes_on) == (False, False)
    assert verdict.reason == "2 of 4 jobs done"
    assert verdict.spent_s == 120.0
    # Who was started is kept one by one; results are seen before they are read.
    assert volume.said == ["reload", *["commit"] * 4, "reload", "commit"]
    said = capsys.readouterr().out
    assert "best: job 1 with 0.7500: seed=1" in said
    assert "job 2 failed: refused: odd" in said
    assert "job3: OSError: lost" in said
    assert "2 of 4 jobs done; 0.03 h in all, about 0.10 USD" in said
    kept = json.loads((tmp_path / "results.json").read_text())
    assert [entry["objective"] for entry in kept] == [0.25, 0.75, None, None]
    assert kept[0]["overrides"] == ["seed=0"]


def test_what_gathers_runs_last_also_after_a_part_that_failed(tmp_path: Path) -> None:
    rented = Rented(job0=DONE, job1=Verdict(False, False, "said"), job2=DONE)
    parts = (job(tmp_path, 0), job(tmp_path, 1))
    fleet = Fleet(parts, tmp_path / "started.json", 2, last=job(tmp_path, 2))
    assert conduct(fleet, rented.machines, Volume()).reason == "2 of 3 jobs done"
    assert rented.started == ["job0", "job1", "job2"]


def test_a_conductor_that_was_ended_itself_waits_for_the_jobs_it_has_started(
    tmp_path: Path,
) -> None:
    fleet = Fleet((job(tmp_path, 0), job(tmp_path, 1)), tmp_path / "jobs" / "started.json", 2)
    # After a day, say, the second job still runs: waiting for it is interrupted.
    first = Rented(job0=DONE, job1=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        conduct(fleet, first.machines, Volume())
    assert first.started == ["job0", "job1"]
    again = Rented(job0=DONE, job1=DONE)
    assert conduct(fleet, again.machines, Volume()).done
    assert again.started == []


def test_one_host_keeps_the_ledger_and_the_marker_of_a_job() -> None:
    whole = job(Path("/results"), 0)
    first, second = (on_host(whole, rank, ["fd00::1", "fd00::2"], 8) for rank in (0, 1))
    assert (first.ledger, first.finished) == (whole.ledger, whole.finished)
    assert second.ledger == PurePath("/results/0-host1.json")
    assert second.finished is None
    for rank, host in enumerate((first, second)):
        assert host.command[-len(whole.command) :] == whole.command
        assert {
            "--nnodes=2",
            "--nproc-per-node=8",
            f"--node-rank={rank}",
            "--master-addr=fd00::1",
        } <= set(host.command)


def test_no_host_waits_for_the_others_of_a_finished_job(tmp_path: Path) -> None:
    whole = job(tmp_path, 0)
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "finished").touch()
    for rank in (0, 1):
        verdict = sit_on_host(whole, rank, ["127.0.0.1", "127.0.0.1"], 1, Volume())
        assert verdict.reason == "finished before"
