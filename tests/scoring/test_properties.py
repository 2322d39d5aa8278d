"""Laws that the scorers keep whatever the events: order of credit, swaps, cuts of recordings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.eeg.annotation import Event
from seizure.scoring import szcore
from seizure.scoring.case import Pair
from seizure.scoring.nedc import SCORERS, dp, epoch, ovlp, taes

DURATION_S = 1200.0
COUNTS = ("tp", "fp", "fn")


def disjoint(cuts):
    cuts = sorted(cuts)
    return tuple(Event(a, b) for a, b in zip(cuts[0::2], cuts[1::2], strict=False))


def events_until(stop_s):
    quarters = st.integers(0, int(stop_s * 4)).map(lambda n: n / 4)
    return st.lists(quarters, max_size=14, unique=True).map(disjoint)


def pair_of(reference, hypothesis, duration_s=DURATION_S):
    return Pair("a", "p", duration_s, tuple(reference), tuple(hypothesis))


pairs = st.builds(pair_of, events_until(DURATION_S), events_until(DURATION_S))


def swapped(pair):
    return pair_of(pair.hypothesis, pair.reference)


def counts_of(scorer, pair):
    found = scorer(pair)
    return tuple(getattr(found, name) for name in COUNTS)


@given(pairs)
def test_taes_never_credits_more_than_ovlp(pair):
    assert taes(pair).tp <= ovlp(pair).tp + 1e-9


@given(pairs)
def test_swapping_reference_and_hypothesis_swaps_misses_and_false_alarms(pair):
    for scorer in (epoch, szcore.sample):
        (tp, fp, fn), (tp_swapped, fp_swapped, fn_swapped) = (
            counts_of(scorer, pair),
            counts_of(scorer, swapped(pair)),
        )
        assert (tp, fp, fn) == (tp_swapped, fn_swapped, fp_swapped)
    # Many-to-one costs nothing in OVLP, so the numbers found may differ.
    assert (ovlp(pair).fp, ovlp(pair).fn) == (ovlp(swapped(pair)).fn, ovlp(swapped(pair)).fp)


@pytest.mark.parametrize("name", SCORERS)
def test_swapping_seizure_and_background_gives_the_official_figures_of_background(oracle, name):
    all_pairs, official, _ = oracle
    for pair in all_pairs:
        other = pair_of(
            background(pair.reference, pair.duration_s),
            background(pair.hypothesis, pair.duration_s),
            pair.duration_s,
        )
        expected = official["per_file"][f"{pair.stem}.csv_bi"][name]["bckg"]
        assert counts_of(SCORERS[name], other) == pytest.approx(
            tuple(expected[figure] for figure in COUNTS), rel=1e-9, abs=1e-9
        ), pair.stem


def background(events, duration_s):
    """What lies between events, on NEDC's time line of 0.1 ms."""
    edges = [0.0, *(round(t, 4) for e in sorted(events) for t in (e.start_s, e.stop_s)), duration_s]
    return [Event(a, b) for a, b in zip(edges[0::2], edges[1::2], strict=True) if b > a]


@given(events_until(500.0), events_until(500.0), events_until(500.0), events_until(500.0))
def test_cutting_a_recording_where_it_is_quiet_changes_no_count(ref_1, hyp_1, ref_2, hyp_2):
    def later(events):
        return [Event(e.start_s + 600, e.stop_s + 600) for e in events]

    whole = pair_of((*ref_1, *later(ref_2)), (*hyp_1, *later(hyp_2)))
    first, second = pair_of(ref_1, hyp_1, 600.0), pair_of(ref_2, hyp_2, 600.0)
    # SzCORE merges over less than 90 s; a cut in 100 s of silence separates nothing it joins.
    for scorer in (ovlp, taes, epoch, szcore.sample, szcore.event):
        parts = [counts_of(scorer, part) for part in (first, second)]
        together = tuple(map(sum, zip(*parts, strict=True)))
        assert counts_of(scorer, whole) == pytest.approx(together, abs=1e-9), scorer


@given(pairs, st.integers(1, 500).map(lambda n: 2 * n))
def test_a_later_start_changes_no_count_of_szcore(pair, shift_s):
    def later(events):
        return [Event(e.start_s + shift_s, e.stop_s + shift_s) for e in events]

    # By even seconds: timescoring rounds halves of a frame to even, so 0.5 s begins in frame 0
    # and 1.5 s in frame 2.
    shifted = pair_of(later(pair.reference), later(pair.hypothesis), DURATION_S + shift_s)
    for scorer in (szcore.event, szcore.sample):
        assert counts_of(scorer, shifted) == counts_of(scorer, pair)


@given(pairs)
def test_dp_is_blind_to_time_and_finds_no_more_than_there_is(pair):
    half = [[Event(e.start_s / 2, e.stop_s / 2) for e in events]
            for events in (pair.reference, pair.hypothesis)]  # fmt: skip
    assert counts_of(dp, pair_of(*half, DURATION_S / 2)) == counts_of(dp, pair)
    assert dp(pair).tp <= min(len(pair.reference), len(pair.hypothesis))
