"""No patient and no recording is in two splits, or nothing goes on."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.corpus.entry import SPLITS, CorpusError, CorpusRecording
from seizure.corpus.split import (
    PatientLeak,
    RecordingLeak,
    SplitPlan,
    assign_splits,
    audit_splits,
)


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


PATIENTS = st.sets(st.text("abcdefgh0123", min_size=1, max_size=5), min_size=3, max_size=60)


@given(PATIENTS, st.integers(0, 2**31), st.randoms())
def test_a_draw_depends_on_patients_and_seed_alone(patients, seed, random):
    shuffled = list(patients) * 2
    random.shuffle(shuffled)
    plan = SplitPlan(seed)
    drawn = assign_splits(shuffled, plan)
    assert drawn == assign_splits(sorted(patients), plan)
    assert set(drawn) == patients
    assert set(drawn.values()) == set(SPLITS)


@given(PATIENTS, st.sampled_from([(0.1, 0.2), (0.0, 0.3), (0.25, 0.0), (0.0, 1.0), (0.5, 0.5)]))
def test_a_draw_has_the_shares_to_one_patient(patients, shares):
    drawn = assign_splits(patients, SplitPlan(0, *shares))
    for split, share in zip(("dev", "eval"), shares, strict=True):
        n_patients = sum(found == split for found in drawn.values())
        assert abs(n_patients - share * len(patients)) <= 1
        assert (n_patients > 0) == (share > 0)


def test_one_patient_more_leaves_nearly_all_where_they_were():
    patients = [f"p{number:03d}" for number in range(100)]
    before = assign_splits(patients, SplitPlan())
    after = assign_splits([*patients, "new"], SplitPlan())
    assert sum(before[p] != after[p] for p in patients) <= 3


def test_the_draw_is_the_same_on_every_machine():
    assert assign_splits([f"chb{n:02d}" for n in range(1, 21)], SplitPlan(seed=7)) == {
        f"chb{n:02d}": {4: "dev", 7: "eval", 9: "dev", 11: "eval", 13: "eval", 17: "dev"}.get(
            n, "train"
        )
        for n in range(1, 21)
    }


def test_other_seeds_draw_otherwise():
    patients = [f"p{number:03d}" for number in range(30)]
    assert len({tuple(assign_splits(patients, SplitPlan(s)).items()) for s in range(10)}) == 10


def test_named_patients_are_where_they_were_named():
    plan = SplitPlan(dev_patients=("b",), eval_patients=("c", "d"))
    assert assign_splits("abcde", plan) == {
        "a": "train", "b": "dev", "c": "eval", "d": "eval", "e": "train",
    }  # fmt: skip
    with pytest.raises(CorpusError, match=r"found z in dev_patients, expected .* a, b"):
        assign_splits("ab", SplitPlan(dev_patients=("z",)))
    with pytest.raises(ValueError, match="found b in dev_patients and eval_patients"):
        SplitPlan(dev_patients=("a", "b"), eval_patients=("b",))


def test_too_few_patients_for_the_shares_are_refused():
    with pytest.raises(CorpusError, match=r"found 2 patients.*at least one in each split"):
        assign_splits("ab", SplitPlan())
    assert assign_splits("ab", SplitPlan(dev_share=0.0)).keys() == {"a", "b"}
    with pytest.raises(CorpusError, match="found 1 patients"):
        assign_splits("a", SplitPlan(dev_share=0.5, eval_share=0.5))


@pytest.mark.parametrize("shares", [(-0.1, 0.2), (0.6, 0.6)])
def test_impossible_shares_are_refused(shares):
    with pytest.raises(ValueError, match="at most 1 together"):
        SplitPlan(0, *shares)
