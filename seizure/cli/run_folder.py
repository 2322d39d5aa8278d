"""The folder of one run: what it was told, what it ran on and keeps, whether it finished."""

import json
import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from seizure.cli.sweep import read_objective
from seizure.schema import ConfigError

# What decides numbers; the rest follows from the lock or the environment.
_PACKAGES = (
    "seizure", "torch", "lightning", "torch-geometric", "numpy", "scipy", "mne", "edfio",
    "timescoring", "torchmetrics", "hydra-core", "omegaconf", "mamba-ssm",
)  # fmt: skip
# A continued run must be the same run; these may differ between its sittings. The folder tells the
# run: a sweep's jobs have a name from the clock.
_FREE_KEYS = ("run", "paths", "prepare", "callbacks", "logger")


@dataclass(frozen=True)
class RunFolder:
    """Where a training run keeps everything; the names of its files are the interface."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        """`best.ckpt` and `last.ckpt`."""
        return self.path / "checkpoints"

    @property
    def log_file(self) -> Path:
        """The lines that the run said."""
        return self.path / "train.log"

    @property
    def metrics(self) -> Path:
        """Metrics as CSV, a row each time something was logged."""
        return self.path / "metrics.csv"

    @property
    def operating_point(self) -> Path:
        """The threshold chosen on dev, with what it gave there."""
        return self.path / "operating_point.json"

    @property
    def is_finished(self) -> bool:
        """Whether the run reached its end; an exit code cannot tell, since SIGTERM leaves 0."""
        return (self.path / "finished").is_file()

    @property
    def objective(self) -> float | None:
        """What a finished run is judged by in a sweep; None where nothing judged it."""
        return read_objective((self.path / "finished").read_text(encoding="utf-8"))

    def finish(self, objective: float | None = None) -> None:
        """Write the marker that the run reached its end: when, and what a sweep judges it by."""
        lines = [datetime.now(UTC).isoformat(timespec="seconds")]
        lines += [] if objective is None else [repr(objective)]
        write_text(self.path / "finished", "\n".join(lines) + "\n")

    def open(self, configuration: dict[str, Any]) -> None:
        """Create the folder and keep the configuration, or check that it is the same run.

        Raises `ConfigError` if the folder holds a run with another configuration.
        """
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        kept = self.path / "config.yaml"
        # A run that never learnt anything, for want of its corpus say, binds nobody.
        if kept.is_file() and any(self.checkpoints.iterdir()):
            before = yaml.safe_load(kept.read_text(encoding="utf-8"))
            changed = sorted(set(_differences(before, configuration)))
            if changed:
                raise ConfigError(
                    f"{self.path} holds a run with another configuration: {'; '.join(changed)}. "
                    f"Give the same values to continue it, or another run=NAME"
                )
            return
        write_text(kept, yaml.safe_dump(configuration, sort_keys=False, allow_unicode=True))
        write_text(self.path / "environment.json", json.dumps(environment(), indent=2) + "\n")


def environment() -> dict[str, Any]:
    """Versions of what decides numbers, the machine, and the state of the code."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "git": git_state(Path(__file__).parent),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit of the checkout that holds the package, and whether it was changed; or None."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    # An installed package may lie inside somebody else's checkout: its own files are not tracked.
    if git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    commit, status = git("rev-parse", "HEAD"), git("status", "--porcelain")
    return {"commit": commit, "changed": bool(status)} if commit else None


def command_to_continue(run: str, sweep: Path | None = None) -> str:
    """The command that continues the present run, with the overrides it was started with.

    `sweep` is the folder of the sweep that the run is a job of: its finished jobs are skipped.
    """
    where = f"run={run}" if sweep is None else f"hydra.sweep.dir={sweep}"
    key = where.partition("=")[0]
    overrides = [a for a in sys.argv[1:] if a.lstrip("+").partition("=")[0] != key]
    return shlex.join(["python", "-m", "seizure.train", *overrides, where])


def write_text(path: Path, text: str) -> None:
    """Write a file in one step, so that it is never read half-written."""
    temporary = path.with_name(f".{path.name}.writing")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _differences(before: Any, now: Any, prefix: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            line
            for key in sorted({*before, *now})
            if prefix or key not in _FREE_KEYS
            for line in _differences(before.get(key), now.get(key), f"{prefix}{key}.")
        ]
    return [] if before == now else [f"{prefix.rstrip('.')} was {before!r}, now {now!r}"]
