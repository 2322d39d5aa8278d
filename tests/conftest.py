"""What several rooms' tests share: a tiny cache, the synthetic corpus of minutes, a run on it."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
# Hydra's own switch; its deprecation warnings have no class that a filter could name.
os.environ["HYDRA_DEPRECATION_WARNINGS_AS_ERRORS"] = "1"

import hypothesis
from hydra.core.singleton import Singleton

from seizure.cache.index import CacheIndex
from seizure.cache.quantise import quantise
from seizure.cache.shard import PreparedRecording, write_shard
from seizure.cli.command import Verb, load, run, speak
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19
from seizure.eeg.recording import Recording

# On a busy machine an example may take any time. The same examples in every run; others with
# `pytest --hypothesis-profile=explore`.
_PATIENT = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("repeatable", derandomize=True, **_PATIENT)
hypothesis.settings.register_profile("explore", **_PATIENT)
hypothesis.settings.load_profile("repeatable")

RATE_HZ = 256.0


def write_tiny_cache(folder: Path, n_per_split: int = 3, seconds: float = 150.0) -> CacheIndex:
    """A cache of noise with a louder, slower stretch wherever a seizure is annotated."""
    rng = np.random.default_rng(0)
    for split in ("train", "dev", "eval"):
        for number in range(n_per_split):
            n_samples = int((seconds + 7.3 * number) * RATE_HZ)
            signal_uv = rng.normal(0, 10, (19, n_samples))
            events = np.array([[40, 55 + 10 * number]]) * int(RATE_HZ)
            ictal = slice(*events[0].tolist())
            time_s = np.arange(n_samples)[ictal] / RATE_HZ
            signal_uv[:, ictal] += 60 * np.sin(2 * np.pi * 4 * time_s)
            signal_uv[2, 5000:5020] += 4000  # an electrode pop, which 16 bits hold in coarser steps
            quantised = quantise(Recording(signal_uv.astype(np.float32), RATE_HZ, CANONICAL_19))
            assert quantised.stretch[2] > 0
            stem = f"{split}p{number}_s001_t000"
            prepared = PreparedRecording(
                **vars(quantised),
                events=events.astype(np.int64),
                event_type=np.ones(1, np.uint8),
                meta={
                    "stem": stem,
                    "patient": f"{split}p{number}",
                    "session": "s001",
                    "split": split,
                    "rate_hz": RATE_HZ,
                    "n_samples": n_samples,
                    "channel_names": list(CANONICAL_19),
                    "fingerprint": "none",
                },
            )
            write_shard(folder / split / f"{stem}.npz", prepared)
    return CacheIndex.rebuild(folder)


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CacheIndex]:
    """Nine recordings of noise, one seizure each, in three splits."""
    folder = tmp_path_factory.mktemp("cache")
    return folder, write_tiny_cache(folder)


# Half an hour of EEG with two to four seizures a split.
TINY_CORPUS = (
    "corpus.spec.seed=1",
    "corpus.spec.train_hours=0.2",
    "corpus.spec.dev_hours=0.15",
    "corpus.spec.eval_hours=0.15",
    "corpus.spec.recording_min=2",
    "prepare.jobs=1",
)
# A narrow network on windows of 20 s: an epoch takes a second.
TINY_RUN = (
    "model.encoder.channels=[4,8,8]",
    "model.encoder.strides=[2,2,1]",
    "model.encoder.dilations=[[1],[1],[1]]",
    "model.edge.every=4",
    "windows.window_s=20",
    "windows.scoring_stride_s=20",
    "balance.windows_per_epoch=16",
    "loader.batch_size=4",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
)


@dataclass(frozen=True)
class Quick:
    """Overrides for a run in seconds; all of a session's runs share one corpus and one cache."""

    folder: Path

    @property
    def corpus(self) -> Path:
        """The synthetic corpus, there once something was prepared."""
        return self.folder / "data" / "tiny"

    @property
    def runs(self) -> Path:
        """The folder of the run folders."""
        return self.folder / "runs"

    def paths(self) -> list[str]:
        """Where everything is, and how large the corpus is."""
        return [
            f"paths.data={self.folder / 'data'}",
            f"paths.runs={self.runs}",
            f"corpus.root={self.corpus}",
            *TINY_CORPUS,
        ]

    def overrides(self, *more: str) -> list[str]:
        """Everything that `seizure.train` has to be told."""
        return [*self.paths(), *TINY_RUN, *more]

    def config(self, *more: str) -> TrainConfig:
        """The same as a checked configuration."""
        return load("train", TrainConfig, self.overrides(*more))


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Quick:
    """The smallest configuration that goes through every stage."""
    return Quick(tmp_path_factory.mktemp("quick"))


@pytest.fixture(scope="session")
def trained(quick: Quick) -> Path:
    """The folder of a finished training run."""
    from seizure import train

    train.main(quick.config("run=trained"))
    forget_handlers()
    return quick.runs / "trained"


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Runs a verb with command-line arguments inside this process."""

    def started(
        verb: Verb[Any], *arguments: str, listening: logging.Handler | None = None
    ) -> Ended:
        # Hydra keeps its state in singletons and reads the program's arguments.
        state = Singleton.get_state()
        monkeypatch.setattr(sys, "argv", ["seizure"])
        forget_handlers()
        speak()
        if listening is not None:
            logging.getLogger("seizure").addHandler(listening)
        capsys.readouterr()
        code: Any = 0
        try:
            run(verb, arguments)
        except SystemExit as end:
            code = end.code or 0
        finally:
            Singleton.set_state(state)
        return Ended(code, *capsys.readouterr())

    return started


@pytest.fixture(scope="session")
def children_running() -> Callable[[str], list[psutil.Process]]:
    """Finds the processes started by this one, and by those, whose command line has a word."""

    def found(word: str) -> list[psutil.Process]:
        children = []
        for child in psutil.Process().children(recursive=True):
            # One that ends while it is looked at, or has ended and was not collected, has no line.
            with suppress(psutil.NoSuchProcess):
                if word in " ".join(child.cmdline()):
                    children.append(child)
        return children

    return found


@pytest.fixture(autouse=True)
def _log_of_one_test() -> Iterator[None]:
    """No test writes into the log file or the captured terminal of the one before."""
    yield
    forget_handlers()


def forget_handlers() -> None:
    """Undo `seizure.cli.command.speak`."""
    log = logging.getLogger("seizure")
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    log.propagate = True
