"""The TUSZ layout is read completely, in a fixed order, and refused where it contradicts itself."""

import pickle

import pytest

from seizure.corpus.entry import CorpusError, CorpusRecording
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.annotation import SEIZURE_TYPES, AnnotationError, Event
from seizure.eeg.edf import read_edf
from seizure.eeg.recording import UnreadableRecording

HEAD = "# duration = 100.0000 secs\n#\nchannel,start_time,stop_time,label,confidence\n"


def _add(root, split, patient, number=0, rows="TERM,0,100,bckg,1\n", typed=None):
    folder = root / split / patient / "s001_2010" / "01_tcp_ar"
    folder.mkdir(parents=True, exist_ok=True)
    edf = folder / f"{patient}_s001_t{number:03d}.edf"
    edf.touch()
    if rows is not None:
        edf.with_suffix(".csv_bi").write_text(HEAD + rows)
    if typed is not None:
        edf.with_suffix(".csv").write_text(HEAD + typed)
    return edf


@pytest.fixture
def tree(tmp_path):
    _add(tmp_path / "edf", "dev", "aaaaaaab")
    _add(tmp_path / "edf", "train", "aaaaaaad", 1)
    _add(tmp_path / "edf", "train", "aaaaaaad", 0, rows=None)
    _add(tmp_path / "edf", "train", "aaaaaaac")
    return tmp_path


def test_every_recording_is_found_in_a_fixed_order(tree):
    corpus = TuszCorpus(tree)
    found = corpus.recordings()
    assert [(r.split, r.patient, r.stem) for r in found] == [
        ("train", "aaaaaaac", "aaaaaaac_s001_t000"),
        ("train", "aaaaaaad", "aaaaaaad_s001_t000"),
        ("train", "aaaaaaad", "aaaaaaad_s001_t001"),
        ("dev", "aaaaaaab", "aaaaaaab_s001_t000"),
    ]
    assert {r.session for r in found} == {"s001_2010"}
    assert all(r.edf.exists() for r in found)
    assert [r.stem for r in TuszCorpus(tree / "edf").recordings()] == [r.stem for r in found]


def test_all_montage_folders_of_the_corpus_are_read(tmp_path):
    first = _add(tmp_path / "edf", "train", "aaaaaaac", rows="TERM,10,30,seiz,1\n")
    for number, montage in enumerate(("02_tcp_le", "03_tcp_ar_a", "04_tcp_le_a"), start=1):
        folder = first.parents[1] / montage
        folder.mkdir()
        for suffix in (".edf", ".csv_bi"):
            content = first.with_suffix(suffix).read_bytes()
            (folder / f"aaaaaaac_s001_t{number:03d}{suffix}").write_bytes(content)
    corpus = TuszCorpus(tmp_path)
    found = corpus.recordings()
    assert [r.stem[-3:] for r in found] == ["000", "001", "002", "003"]
    assert {corpus.events(r) for r in found} == {(Event(10, 30),)}
    assert {(r.patient, r.session) for r in found} == {("aaaaaaac", "s001_2010")}


@pytest.mark.parametrize("label", SEIZURE_TYPES[1:])
def test_every_type_of_the_corpus_is_kept(tmp_path, label):
    _add(
        tmp_path, "train", "aaaaaaac", rows="TERM,10,30,seiz,1\n", typed=f"FP1-F7,9,31,{label},1\n"
    )
    corpus = TuszCorpus(tmp_path)
    assert [event.label for event in corpus.events(corpus.recordings()[0])] == [label]


def test_it_pickles_with_its_name(tree):
    corpus = pickle.loads(pickle.dumps(TuszCorpus(tree, name="synthetic")))
    assert corpus.name == "synthetic"
    assert len(corpus.recordings()) == 4


def test_a_missing_annotation_is_none_and_never_silence(tree):
    corpus = TuszCorpus(tree)
    recording = corpus.recordings()[1]
    assert recording.annotation is None
    with pytest.raises(AnnotationError, match=r"aaaaaaad_s001_t000\.csv_bi beside it"):
        corpus.events(recording)


