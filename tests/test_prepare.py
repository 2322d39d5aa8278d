"""Preparing a corpus: done once, told apart by what is readable, and never across patients."""

import os
import shutil

import pytest

from seizure import prepare
from seizure.cache.index import CacheIndex
from seizure.cache.shard import CacheError
from seizure.command import load
from seizure.config import PrepareConfig
from seizure.corpus.split import PatientLeak


def corpus_of_links(quick, trained, folder):
    """A copy of the session's corpus whose files can be replaced one by one."""
    shutil.copytree(quick.corpus, folder / "corpus", copy_function=os.link)
    return folder / "corpus"


def edfs(corpus):
    return sorted(corpus.rglob("*.edf"))


def replace_by_text(edf):
    # Unlinked first: the session's corpus shares the file.
    edf.unlink()
    edf.write_text("this is a letter, not an EEG\n")


def config_for(corpus, folder):
    return load(
        "prepare",
        PrepareConfig,
        ["corpus=tusz", f"corpus.root={corpus}", f"paths.data={folder / 'data'}", "prepare.jobs=1"],
    )


def snapshot(folder):
    """Each file with its time of change; what a run reports of itself is new each time."""
    return {
        path: path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".json", ".lock")
    }


def test_what_is_prepared_is_not_prepared_again(quick, trained, tmp_path, command):
    arguments = [*quick.paths(), f"paths.data={tmp_path}"]
    first = command(prepare.VERB, *arguments)
    before = snapshot(tmp_path) | snapshot(quick.corpus)
    again = command(prepare.VERB, *arguments)
    n = len(edfs(quick.corpus))
    assert first.code == again.code == 0
    picture = next(tmp_path.rglob("overview.png"))
    for said in (first.out, again.out):
        assert said.count(f"overview {picture}") == 1
    assert f"{n} prepared now, 0 as they were" in first.out
    assert f"0 prepared now, {n} as they were" in again.out
    assert snapshot(tmp_path) | snapshot(quick.corpus) == before


def test_the_corpus_s_files_are_never_written_to(quick, trained, tmp_path):
    corpus = corpus_of_links(quick, trained, tmp_path)
    before = snapshot(corpus)
    assert prepare.main(config_for(corpus, tmp_path)) == 0
    assert snapshot(corpus) == before


def test_a_file_that_cannot_be_read_is_left_out_with_its_reason(quick, trained, tmp_path, command):
    corpus = corpus_of_links(quick, trained, tmp_path)
    broken = edfs(corpus)[0]
    replace_by_text(broken)
    ended = command(
        prepare.VERB, "corpus=tusz", f"corpus.root={corpus}", f"paths.data={tmp_path / 'data'}"
    )
    assert ended.code == 1
    line = next(line for line in ended.out.splitlines() if "left out: " in line)
    assert broken.stem in line
    assert "not an EDF" in line
    index = CacheIndex.load(next((tmp_path / "data").rglob("index.npz")))
    assert len(index) == len(edfs(corpus)) - 1
    assert broken.stem not in index.stem.tolist()


def test_no_usable_recording_is_an_error_that_names_the_reasons(quick, trained, tmp_path, command):
    corpus = corpus_of_links(quick, trained, tmp_path)
    for edf in edfs(corpus):
        replace_by_text(edf)
    with pytest.raises(CacheError, match="is usable, expected at least one"):
        prepare.main(config_for(corpus, tmp_path))
    ended = command(
        prepare.VERB, "corpus=tusz", f"corpus.root={corpus}", f"paths.data={tmp_path / 'data'}"
    )
    assert ended.code == 2
    assert "not an EDF" in ended.err
    assert "Traceback" not in ended.err


def test_a_patient_in_two_splits_stops_everything(quick, trained, tmp_path):
    corpus = corpus_of_links(quick, trained, tmp_path)
    patient = next((corpus / "edf" / "train").iterdir())
    shutil.copytree(patient, corpus / "edf" / "eval" / patient.name)
    with pytest.raises(PatientLeak, match=patient.name):
        prepare.main(config_for(corpus, tmp_path))


def test_a_cache_that_is_only_read_is_not_written_to(quick, trained, tmp_path):
    corpus = corpus_of_links(quick, trained, tmp_path)
    config = config_for(corpus, tmp_path)
    assert prepare.main(config) == 0
    next((tmp_path / "data").rglob("overview.png")).unlink()
    before = snapshot(tmp_path)
    prepare.prepare_corpus(config.corpus, config.preprocess, config.paths.cache, config.prepare)
    assert snapshot(tmp_path) == before
