"""Claim: 24 h of cached EEG are evaluated in ≤ 3 minutes on 2 cores, in memory that stays flat.

    python benchmarks/evaluate_speed.py checkpoint=runs/NAME/checkpoints/best.ckpt [key=value …]

Everything `seizure.evaluate` does once the cache is there: tracks, events, scores, curves, the
report with its pages. Recordings of all splits stand for eval until there are enough hours, each
number of them in a process of its own; where the cache is smaller, under several names and as
several patients. Memory is the highest that is not a file's (`RssAnon`): mapped signals and tracks
are the page cache's, given back when asked for.
"""

import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from seizure import build
from seizure.cache.index import CacheIndex
from seizure.cli.command import load, speak
from seizure.config import EvaluateConfig
from seizure.evaluate import evaluate_checkpoint
from seizure.prepare import PreparedCorpus, prepare_corpus

HOURS = (6.0, 24.0, 48.0, 400.0)


class Watch:
    """The highest anonymous memory of this process, looked at twenty times a second."""

    def __init__(self) -> None:
        self.start_mb = self.highest_mb = anonymous_mb()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            self.highest_mb = max(self.highest_mb, anonymous_mb())
            time.sleep(0.05)


def anonymous_mb() -> float:
    """Memory of this process that no file stands behind, in MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def as_eval(corpus: PreparedCorpus, hours: float) -> PreparedCorpus:
    """The corpus with so many hours in eval, and a tenth of that in dev."""
    index = corpus.index
    cached_h = float(index.n_samples.sum()) / index.rate_hz / 3600
    index = repeated(index, int(np.ceil(1.1 * hours / cached_h)))
    ends_h = np.cumsum(index.n_samples) / index.rate_hz / 3600
    split = np.where(ends_h <= hours, "eval", np.where(ends_h <= 1.1 * hours, "dev", "train"))
    # Under another name, so that nothing is looked up beside the files of the corpus.
    built = replace(corpus.built, index=replace(index, split=split))
    return replace(corpus, name="repeated", built=built)


def repeated(index: CacheIndex, n_times: int) -> CacheIndex:
    """The index with every recording under so many names."""
    columns = {}
    for field in fields(index):
        column = getattr(index, field.name)
        if isinstance(column, np.ndarray):
            columns[field.name] = np.concatenate([column] * n_times)
    for name in ("stem", "patient"):
        names = getattr(index, name).tolist()
        columns[name] = np.array([f"{one}c{copy}" for copy in range(n_times) for one in names])
    n_events = np.tile(np.diff(index.event_start), n_times)
    columns["event_start"] = np.append(0, np.cumsum(n_events))
    return replace(index, **columns)


def measure(hours: float, overrides: list[str]) -> None:
    """Evaluate so many hours and print what it took."""
    config = load("evaluate", EvaluateConfig, overrides)
    assert config.checkpoint is not None
    trained = build.module_from(config.checkpoint)[1]
    corpus = prepare_corpus(config.corpus, trained.preprocess, config.paths.cache, config.prepare)
    corpus = as_eval(corpus, hours)
    index = corpus.index
    watch, start, used = Watch(), time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        evaluate_checkpoint(
            config.checkpoint, corpus, "eval", Path(folder), config.accelerator, config.batch_size
        )
        elapsed_s, used_s = time.perf_counter() - start, time.process_time() - used
        tracks_mb = sum(p.stat().st_size for p in Path(folder).glob("tracks/*.npz")) / 1e6
        report_mb = (Path(folder) / "report.html").stat().st_size / 1e6
    print(
        f"{trained.model.size}: {index.hours('eval'):.1f} h, {len(index.rows('eval'))} recordings: "
        f"{elapsed_s:.0f} s ({used_s:.0f} s of processor time), {watch.start_mb:.0f} MB before, "
        f"{watch.highest_mb:.0f} MB at most; tracks {tracks_mb:.1f} MB, report {report_mb:.1f} MB",
        flush=True,
    )


def main() -> None:
    """Measure each length in a process of its own."""
    if sys.argv[1:2] == ["--hours"]:
        measure(float(sys.argv[2]), sys.argv[3:])
        return
    speak()
    for hours in HOURS:
        subprocess.run([sys.executable, __file__, "--hours", str(hours), *sys.argv[1:]], check=True)


if __name__ == "__main__":
    main()
