"""Laws of what a synthetic corpus plans: hours and patients hold, lengths and sessions."""

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seizure.corpus.synthetic import SyntheticSpec, simulate_recording
from seizure.corpus.synthetic.plan import (
    LONGEST_S,
    SHORTEST_S,
    planned_recording,
    planned_recordings,
    recording_of,
)
from seizure.corpus.synthetic.spec import SPLITS

LARGE = SyntheticSpec(
    train_hours=400, dev_hours=0, eval_hours=0, recording_min=12.4, patients=300, lengths="tusz"
)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    minutes=st.tuples(*[st.integers(10, 300)] * 3),
    patients=st.integers(3, 30),
    recording_min=st.floats(1, 240),
    lengths=st.sampled_from(["even", "tusz"]),
)
def test_hours_and_patients_both_hold_to_the_second(
    seed, minutes, patients, recording_min, lengths
):
    hours = [each / 60 for each in minutes]
    spec = SyntheticSpec(seed, *hours, recording_min, patients=3, lengths=lengths)
    if all(sum(minutes) >= patients * 30 and each >= patients for each in minutes):
        spec = replace(spec, patients=patients)
    planned = planned_recordings(spec)
    assert len({one.patient for one in planned}) == spec.patients
    for split in SPLITS:
        here = [one for one in planned if one.split == split]
        assert sum(one.duration_s for one in here) == round(3600 * spec.hours(split))
        assert len({one.patient for one in here}) == spec.n_patients(split)
    assert all(SHORTEST_S <= one.duration_s <= LONGEST_S + SHORTEST_S for one in planned)
    assert len({one.stem for one in planned}) == len(planned)


def test_lengths_are_spread_as_in_tusz():
    """Of TUSZ's recordings 5, 50 and 95 % are shorter than 79, 601 and 1453 s."""
    length_s = [one.duration_s for one in planned_recordings(LARGE)]
    found = np.percentile(length_s, [5, 50, 95])
    np.testing.assert_allclose(found, [79, 601, 1453], rtol=0.12)
    assert min(length_s) < 15 < 2000 < max(length_s)


def test_patients_differ_in_how_many_recordings_and_sessions_they_have():
    per_patient = defaultdict(list)
    for one in planned_recordings(LARGE):
        per_patient[one.patient].append(one)
    counts = [len(found) for found in per_patient.values()]
    assert min(counts) <= 3
    assert max(counts) >= 9
    assert {found[-1].session for found in per_patient.values()} >= {1, 2, 3}
    for found in per_patient.values():
        assert [one.recording_index for one in found] == list(range(len(found)))
        for one, after in pairwise(found):
            same = (one.session, one.take + 1)
            assert (after.session, after.take) in {same, (one.session + 1, 0)}


def test_an_even_corpus_holds_some_recordings_of_seconds_and_none_below_five():
    spec = SyntheticSpec(train_hours=100, recordings_per_patient=4)
    length_s = np.array([one.duration_s for one in planned_recordings(spec)])
    assert 0.03 < np.mean(length_s <= 30) < 0.12
    assert length_s.min() >= 5


def test_a_recording_that_is_cut_to_fit_is_simulated_as_it_is_planned():
    spec = SyntheticSpec(3, 0.2, 0, 0, 5.0, patients=4)
    cut = [
        one
        for one in planned_recordings(spec)
        if one != planned_recording(spec, one.split, one.patient_index, one.recording_index)
    ]
    assert cut
    for one in cut:
        key = (one.split, one.patient_index, one.recording_index)
        assert recording_of(spec, *key) == one
        assert simulate_recording(spec, *key).duration_s == one.duration_s


def test_more_patients_than_minutes_are_refused():
    with pytest.raises(ValueError, match=r"patients: found 50 in train for its 0.5 h"):
        SyntheticSpec(train_hours=0.5, dev_hours=0, eval_hours=0, patients=50)


def test_a_split_without_a_patient_is_refused():
    with pytest.raises(ValueError, match=r"patients must be at least 3.*found 2"):
        SyntheticSpec(patients=2)
