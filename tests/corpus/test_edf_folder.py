"""Any folder of EDF files is a corpus, once it is clear whose they are and what annotates them."""

import os
import pickle
from pathlib import Path

import edfio
import numpy as np
import pytest

from seizure.corpus.edf_folder import EdfFolderCorpus
from seizure.corpus.entry import CorpusError
from seizure.corpus.split import SplitPlan, audit_splits
from seizure.eeg.annotation import AnnotationError, Event

CSV_BI = (
    "# duration = 100.0000 secs\nchannel,start_time,stop_time,label,confidence\nTERM,10,20,seiz,1\n"
)
CSV = CSV_BI.replace("TERM,10,20,seiz", "FP1-F7,10,20,absz")
TSV = "onset\tduration\teventType\n10\t10\tsz_gen\n"
ALL_TRAIN = SplitPlan(dev_share=0, eval_share=0)


def _corpus(root, **changes):
    return EdfFolderCorpus(root, **{"patient_pattern": "^[^/_.]+", "split": ALL_TRAIN, **changes})


def _touch(root, *places):
    for place in places:
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _write_plus(path, *remarks):
    signal = edfio.EdfSignal(np.arange(2560.0) % 100, 256, label="Cz", physical_dimension="uV")
    edfio.Edf([signal], annotations=[edfio.EdfAnnotation(*r) for r in remarks]).write(path)


def test_every_file_below_the_folder_is_a_recording(tmp_path):
    _touch(tmp_path, "A/1.edf", "A/night/2.EDF", "B_1.bdf", "C/x.edf.gz", "C/x.txt", "D.csv_bi")
    corpus = _corpus(tmp_path, split=SplitPlan(dev_share=0.3, eval_share=0.3))
    found = corpus.recordings()
    assert [(r.stem, r.patient) for r in found] == [
        ("A__1", "A"), ("A__night__2", "A"), ("B_1", "B"), ("C__x", "C"),
    ]  # fmt: skip
    assert {r.split for r in found} == {"train", "dev", "eval"}
    audit_splits(found)
    assert pickle.loads(pickle.dumps(corpus)).recordings() == found


def test_the_pattern_tells_patient_and_session(tmp_path):
    _touch(tmp_path, "ward/AB12_v3.edf")
    for pattern, expected in (
        (r"[A-Z]+\d+", ("AB12", "")),
        (r"/(\w+?)_", ("AB12", "")),
        (r"(?P<session>ward)/(?P<patient>[A-Z]+)", ("AB", "ward")),
    ):
        recording = _corpus(tmp_path, patient_pattern=pattern).recordings()[0]
        assert (recording.patient, recording.session) == expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"patient_pattern": r"\d{9}"}, r"found no '.*' in A/1\.edf.*corpus\.patient_pattern"),
        ({"patient_pattern": "x*"}, "gives no name"),
        ({"split": SplitPlan()}, r"found 1 patients .A., .*corpus\.patient_pattern='\^"),
    ],
)
def test_unclear_patients_are_refused(tmp_path, changes, reason):
    _touch(tmp_path, "A/1.edf")
    with pytest.raises(CorpusError, match=reason):
        _corpus(tmp_path, **changes).recordings()


@pytest.mark.parametrize("key", ["patient_pattern", "seizure_pattern"])
def test_a_broken_pattern_is_refused_at_once(tmp_path, key):
    with pytest.raises(CorpusError, match=rf"corpus\.{key}: found '\('"):
        _corpus(tmp_path, **{key: "("})


def test_one_name_twice_is_refused(tmp_path):
    _touch(tmp_path, "A/1.edf", "A/1.edf.gz")
    with pytest.raises(CorpusError, match="which both are called A__1"):
        _corpus(tmp_path).recordings()


def test_an_empty_folder_says_what_was_looked_for(tmp_path):
    with pytest.raises(CorpusError, match=r"no EDF file here or below.*corpus\.root"):
        _corpus(tmp_path).recordings()


@pytest.mark.parametrize(
    ("name", "content", "label"),
    [
        ("a.csv_bi", CSV_BI, "seiz"),
        ("a.tsv", TSV, "gnsz"),
        ("a_events.tsv", TSV, "gnsz"),
    ],
)
def test_an_annotation_beside_the_file_counts(tmp_path, name, content, label):
    _touch(tmp_path, "a.edf")
    (tmp_path / name).write_text(content)
    corpus = _corpus(tmp_path)
    recording = corpus.recordings()[0]
    assert recording.annotation == tmp_path / name
    assert corpus.events(recording) == (Event(10, 20, label),)


