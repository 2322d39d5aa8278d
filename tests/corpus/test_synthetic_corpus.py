"""Laws of the corpus on disk: layout, annotation files, EDF, resumption."""

import json
from dataclasses import replace

import mne
import numpy as np
import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError

from seizure.corpus.entry import CorpusError
from seizure.corpus.synthetic import SyntheticSpec, make_corpus, simulate_recording
from seizure.corpus.synthetic import corpus as made
from seizure.corpus.synthetic.annotation_file import read_truth
from seizure.corpus.synthetic.corpus import SUFFIXES, recording_path
from seizure.corpus.synthetic.edf_file import QUANTUM_UV
from seizure.corpus.synthetic.plan import planned_recordings
from seizure.corpus.tusz import TuszCorpus

TINY = SyntheticSpec(
    train_hours=0.12, dev_hours=0.05, eval_hours=0.05, recording_min=1.5, recordings_per_patient=2.0
)


def contents(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus") / "synthetic", TINY, jobs=1)


def simulated(planned):
    return simulate_recording(TINY, planned.split, planned.patient_index, planned.recording_index)


def test_two_jobs_write_the_same_bits_as_one(corpus, tmp_path):
    assert contents(make_corpus(tmp_path / "two", TINY, jobs=2)) == contents(corpus)


def test_tusz_reader_finds_every_recording_and_event(corpus):
    read = TuszCorpus(corpus, name="synthetic")
    planned = planned_recordings(TINY)
    assert {recording.stem for recording in read.recordings()} == {one.stem for one in planned}
    expected = {one.stem: simulated(one).events for one in planned}
    for recording in read.recordings():
        found = [(event.start_s, event.stop_s) for event in read.events(recording)]
        wanted = [(event.start_s, event.stop_s) for event in expected[recording.stem]]
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_no_patient_is_in_two_splits(corpus):
    splits = {}
    for recording in TuszCorpus(corpus, name="synthetic").recordings():
        splits.setdefault(recording.patient, set()).add(recording.split)
    assert all(len(found) == 1 for found in splits.values())
    assert {split for found in splits.values() for split in found} == {"train", "dev", "eval"}


def test_a_file_with_seizures_lists_only_them_and_a_silent_one_is_one_background_row(corpus):
    kinds = set()
    for planned in planned_recordings(TINY):
        path = recording_path(corpus, TINY, planned).with_suffix(".csv_bi")
        lines = path.read_text().splitlines()
        assert lines[1:3] == [
            f"# bname = {planned.stem}",
            f"# duration = {planned.duration_s:.4f} secs",
        ]
        rows = [line.split(",") for line in lines[6:]]
        labels = {row[3] for row in rows}
        assert {row[0] for row in rows} == {"TERM"}
        assert labels in ({"seiz"}, {"bckg"})
        kinds |= labels
        if labels == {"bckg"}:
            assert rows == [["TERM", "0.0000", f"{planned.duration_s:.4f}", "bckg", "1.0000"]]
    assert kinds == {"seiz", "bckg"}


def test_mne_reads_each_edf_to_within_one_quantum(corpus):
    for planned in planned_recordings(TINY):
        recording = simulated(planned)
        path = recording_path(corpus, TINY, planned)
        raw = mne.io.read_raw_edf(path, preload=True, verbose="error")
        read_uv = raw.get_data(list(recording.channel_labels)) * 1e6
        assert raw.info["sfreq"] == recording.rate_hz
        assert np.abs(read_uv - recording.signal_uv).max() < QUANTUM_UV
        slow = [label for label, _ in recording.slow_channels]
        assert raw.ch_names == [*recording.channel_labels, *slow]


def test_header_says_edf_plus_and_hides_nobody(corpus):
    header = recording_path(corpus, TINY, planned_recordings(TINY)[0]).read_bytes()[:256]
    assert header[8:88].decode().strip() == "X X X X"
    assert header[192:197] == b"EDF+C"


def test_truth_is_read_back_as_written(corpus):
    for planned in planned_recordings(TINY)[:3]:
        path = recording_path(corpus, TINY, planned).with_suffix(".truth.json")
        assert read_truth(path) == simulated(planned).truth


def test_an_interrupted_corpus_is_completed_bit_for_bit(corpus, tmp_path):
    root = make_corpus(tmp_path / "again", TINY, jobs=1)
    planned = planned_recordings(TINY)
    recording_path(root, TINY, planned[1]).unlink()
    last = recording_path(root, TINY, planned[-1])
    for suffix in SUFFIXES:
        last.with_suffix(suffix).unlink()
    marker = json.loads((root / "corpus.json").read_text())
    (root / "corpus.json").write_text(json.dumps({**marker, "finished": False}))
    calls = []
    make_corpus(root, TINY, jobs=1, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(len(planned) - missing, len(planned)) for missing in (2, 1, 0)]
    assert contents(root) == contents(corpus)


def test_a_finished_corpus_returns_at_once(corpus):
    calls = []
    assert make_corpus(corpus, TINY, progress=lambda *call: calls.append(call)) == corpus
    assert calls == []


def test_another_spec_is_refused_by_name(corpus):
    with pytest.raises(CorpusError, match=r"seed is 0 there and 5 here.*another folder"):
        make_corpus(corpus, replace(TINY, seed=5))


def test_a_folder_with_other_recordings_is_refused(tmp_path):
    (tmp_path / "edf" / "train").mkdir(parents=True)
    with pytest.raises(CorpusError, match="folder of its own"):
        make_corpus(tmp_path, TINY)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"spec": 5}'])
def test_a_marker_that_says_nothing_is_named(tmp_path, content):
    (tmp_path / "corpus.json").write_text(content)
    with pytest.raises(CorpusError, match=r"corpus\.json does not say which.*another folder"):
        make_corpus(tmp_path, TINY)
    assert (tmp_path / "corpus.json").read_text() == content


def test_a_worker_that_was_killed_is_said_with_how_to_go_on(tmp_path, monkeypatch):
    def killed(work):
        raise TerminatedWorkerError("exit code SIGKILL(-9)")

    monkeypatch.setattr(made, "Parallel", lambda **_: killed)
    with pytest.raises(CorpusError, match=r"worker was killed.*kept.*fewer than 3 jobs"):
        make_corpus(tmp_path, TINY, jobs=3)
    assert json.loads((tmp_path / "corpus.json").read_text())["finished"] is False
