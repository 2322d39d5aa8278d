from functools import partial
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.eeg.annotation import Event
from seizure.scoring.case import Pair
from seizure.scoring.szcore import SzcoreCounts, collect, event, sample, summarise

ROUTES = {"events": "direct_10hz", "tsv": "tsv_1hz"}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("scorer", [event, sample], ids=["event", "sample"])
def test_files_subjects_and_data_set_agree_with_timescoring(oracle, route, scorer):
    pairs, _, official = oracle
    key, kind = ROUTES[route], scorer.__name__
    for pair in pairs:
        expected = official["per_file"][f"{pair.stem}.csv_bi"][key][kind]
        counts = scorer(pair, route)
        found = (counts.tp, counts.fp, counts.n_reference, counts.n_frames)
        assert found == tuple(expected[k] for k in ("tp", "fp", "ref_true", "num_samples"))
    summary = summarise(pairs, partial(scorer, route=route))
    for subject, counts in summary.subjects.items():
        expected = official["per_subject"][key][f"sub-{subject}"][kind]
        assert counts.f1_2026 == pytest.approx(expected["f1"], rel=1e-12)
        assert counts.fa_per_24h == pytest.approx(expected["fp_per_24h"], rel=1e-12)
    expected = official["dataset"][key]["avg_per_subject"][kind]
    names = {"sensitivity": "sensitivity", "precision": "precision", "f1_2026": "f1"}
    for ours, theirs in (*names.items(), ("fa_per_24h", "fpRate")):
        assert summary.mean[ours] == pytest.approx(expected[theirs], rel=1e-9)
        assert summary.std[ours] == pytest.approx(expected[f"{theirs}_std"], rel=1e-9)
    old = official["dataset"][key]["avg_per_subject_f1_timescoring_le_0.0.6"][kind]
    assert summary.mean["f1_before_2026"] == pytest.approx(old["f1"], rel=1e-9)
    pooled = official["dataset"][key]["cumulated"][kind]
    assert (summary.pooled.tp, summary.pooled.fp) == (pooled["tp"], pooled["fp"])


def pair(reference, hypothesis, duration_s=2000.0, patient="p"):
    return Pair("a", patient, duration_s, tuple(reference), tuple(hypothesis))


def test_a_nested_event_does_not_shrink_the_outer_one():
    outer, inner = Event(100, 400), Event(150, 160)
    assert sample(pair([outer, inner], [outer])) == sample(pair([outer], [outer]))


def test_unsorted_events_score_as_sorted_ones():
    seizures = [Event(700, 720), Event(100, 120)]
    assert event(pair(seizures, seizures)) == event(pair(seizures[::-1], seizures))


def test_silence_on_a_silent_recording_is_undefined_and_not_perfect():
    counts = event(pair([], []))
    assert isnan(counts.f1_2026)
    assert isnan(counts.sensitivity)
    assert counts.fa_per_24h == 0


def test_the_two_definitions_of_f1_differ_where_one_skips():
    silent = event(pair([Event(100, 120)], []))
    assert silent.f1_2026 == 0
    assert isnan(silent.f1_before_2026)
    alarm = event(pair([], [Event(100, 120)]))
    assert alarm.f1_2026 == 0
    assert isnan(alarm.f1_before_2026)


def test_a_seizure_free_subject_counts_for_alarms_and_not_for_sensitivity():
    free = pair([], [Event(100, 120)], patient="q")
    found = pair([Event(100, 120)], [Event(100, 120)])
    summary = summarise([free, found], event)
    assert summary.mean["sensitivity"] == 1.0
    assert summary.mean["f1_before_2026"] == 1.0
    assert summary.mean["f1_2026"] == 0.5
    assert summary.mean["fa_per_24h"] == pytest.approx(0.5 * 86_400 / 2000)


def test_the_mean_over_no_defined_subject_is_nan_without_a_warning(recwarn):
    summary = collect([("p", SzcoreCounts(0, 0, 0, 1000, 10))])
    assert isnan(summary.mean["sensitivity"])
    assert not recwarn.list


def test_recordings_under_a_second_are_refused_by_name():
    with pytest.raises(ValueError, match="a: SzCORE scores whole seconds"):
        event(pair([], [], duration_s=0.4))


def test_summarising_nothing_raises():
    with pytest.raises(ValueError, match="no recording"):
        summarise([], event)


@given(st.lists(st.integers(0, 1999), max_size=10, unique=True))
def test_a_perfect_detector_has_no_error(cuts):
    cuts = sorted(cuts)
    seizures = [Event(a, b) for a, b in zip(cuts[0::2], cuts[1::2], strict=False)]
    for scorer in (event, sample):
        counts = scorer(pair(seizures, seizures))
        assert (counts.fp, counts.fn) == (0, 0)