def test_events_are_the_binary_intervals_with_the_types_of_the_channels(tmp_path):
    _add(
        tmp_path, "train", "aaaaaaac",
        rows="TERM,10,30,seiz,1\nTERM,40,50,seiz,0.5\nTERM,60,70,seiz,1\n",
        typed="FP1-F7,9,15,fnsz,1\nF7-T3,14,31,gnsz,1\nFP1-F7,40,50,absz,1\nF7-T3,0,5,bckg,1\n",
    )  # fmt: skip
    corpus = TuszCorpus(tmp_path)
    assert corpus.events(corpus.recordings()[0]) == (
        Event(10, 30, "gnsz"),
        Event(40, 50, "absz", 0.5),
        Event(60, 70, "seiz"),
    )


def test_without_typed_annotation_a_seizure_is_a_seizure(tmp_path):
    _add(tmp_path, "eval", "aaaaaaac", rows="TERM,10,30,seiz,1\n")
    corpus = TuszCorpus(tmp_path)
    assert corpus.events(corpus.recordings()[0]) == (Event(10, 30, "seiz"),)


def test_a_malformed_annotation_is_refused_by_file_and_line(tmp_path):
    _add(tmp_path, "eval", "aaaaaaac", rows="TERM,10,30,seiz,1\nTERM,50\n")
    corpus = TuszCorpus(tmp_path)
    with pytest.raises(AnnotationError, match=r"aaaaaaac_s001_t000\.csv_bi, line 5: found 2"):
        corpus.events(corpus.recordings()[0])


def test_a_folder_without_splits_is_refused_saying_what_was_looked_for(tmp_path):
    with pytest.raises(CorpusError, match=r"none of the folders train, dev, eval.*corpus\.root"):
        TuszCorpus(tmp_path / "nowhere").recordings()


def test_a_corpus_without_recordings_is_refused(tmp_path):
    (tmp_path / "edf" / "train").mkdir(parents=True)
    with pytest.raises(CorpusError, match="no EDF file"):
        TuszCorpus(tmp_path).recordings()


def test_a_recording_in_the_folder_of_another_patient_is_left_out(tmp_path):
    edf = _add(tmp_path, "train", "aaaaaaac")
    for suffix in (".edf", ".csv_bi"):
        (edf.with_suffix(suffix)).rename(edf.with_name(f"aaaaaaaz_s001_t000{suffix}"))
    _add(tmp_path, "train", "aaaaaaac", 1)
    corpus = TuszCorpus(tmp_path)
    sound, misplaced = corpus.recordings()
    assert corpus.events(sound) == ()
    with pytest.raises(AnnotationError, match="patient aaaaaaaz in the folder of aaaaaaac"):
        corpus.events(misplaced)


def test_a_recording_at_another_depth_is_never_overlooked(tmp_path):
    edf = _add(tmp_path, "train", "aaaaaaac")
    (edf.parents[2] / "stray.edf").touch()
    with pytest.raises(CorpusError, match=r"found train/aaaaaaac/stray\.edf in .*expected <split>"):
        TuszCorpus(tmp_path).recordings()


def test_an_annotation_without_its_edf_is_a_recording_that_is_missing(tree):
    edf = TuszCorpus(tree).recordings()[0].edf
    edf.unlink()
    missing = TuszCorpus(tree).recordings()[0]
    assert missing.edf == edf
    with pytest.raises(UnreadableRecording, match="No such file"):
        read_edf(missing.edf)


def test_a_split_may_be_a_link_and_hidden_files_are_left(tree):
    (tree / "edf" / "train").rename(tree / "elsewhere")
    (tree / "edf" / "train").symlink_to(tree / "elsewhere")
    folder = tree / "elsewhere" / "aaaaaaac" / "s001_2010" / "01_tcp_ar"
    (folder / "._aaaaaaac_s001_t000.edf").touch()
    assert len(TuszCorpus(tree).recordings()) == 4


def test_one_name_twice_in_a_split_is_refused(tmp_path):
    edf = _add(tmp_path, "train", "aaaaaaac")
    other = edf.parents[1] / "02_tcp_le"
    other.mkdir()
    (other / edf.name).touch()
    with pytest.raises(CorpusError, match="aaaaaaac_s001_t000 twice in train"):
        TuszCorpus(tmp_path).recordings()


def test_an_unknown_split_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="'test', expected one of train, dev, eval"):
        CorpusRecording("a", "a", "s", "test", tmp_path / "a.edf", None)
