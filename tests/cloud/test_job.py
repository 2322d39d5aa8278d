"""A job's ledger: when no further attempt may begin."""

import os
from pathlib import Path

from seizure.cloud.job import Attempt, Job, fingerprint, refusal


def job(budget_s: float = 7200.0) -> Job:
    """A job that may take so long."""
    return Job("test", (), Path("test.json"), 3600.0, budget_s)


def attempts(*checkpoints: str | None, end: str | None = None) -> list[Attempt]:
    return [Attempt(n * 100.0, n * 100.0 + 50, c, end) for n, c in enumerate(checkpoints)]


def test_three_attempts_without_a_new_checkpoint_are_the_last() -> None:
    this = job()
    assert refusal(this, attempts(None, None), None) is None
    assert refusal(this, attempts(None, None, None), "new") is None
    assert refusal(this, attempts("old", "a", "a"), "a") is None
    said = refusal(this, attempts("a", "a", "a"), "a")
    assert said is not None
    assert "out of memory?" in said


def test_attempts_that_were_asked_to_stop_are_not_held_against_a_job() -> None:
    asked = attempts(None, None, None, end="asked to stop by KeyboardInterrupt")
    assert refusal(job(), asked, None) is None


def test_checkpoints_are_told_apart_by_their_content(tmp_path: Path) -> None:
    one = tmp_path / "last.ckpt"
    assert fingerprint(one) is None
    one.write_bytes(b"a" * 3_000_000)
    first = fingerprint(one)
    os.utime(one, (0, 0))
    assert fingerprint(one) == first
    one.write_bytes(b"a" * 2_999_999 + b"b")
    assert fingerprint(one) != first


def test_the_granted_hours_end_a_job() -> None:
    assert refusal(job(budget_s=140.0), attempts("a", "b"), "c") is None
    assert "granted" in (refusal(job(budget_s=140.0), attempts("a", "b", "c"), "d") or "")
