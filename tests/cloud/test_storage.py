"""What lies in the storage, told from its files alone."""

import os
from dataclasses import dataclass
from pathlib import Path

from seizure.cloud.storage import run_lines, wanted


@dataclass(frozen=True)
class Stored:
    """A file of the storage."""

    path: str
    size: int = 100
    mtime: float = 1_800_000_000


def test_runs_are_listed_newest_last() -> None:
    lines = run_lines(
        [
            Stored("runs/b/finished"),
            Stored("/runs/b/checkpoints/best.ckpt", size=3 * 2**20),
            Stored("runs/a/config.yaml", mtime=1_800_000_060),
            Stored("runs/stray"),
            Stored("cache/tusz/index.npz"),
        ]
    )
    assert [line.split()[:2] for line in lines] == [["b", "finished"], ["a", "unfinished"]]
    assert "3.0 MiB" in lines[0]
    assert run_lines([]) == ["no runs yet"]


def test_a_sweep_is_not_finished_because_one_of_its_runs_is() -> None:
    lines = run_lines(
        [
            Stored("runs/lr/0/finished"),
            Stored("runs/lr/1/config.yaml", mtime=1_800_000_060),
            Stored("runs/lr/results.csv", mtime=1_800_000_120),
        ]
    )
    assert [line.split()[:2] for line in lines] == [
        ["lr/0", "finished"],
        ["lr/1", "unfinished"],
        ["lr", "unfinished"],
    ]


def test_only_what_is_missing_or_has_changed_is_wanted(tmp_path: Path) -> None:
    files = [
        Stored(f"runs/r/{name}", size=5, mtime=100) for name in ("same", "new", "short", "old")
    ]
    (tmp_path / "r").mkdir()
    for name, text in (("same", "12345"), ("short", "123"), ("old", "12345")):
        (tmp_path / "r" / name).write_text(text)
        os.utime(tmp_path / "r" / name, (100, 50 if name == "old" else 100))
    assert [target.name for _, target in wanted(files, tmp_path)] == ["new", "short", "old"]
