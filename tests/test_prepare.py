"""Preparing a corpus: done once, told apart by what is readable, and never across patients."""

import json
import logging
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from seizure import prepare
from seizure.cache.index import CacheIndex
from seizure.cache.shard import CacheError
from seizure.cli.command import load
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


def prepared_links(quick, trained, folder, command, *arguments):
    """A corpus and what `prepare` says of it, with its own cache."""
    corpus = folder / "corpus"
    if not corpus.exists():
        corpus_of_links(quick, trained, folder)
    given = ("corpus=tusz", f"corpus.root={corpus}", f"paths.data={folder / 'data'}")
    return command(prepare.VERB, *given, "prepare.jobs=1", *arguments)


def test_every_recording_is_accounted_for_in_print_and_in_the_file(
    quick, trained, tmp_path, command
):
    corpus = corpus_of_links(quick, trained, tmp_path)
    replace_by_text(edfs(corpus)[0])
    ended = prepared_links(quick, trained, tmp_path, command)
    report = json.loads(next((tmp_path / "data").rglob("prepare.json")).read_text())
    everything = report["splits"][-1]
    assert everything["n_recordings"] + everything["n_left_out"] == len(edfs(corpus))
    assert [left_out["stem"] for left_out in report["left_out"]] == [edfs(corpus)[0].stem]
    assert report["left_out"][0]["reason"] in ended.out
    rows = [line.split()[1:] for line in ended.out.splitlines() if " all " in line]
    assert rows[0][:4] == [
        "all", str(everything["n_patients"]), str(everything["n_recordings"]), "1",
    ]  # fmt: skip
    assert 0 < everything["seizure_hours"] < everything["hours"]
    n_bytes = sum(shard.stat().st_size for shard in (tmp_path / "data").rglob("*/*_t*.npz"))
    assert everything["n_bytes"] == n_bytes


def test_a_failed_verification_names_the_shard_mends_it_and_ends_with_1(
    quick, trained, tmp_path, command
):
    assert prepared_links(quick, trained, tmp_path, command).code == 0
    shard = sorted((tmp_path / "data").rglob("train/*.npz"))[0]
    whole = shard.read_bytes()
    shard.write_bytes(whole[:9000] + bytes([whole[9000] ^ 1]) + whole[9001:])
    # Its size and date say nothing: only the checksums tell.
    assert prepared_links(quick, trained, tmp_path, command).code == 0
    ended = prepared_links(quick, trained, tmp_path, command, "prepare.verify=true")
    assert ended.code == 1
    line = next(line for line in ended.out.splitlines() if "damaged: " in line)
    assert f"{shard}: found signal with CRC" in line
    assert "made again from its source" in line
    assert shard.read_bytes() == whole
    again = prepared_links(quick, trained, tmp_path, command, "prepare.verify=true")
    assert again.code == 0
    assert f"every checksum of {len(edfs(tmp_path / 'corpus'))} recordings" in again.out


@pytest.mark.slow
def test_a_cluster_prepares_what_this_machine_does(quick, trained, tmp_path, command, monkeypatch):
    distributed = pytest.importorskip(
        "distributed", reason="Dask is not installed: pip install 'seizure[dask]'"
    )
    corpus_of_links(quick, trained, tmp_path)
    given = ("corpus=tusz", "corpus.root=corpus")
    monkeypatch.chdir(tmp_path)  # the workers are elsewhere: relative paths must not matter
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        local_directory=str(tmp_path / "dask"),
        silence_logs=logging.CRITICAL,
    ) as cluster:
        address = f"prepare.scheduler={cluster.scheduler_address}"
        ended = command(prepare.VERB, *given, "prepare.backend=dask", address, "paths.data=there")
    assert ended.code == 0
    n = len(edfs(tmp_path / "corpus"))
    assert f"{n} prepared now, 0 as they were" in ended.out
    alone = (*given, "prepare.jobs=1", "paths.data=here")
    assert command(prepare.VERB, *alone).code == 0
    shards = sorted(path.relative_to("here") for path in Path("here").rglob("*.npz"))
    assert len(shards) == n + 1
    for shard in shards:
        assert (Path("there") / shard).read_bytes() == (Path("here") / shard).read_bytes()


@pytest.mark.parametrize("more", [(), ("part=1/2",)])
def test_a_folder_that_is_not_there_is_named_and_leaves_nothing(tmp_path, command, more):
    given = (f"corpus.root={tmp_path / 'tuzs'}", f"paths.data={tmp_path / 'data'}", *more)
    ended = command(prepare.VERB, "corpus=tusz", *given)
    assert ended.code == 2
    assert f"{tmp_path / 'tuzs'}: no such folder; set corpus.root" in ended.err
    assert not list(tmp_path.iterdir())


def test_a_cluster_without_an_address_is_refused(command, tmp_path):
    ended = command(prepare.VERB, f"paths.data={tmp_path}", "prepare.backend=dask")
    assert ended.code == 2
    assert "prepare.scheduler=tcp://" in ended.err


def test_a_name_that_is_no_text_is_written_too(quick, trained, tmp_path, command):
    corpus = corpus_of_links(quick, trained, tmp_path)
    edf = edfs(corpus)[0]
    odd = edf.rename(os.fsdecode(os.fsencode(edf.with_suffix("")) + b"\xe9.edf"))
    ended = prepared_links(quick, trained, tmp_path, command)
    report = json.loads(next((tmp_path / "data").rglob("prepare.json")).read_text())
    assert ended.code == 1
    assert str(odd) in [left_out["path"] for left_out in report["left_out"]]


def test_another_working_folder_is_no_trouble_to_workers_that_live_on(
    quick, trained, tmp_path, command, monkeypatch
):
    corpus_of_links(quick, trained, tmp_path)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        given = ("corpus=tusz", "corpus.root=../corpus", "paths.data=data", "prepare.jobs=2")
        assert command(prepare.VERB, *given).code == 0
        assert next((tmp_path / name / "data").rglob("index.npz"))


def test_of_several_that_want_the_synthetic_corpus_one_makes_it(quick, tmp_path, monkeypatch):
    at_work, most = [], []

    def make(root, spec, jobs, report):
        at_work.append(root)
        most.append(len(at_work))
        time.sleep(0.1)
        root.mkdir(exist_ok=True)
        at_work.pop()

    monkeypatch.setattr(prepare, "make_corpus", make)
    settings = replace(quick.config().corpus, root=tmp_path / "data" / "synthetic")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: prepare.open_corpus(settings, 1), range(3)))
    assert most == [1, 1, 1]
