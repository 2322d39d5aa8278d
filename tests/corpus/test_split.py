"""No patient and no recording is in two splits, or nothing goes on."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.corpus.entry import SPLITS, CorpusRecording
from seizure.corpus.split import PatientLeak, RecordingLeak, audit_splits


def _recording(patient, split, number=0):
    stem = f"{patient}_s001_t{number:03d}"
    return CorpusRecording(stem, patient, "s001", split, Path(f"{stem}.edf"), None)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=6), st.sampled_from(SPLITS), min_size=1))
def test_disjoint_splits_pass_and_are_counted(split_of):
    recordings = [_recording(p, s, n) for p, s in split_of.items() for n in range(2)]
    audit = audit_splits(recordings, hours=[0.5] * len(recordings))
    for count in audit.counts:
        n_patients = sum(split == count.split for split in split_of.values())
        assert (count.n_patients, count.n_recordings) == (n_patients, 2 * n_patients)
        assert count.hours == n_patients
    assert sum(count.n_patients for count in audit.counts) == len(split_of)


def test_no_patient_is_in_two_splits():
    recordings = [
        _recording("ann", "train"),
        _recording("bob", "dev"),
        _recording("ann", "eval", 1),
    ]
    with pytest.raises(PatientLeak, match=r"1 patient in two splits: ann in eval and train"):
        audit_splits(recordings)


def test_many_leaks_are_counted_and_the_first_are_named():
    recordings = [_recording(f"p{i}", s, i) for i in range(9) for s in ("train", "dev")]
    with pytest.raises(PatientLeak, match=r"9 patients in two splits: p0 .* and 4 more"):
        audit_splits(recordings)


def test_no_recording_is_in_two_splits_under_one_name():
    leaked = CorpusRecording("ann_s001_t000", "bob", "s001", "dev", Path("x.edf"), None)
    with pytest.raises(RecordingLeak, match="ann_s001_t000 in dev and train"):
        audit_splits([_recording("ann", "train"), leaked])


def test_no_signal_is_in_two_splits_under_two_names():
    recordings = [_recording("ann", "train"), _recording("bob", "dev"), _recording("cat", "dev")]
    with pytest.raises(RecordingLeak, match="ann_s001_t000 = bob_s001_t000 in dev and train"):
        audit_splits(recordings, contents=[7, 7, 8])
    audit_splits(recordings, contents=[6, 7, 7])


def test_it_prints_a_short_plain_table():
    audit = audit_splits([_recording("ann", "train"), _recording("bob", "dev")], hours=[1.5, 0.25])
    assert str(audit).splitlines() == [
        "split  patients  recordings     hours",
        "train         1           1      1.50",
        "dev           1           1      0.25",
        "no patient and no recording is in two splits",
    ]
    assert "-" in str(audit_splits([_recording("ann", "train")]))
