"""A long job on machines that may vanish: its command, its limits, what its attempts came to."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath

# So many attempts in a row without a new checkpoint are a fault, whatever it is.
FRUITLESS = 3
_TAIL_BYTES = 2**20


class Unfinished(RuntimeError):
    """The attempt ended before the job did, and another may go on."""


@dataclass(frozen=True)
class Job:
    """A command that continues itself when started again, and the limits of its attempts.

    Paths are those of the machine it runs on. `finished` is the marker it writes at its end,
    `checkpoint` the file that shows progress, kept as soon as it is seen; a job without a marker
    has finished when it ends with one of `done_codes`, and said no with one of `final_codes`.
    `price_h` is what an hour costs as reserved, without what is used beyond.
    """

    name: str
    command: tuple[str, ...]
    ledger: PurePath
    limit_s: float
    budget_s: float
    finished: PurePath | None = None
    checkpoint: PurePath | None = None
    done_codes: tuple[int, ...] = (0,)
    final_codes: tuple[int, ...] = ()
    hand_over_s: float = 1200.0
    grace_s: float = 20.0
    commit_every_s: float = 300.0
    look_every_s: float = 10.0
    price_h: float | None = None
    currency: str = "USD"

    def spent(self, seconds: float) -> str:
        """What so many seconds took and cost, in words.

        >>> Job("test", (), PurePath("test.json"), 1.0, 1.0, price_h=4.0).spent(5400)
        '1.50 h in all, about 6.00 USD'
        """
        hours = seconds / 3600
        cost = f", about {hours * self.price_h:.2f} {self.currency}" if self.price_h else ""
        return f"{hours:.2f} h in all{cost}"


@dataclass(frozen=True)
class Attempt:
    """A line of a job's ledger; times in seconds since 1970, `end` is None while it lasts."""

    started_at: float
    seen_at: float
    checkpoint: str | None
    end: str | None = None


@dataclass(frozen=True)
class Verdict:
    """How an attempt ended: whether the job is done, else whether another attempt may help.

    `spent_s` is what all attempts so far took.
    """

    done: bool
    goes_on: bool
    reason: str
    spent_s: float = 0.0


def refusal(job: Job, earlier: Sequence[Attempt], checkpoint: str | None) -> str | None:
    """Why no further attempt may begin; None if one may."""
    spent_s = seconds(earlier)
    if spent_s >= job.budget_s:
        return (
            f"{len(earlier)} attempts took {spent_s / 3600:.1f} of the {job.budget_s / 3600:.1f} h "
            f"that were granted; start the same command again to go on"
        )
    recent = earlier[-FRUITLESS:]
    # An attempt that was asked to stop has done its part, as has one that a preemption ended.
    if len(recent) == FRUITLESS and all(
        a.checkpoint == checkpoint and not (a.end or "").startswith("asked") for a in recent
    ):
        said = "; ".join(a.end or "vanished without a word (out of memory?)" for a in recent)
        return f"{FRUITLESS} attempts in a row brought no new checkpoint: {said}"
    return None


def fingerprint(path: PurePath | None) -> str | None:
    """What tells one checkpoint from the next; None where there is none.

    A checkpoint is a zip file: its end holds the checksum of every tensor.
    """
    if path is None or not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        file.seek(max(0, Path(path).stat().st_size - _TAIL_BYTES))
        return hashlib.sha256(file.read()).hexdigest()[:16]


def read_ledger(path: Path) -> list[Attempt]:
    """The attempts of a job so far."""
    if not path.is_file():
        return []
    return [Attempt(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def write_ledger(path: Path, attempts: Sequence[Attempt]) -> None:
    """Keep the attempts of a job, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.writing")
    temporary.write_text(json.dumps([asdict(a) for a in attempts], indent=1), encoding="utf-8")
    temporary.replace(path)


def seconds(attempts: Sequence[Attempt]) -> float:
    """What attempts took in all, a vanished one up to its last sign of life."""
    return sum(a.seen_at - a.started_at for a in attempts)
