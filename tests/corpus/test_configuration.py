"""Every corpus of the configuration is opened, and a recording of each goes into a cache."""

from dataclasses import dataclass, field
from pathlib import Path

import edfio
import numpy as np
import pytest

from seizure.cache.build import build_cache
from seizure.cache.workers import Workers
from seizure.cli.command import conf_folder, load
from seizure.config import PrepareConfig
from seizure.corpus.entry import CorpusError, CorpusRecording
from seizure.corpus.split import SplitPlan, assign_splits
from seizure.eeg.annotation import Event
from seizure.eeg.annotation_tsv import read_events_tsv
from seizure.eeg.channels import BIPOLAR_18, CANONICAL_19
from seizure.eeg.filtering import Preprocessing
from seizure.eeg.montage import MONTAGES, Montage
from seizure.prepare import open_corpus
from seizure.schema import ConfigError

NAMES = sorted(path.stem for path in (conf_folder() / "corpus").glob("*.yaml"))
CSV_BI = (
    "# duration = 10.0000 secs\nchannel,start_time,stop_time,label,confidence\nTERM,2,8,seiz,1\n"
)
TSV = "onset\tduration\teventType\n2\t6\tsz_foc_ia\n"
SUMMARY = (
    "File Name: {}\nNumber of Seizures in File: 1\nSeizure 1 Start Time: 2 seconds\n"
    "Seizure 1 End Time: 8 seconds\n"
)


def _write(path: Path, seed: int, labels: tuple[str, ...] = CANONICAL_19) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    signals = [
        edfio.EdfSignal(rng.normal(0, 20, 2560), 256, label=name, physical_dimension="uV")
        for name in labels
    ]
    edfio.Edf(signals).write(path)


def _tree(name: str, root: Path) -> None:
    """Three patients with one recording each, a seizure from 2 to 8 s."""
    for number, split in enumerate(("train", "dev", "eval"), start=1):
        if name == "tusz":
            path = (
                root / f"edf/{split}/aaaaaaa{number}/s001_2015/01_tcp_ar/aaaaaaa{number}_s001.edf"
            )
            _write(path, number)
            path.with_suffix(".csv_bi").write_text(CSV_BI)
        elif name == "chbmit":
            path = root / f"chb0{number}/chb0{number}_01.edf"
            _write(path, number, BIPOLAR_18)
            (path.parent / f"chb0{number}-summary.txt").write_text(SUMMARY.format(path.name))
        elif name == "bids":
            path = root / f"sub-{number}/eeg/sub-{number}_task-szMonitoring_eeg.edf"
            _write(path, number)
            path.with_name(f"sub-{number}_task-szMonitoring_events.tsv").write_text(TSV)
        else:
            path = root / f"p{number}_night.edf"
            _write(path, number)
            path.with_suffix(".tsv").write_text(TSV)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "synthetic"])
def test_every_corpus_of_the_configuration_goes_into_a_cache(name, tmp_path):
    _tree(name, tmp_path / "corpus")
    preprocess = "bipolar" if name == "chbmit" else "default"
    config = load(
        "prepare",
        PrepareConfig,
        [f"corpus={name}", f"corpus.root={tmp_path / 'corpus'}", f"preprocess={preprocess}"],
    )
    corpus = open_corpus(config.corpus, jobs=1)
    assert corpus.name == name
    report = build_cache(corpus, tmp_path / "cache", config.preprocess, workers=Workers(jobs=1))
    assert report.failures == ()
    assert sorted(report.index.split.tolist()) == ["dev", "eval", "train"]
    for row in range(3):
        assert report.index.events_of(row).tolist() == [[2 * 256, 8 * 256]]
    report.index.audit()


def test_the_split_comes_from_the_configuration(tmp_path):
    _tree("chbmit", tmp_path)
    overrides = ["corpus=chbmit", f"corpus.root={tmp_path}"]
    named = [*overrides, "corpus.split.eval_patients=[chb02]", "corpus.split.dev_patients=[chb01]"]
    corpus = open_corpus(load("prepare", PrepareConfig, named).corpus, jobs=1)
    assert [r.split for r in corpus.recordings()] == ["dev", "eval", "train"]
    with pytest.raises(ConfigError, match=r"corpus\.split.*at most 1 together"):
        load("prepare", PrepareConfig, [*overrides, "corpus.split.dev_share=0.9"])


def test_the_corpus_that_the_documentation_adds_works(tmp_path):
    text = (conf_folder().parent / "docs" / "corpora.md").read_text("utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    names = {
        "dataclass": dataclass, "field": field, "Path": Path, "SplitPlan": SplitPlan,
        "Montage": Montage, "MONTAGES": MONTAGES, "CorpusRecording": CorpusRecording,
        "CorpusError": CorpusError, "Event": Event, "assign_splits": assign_splits,
        "read_events_tsv": read_events_tsv, "__name__": "documentation",
    }  # fmt: skip
    exec(code, names)
    for number in range(3):
        path = tmp_path / "corpus" / f"p{number}" / f"p{number}_night.edf"
        _write(path, number)
        path.with_suffix(".tsv").write_text(TSV)
    corpus = names["MyCorpus"](tmp_path / "corpus")
    report = build_cache(corpus, tmp_path / "cache", Preprocessing(), workers=Workers(jobs=1))
    assert sorted(report.index.split.tolist()) == ["dev", "eval", "train"]
    assert report.index.events_of(0).tolist() == [[2 * 256, 8 * 256]]


def test_a_folder_without_a_corpus_says_what_was_looked_for(tmp_path):
    for name in NAMES:
        if name == "synthetic":
            continue
        config = load("prepare", PrepareConfig, [f"corpus={name}", f"corpus.root={tmp_path}"])
        with pytest.raises(ValueError, match=r"corpus\.root") as caught:
            open_corpus(config.corpus, jobs=1).recordings()
        assert str(tmp_path) in str(caught.value)
