"""What a sweep's runs came to: kept beside each run, gathered as one table."""

import csv
import io
import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

log = logging.getLogger("seizure")

RESULT_FILE = "result.json"
TABLE = "results"
_COLUMNS = ("job", "status", "objective", "minutes")


@dataclass(frozen=True)
class Result:
    """What a run of a sweep came to; `objective` is what it is judged by, higher being better.

    A run that says nothing more, for want of memory say, stays `running`.
    """

    job: str
    overrides: tuple[str, ...]
    status: Literal["running", "finished", "failed", "stopped"] = "running"
    objective: float | None = None
    minutes: float = 0.0
    error: str = ""


def attend(
    folder: Path,
    overrides: Sequence[str],
    work: Callable[[], float | None],
    is_explained: Callable[[BaseException], bool],
) -> float | None:
    """Run one job of a sweep and keep what it came to; a fault of it is said, and ends it alone.

    Returns its objective, None for a job that failed. What is asked to stop stops. An error that
    `is_explained` is said without its traceback.
    """
    job = Result(folder.name, tuple(overrides))
    started_at = time.monotonic()
    keep(folder, job)
    try:
        objective = work()
    except Exception as error:
        trace = None if is_explained(error) else error
        log.log(logging.ERROR, "job %s failed: %s", folder.name, error, exc_info=trace)
        job = replace(job, status="failed", error=f"{type(error).__name__}: {error}")
    except BaseException as stop:
        job = replace(job, status="stopped", error=type(stop).__name__)
        raise
    else:
        judged = objective is not None and math.isfinite(objective)
        job = replace(job, status="finished", objective=objective if judged else None)
    finally:
        keep(folder, replace(job, minutes=(time.monotonic() - started_at) / 60))
    return job.objective


def keep(folder: Path, result: Result) -> None:
    """Write what a job came to into its folder, in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{RESULT_FILE}.writing"
    temporary.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")
    temporary.replace(folder / RESULT_FILE)


def read_results(sweep: Path) -> list[Result]:
    """What the jobs of a sweep came to so far, in the order in which they were started."""
    kept = [json.loads(path.read_text("utf-8")) for path in sweep.glob(f"*/{RESULT_FILE}")]
    results = [Result(**{**result, "overrides": tuple(result["overrides"])}) for result in kept]
    return sorted(results, key=lambda r: (not r.job.isdecimal(), r.job.zfill(9)))


def rows(results: Sequence[Result]) -> list[dict[str, str]]:
    """A row for each job: what it came to, and the overrides in which jobs differ.

    >>> rows([Result("0", ("seed=1", "run=a"), "finished", 0.5), Result("1", ("seed=2", "run=a"))])
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'job': '0', 'status': 'finished', 'objective': '0.5000', 'minutes': '0.0', 'seed': '1'},
     {'job': '1', 'status': 'running', 'objective': '', 'minutes': '0.0', 'seed': '2'}]
    """
    values = [dict(override.split("=", 1) for override in r.overrides) for r in results]
    keys = list(dict.fromkeys(key for given in values for key in given))
    keys = [key for key in keys if len({given.get(key) for given in values}) > 1]
    return [
        {
            "job": result.job,
            "status": result.status,
            "objective": "" if result.objective is None else f"{result.objective:.4f}",
            "minutes": f"{result.minutes:.1f}",
            **{key: given.get(key, "") for key in keys},
        }
        for result, given in zip(results, values, strict=True)
    ]


def table(results: Sequence[Result]) -> list[str]:
    """The rows as lines, and below them the best job and what was wrong with the others."""
    if not results:
        return ["no job of the sweep was started"]
    cells = rows(results)
    widths = {k: max(len(k), *(len(row[k]) for row in cells)) for k in cells[0]}
    lines = ["  ".join(key.ljust(width) for key, width in widths.items()).rstrip()]
    lines += ["  ".join(r[k].ljust(width) for k, width in widths.items()).rstrip() for r in cells]
    objectives = [-math.inf if r.objective is None else r.objective for r in results]
    best = max(objectives)
    if best > -math.inf:
        row = cells[objectives.index(best)]
        told = " ".join(f"{key}={value}" for key, value in row.items() if key not in _COLUMNS)
        n_level = objectives.count(best) - 1
        level = f", level with {n_level} more" if n_level else ""
        lines.append(f"best: job {row['job']} with {best:.4f}{level}: {told or 'as all others'}")
    lines += [f"job {r.job} {r.status}: {r.error}" for r in results if r.error]
    return lines


def as_files(results: Sequence[Result]) -> dict[str, str]:
    """The table for programs: names of files, and what is in them."""
    written = io.StringIO()
    cells = rows(results)
    if cells:
        writer = csv.DictWriter(written, list(cells[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(cells)
    return {
        f"{TABLE}.csv": written.getvalue(),
        f"{TABLE}.json": json.dumps([asdict(result) for result in results], indent=1) + "\n",
    }


def read_objective(finished: str) -> float | None:
    """What a run is judged by, from its marker `finished`: its second line, where there is one.

    >>> read_objective("2026-11-22T08:00:00+00:00\\n0.25\\n")
    0.25
    """
    lines = finished.splitlines()
    return float(lines[1]) if len(lines) > 1 else None


def leave_table(sweep: Path, results: Sequence[Result]) -> None:
    """Write the table into the sweep's folder, as CSV and as JSON."""
    sweep.mkdir(parents=True, exist_ok=True)
    for name, text in as_files(results).items():
        (sweep / name).write_text(text, encoding="utf-8")