def test_types_beside_a_csv_bi_count(tmp_path):
    _touch(tmp_path, "a.edf")
    (tmp_path / "a.csv_bi").write_text(CSV_BI)
    (tmp_path / "a.csv").write_text(CSV)
    corpus = _corpus(tmp_path)
    assert corpus.events(corpus.recordings()[0]) == (Event(10, 20, "absz"),)


def test_two_annotations_are_refused(tmp_path):
    _touch(tmp_path, "a.edf")
    (tmp_path / "a.csv_bi").write_text(CSV_BI)
    (tmp_path / "a.tsv").write_text(TSV)
    corpus = _corpus(tmp_path)
    with pytest.raises(AnnotationError, match=r"found a\.csv_bi and a\.tsv, expected one"):
        corpus.events(corpus.recordings()[0])


def test_annotations_inside_the_file_count_where_the_pattern_finds_them(tmp_path):
    _write_plus(
        tmp_path / "a.edf", (1.0, 2.5, "Seizure left"), (5.0, None, "blink"), (7.0, 1.0, "SZ 2")
    )
    corpus = _corpus(tmp_path, seizure_pattern=r"(?i)^(sz|seizure)")
    assert corpus.events(corpus.recordings()[0]) == (Event(1.0, 3.5), Event(7.0, 8.0))
    none_fits = _corpus(tmp_path, seizure_pattern="crisis")
    assert none_fits.events(none_fits.recordings()[0]) == ()


def test_a_seizure_inside_the_file_without_its_length_is_refused(tmp_path):
    _write_plus(tmp_path / "a.edf", (1.0, None, "seizure"))
    corpus = _corpus(tmp_path, seizure_pattern="seizure")
    with pytest.raises(AnnotationError, match="duration None"):
        corpus.events(corpus.recordings()[0])


def test_no_annotation_is_silence_only_if_one_says_so(tmp_path):
    _write_plus(tmp_path / "a.edf")
    for changes in ({}, {"seizure_pattern": "seizure"}):
        corpus = _corpus(tmp_path, **changes)
        with pytest.raises(AnnotationError, match=r"a_events\.tsv.*corpus\.unannotated"):
            corpus.events(corpus.recordings()[0])
    stated = _corpus(tmp_path, unannotated="background")
    assert stated.events(stated.recordings()[0]) == ()


def test_a_remark_about_a_seizure_is_never_background(tmp_path):
    _write_plus(tmp_path / "a.edf", (1.0, None, "Eyes open"), (5.0, 9.0, "EEG Seizure"))
    corpus = _corpus(tmp_path, unannotated="background")
    with pytest.raises(AnnotationError, match=r"'EEG Seizure' at 5 s.*corpus\.seizure_pattern"):
        corpus.events(corpus.recordings()[0])
    told = _corpus(tmp_path, unannotated="background", seizure_pattern="Seizure")
    assert told.events(told.recordings()[0]) == (Event(5.0, 14.0),)
    _write_plus(tmp_path / "a.edf", (1.0, None, "Eyes open"))
    assert corpus.events(corpus.recordings()[0]) == ()


def test_a_setting_that_changes_the_events_changes_the_key(tmp_path):
    _touch(tmp_path, "a.edf")
    keys = {
        _corpus(tmp_path, **changes).recordings()[0].key
        for changes in ({}, {"seizure_pattern": "a"}, {"unannotated": "background"})
    }
    assert len(keys) == 3


def test_names_that_are_not_utf_8_or_too_long_are_recordings_all_the_same(tmp_path):
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/Ren\xe9_1.edf"))
    odd.touch()
    deep = tmp_path / ("x" * 120) / ("y" * 120) / "1.edf"
    deep.parent.mkdir(parents=True)
    deep.touch()
    corpus = _corpus(tmp_path, split=SplitPlan(dev_share=0.5, eval_share=0))
    first, second = corpus.recordings()
    assert (first.stem, first.patient, first.edf) == (r"Ren\xe9_1", r"Ren\xe9", odd)
    assert second.patient == "x" * 120
    assert len(second.stem) < 100
    assert second.edf == deep


def test_a_link_to_a_folder_is_followed_and_a_dangling_link_is_a_recording(tmp_path):
    _touch(tmp_path, "elsewhere/A/1.edf")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "ward").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root" / "B_1.edf").symlink_to(tmp_path / "not-fetched.edf")
    found = _corpus(tmp_path / "root").recordings()
    assert [r.stem for r in found] == ["B_1", "ward__A__1"]
