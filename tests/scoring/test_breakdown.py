import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.eeg.annotation import Event
from seizure.scoring.breakdown import (
    by_cause,
    by_duration,
    by_patient,
    by_type,
    false_alarms,
    missed_seizures,
    onset_latency_s,
)
from seizure.scoring.case import Pair
from seizure.scoring.nedc import ovlp, total

kinds = st.sampled_from(["fnsz", "gnsz", "absz"])
cuts = st.lists(st.integers(0, 2000).map(lambda n: n / 2), max_size=12, unique=True)


def events_of(cuts, kind="seiz"):
    cuts = sorted(cuts)
    return tuple(Event(a, b, kind) for a, b in zip(cuts[0::2], cuts[1::2], strict=False))


pairs = st.lists(
    st.builds(
        lambda patient, r, h, kind: Pair("a", patient, 1000.0, events_of(r, kind), events_of(h)),
        st.sampled_from(["p", "q"]),
        cuts,
        cuts,
        kinds,
    ),
    min_size=1,
    max_size=5,
)


@given(pairs)
def test_types_durations_and_patients_add_up_to_the_total(pairs):
    counts = total(ovlp, pairs)
    for shares in (by_type(pairs), by_duration(pairs)):
        assert sum(share.n_found for share in shares) == counts.tp
        assert sum(share.n_reference for share in shares) == counts.tp + counts.fn
    rows = by_patient(pairs)
    assert sum(row.n_false for row in rows) == counts.fp
    assert sum(row.n_found for row in rows) == counts.tp
    assert [row.n_false for row in rows] == sorted((row.n_false for row in rows), reverse=True)


@given(pairs)
def test_every_found_seizure_has_one_latency(pairs):
    latency_s = onset_latency_s(pairs)
    assert latency_s.size == total(ovlp, pairs).tp
    assert (np.diff(latency_s) >= 0).all()


def test_latency_is_that_of_the_first_overlapping_detection_and_not_clipped():
    hypothesis = (Event(1, 2), Event(95, 104), Event(106, 110), Event(250, 260))
    pair = Pair("a", "p", 1000.0, (Event(100, 200), Event(240, 300)), hypothesis)
    assert onset_latency_s([pair]).tolist() == [-5.0, 10.0]


def test_a_duration_at_an_edge_is_in_the_longer_class():
    pair = Pair("a", "p", 1000.0, (Event(0, 10), Event(20, 29.9), Event(100, 400)), ())
    assert [share.kind for share in by_duration([pair])] == [
        "under 10 s",
        "10 to 30 s",
        "300 s and over",
    ]


@given(pairs)
def test_mistakes_are_those_that_the_scorer_counts(pairs):
    counts = total(ovlp, pairs)
    alarms, missed = false_alarms(pairs), missed_seizures(pairs)
    assert len(alarms) == counts.fp
    assert len(missed) == counts.fn
    for alarm in alarms:
        assert alarm.event in pairs[alarm.number].hypothesis
    lengths = [finding.event.duration_s for finding in missed]
    assert lengths == sorted(lengths, reverse=True)


def test_the_surest_false_alarm_comes_first():
    hypothesis = (Event(1, 5, confidence=0.6), Event(10, 12, confidence=0.9), Event(20, 30))
    pair = Pair("a", "p", 60.0, (Event(21, 22),), hypothesis)
    assert [f.event.start_s for f in false_alarms([pair])] == [10, 1]


def test_causes_add_up_and_a_recording_without_any_is_a_mistake():
    hypothesis = (Event(1, 4), Event(10, 20), Event(30, 40), Event(50, 52))
    pair = Pair("a", "p", 60.0, (Event(31, 32),), hypothesis)
    known = {"a": (Event(0, 3, "chewing"), Event(3, 15, "muscle"))}
    assert by_cause([pair], known) == (("background", 1), ("chewing", 1), ("muscle", 1))
    with pytest.raises(KeyError):
        by_cause([pair], {})
