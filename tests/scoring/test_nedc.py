from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.eeg.annotation import Event
from seizure.scoring import nedc
from seizure.scoring.case import Pair, matched_pair
from seizure.scoring.nedc import SCORERS, dp, epoch, ovlp, taes, total

DURATION_S = 200.0
FIGURES = ("tp", "fp", "fn", "fa_per_24h")


def disjoint(cuts):
    cuts = sorted(cuts)
    return tuple(Event(a, b) for a, b in zip(cuts[0::2], cuts[1::2], strict=False))


# Quarter seconds: ends that coincide, whole seconds and fractions all come up.
seizures = st.lists(st.integers(0, 800).map(lambda n: n / 4), max_size=12, unique=True).map(
    disjoint
)
pairs = st.builds(Pair, st.just("a"), st.just("p"), st.just(DURATION_S), seizures, seizures)


def with_hypothesis(pair, events):
    return Pair(pair.stem, pair.patient, pair.duration_s, pair.reference, tuple(events))


def test_every_file_and_the_total_agree_with_the_official_tool(oracle):
    all_pairs, official, _ = oracle
    assert len(all_pairs) == len(official["per_file"]) == 30
    for name, scorer in SCORERS.items():
        exact = {"rel": 1e-9, "abs": 1e-9} if name == "taes" else {"rel": 1e-12, "abs": 0}
        for pair in all_pairs:
            expected = official["per_file"][f"{pair.stem}.csv_bi"][name]["seiz"]
            counts = scorer(pair)
            for figure in FIGURES:
                found = getattr(counts, figure)
                assert found == pytest.approx(expected[figure], **exact), (pair.stem, name, figure)
        expected, counts = official["total"][name]["seiz"], total(scorer, all_pairs)
        for figure in (*FIGURES, "sensitivity", "precision", "f1"):
            assert getattr(counts, figure) == pytest.approx(expected[figure], rel=1e-9), name


def test_the_events_are_those_that_the_official_parser_sees(oracle):
    all_pairs, official, _ = oracle
    for pair in all_pairs:
        expected = official["per_file"][f"{pair.stem}.csv_bi"]["hyp_seiz_after_nedc_parse"]
        found = nedc.seizure_ticks(pair.hypothesis, pair.duration_s) / 1e4
        assert found.tolist() == expected


@given(seizures)
def test_a_perfect_detector_has_no_error_under_any_scorer(events):
    pair = Pair("a", "p", DURATION_S, events, events)
    for scorer in (ovlp, epoch, dp):
        counts = scorer(pair)
        assert (counts.fp, counts.fn) == (0, 0)
    assert ovlp(pair).tp == dp(pair).tp == len(events)


@given(seizures)
def test_silence_misses_everything_and_alarms_nothing(events):
    for name, scorer in SCORERS.items():
        counts = scorer(Pair("a", "p", DURATION_S, events, ()))
        assert (counts.tp, counts.fp) == (0, 0)
        if name != "epoch":
            assert counts.fn == len(events)


@given(seizures)
def test_alarms_without_a_seizure_are_all_false(events):
    for name, scorer in SCORERS.items():
        counts = scorer(Pair("a", "p", DURATION_S, (), events))
        assert (counts.tp, counts.fn) == (0, 0)
        if name in ("ovlp", "taes"):
            assert counts.fp == len(events)


@given(pairs)
def test_ovlp_and_epoch_find_or_miss_each_reference_once(pair):
    assert ovlp(pair).tp + ovlp(pair).fn == len(pair.reference)
    n_epochs = epoch(with_hypothesis(pair, ())).fn
    assert epoch(pair).tp + epoch(pair).fn == n_epochs
    assert dp(pair).tp + dp(pair).fn == len(pair.reference)


@given(pairs)
def test_ovlp_equals_the_definition_pair_by_pair(pair):
    def meet(a, b):
        return a.stop_s > b.start_s and a.start_s < b.stop_s

    found = sum(any(meet(r, h) for h in pair.hypothesis) for r in pair.reference)
    false = sum(not any(meet(r, h) for r in pair.reference) for h in pair.hypothesis)
    assert (ovlp(pair).tp, ovlp(pair).fp) == (found, false)


@given(pairs)
def test_epoch_equals_the_definition_instant_by_instant(pair):
    def holds(events, t):
        return any(event.start_s < t <= event.stop_s for event in events)

    tp = fp = fn = 0
    t = 0.125
    while t <= pair.duration_s:
        wanted, found = holds(pair.reference, t), holds(pair.hypothesis, t)
        tp, fp, fn = tp + (wanted and found), fp + (found and not wanted), fn + (wanted > found)
        t += 0.25
    counts = epoch(pair)
    assert (counts.tp, counts.fp, counts.fn) == (tp, fp, fn)


@given(pairs, st.integers(1, 100))
def test_shifting_everything_by_whole_seconds_changes_no_event_count(pair, shift_s):
    def later(events):
        return tuple(Event(e.start_s + shift_s, e.stop_s + shift_s) for e in events)

    reference, hypothesis = later(pair.reference), later(pair.hypothesis)
    shifted = Pair("a", "p", DURATION_S + shift_s, reference, hypothesis)
    for name in ("ovlp", "taes", "epoch"):
        before, after = SCORERS[name](pair), SCORERS[name](shifted)
        for figure in ("tp", "fp", "fn"):
            assert getattr(after, figure) == pytest.approx(getattr(before, figure), abs=1e-9)


@given(pairs, st.randoms())
def test_order_and_cuts_of_events_do_not_matter(pair, random):
    pieces = []
    for event in pair.hypothesis:
        middle = (event.start_s + event.stop_s) / 2
        pieces += [Event(event.start_s, middle), Event(middle, event.stop_s)]
    random.shuffle(pieces)
    for scorer in SCORERS.values():
        assert scorer(with_hypothesis(pair, pieces)) == scorer(pair)


@given(pairs)
def test_taes_never_credits_more_than_the_references(pair):
    counts = taes(pair)
    assert counts.tp <= len(pair.reference) + 1e-9
    assert 0 <= counts.fp <= len(pair.hypothesis) + 1e-9


def test_taes_quirk_one_detection_over_many_references_misses_all_but_the_first():
    reference = tuple(Event(s, s + 10) for s in (10, 30, 50))
    counts = taes(Pair("a", "p", DURATION_S, reference, (Event(10, 60),)))
    assert (counts.tp, counts.fp, counts.fn) == (1, 1, 2)


def test_taes_quirk_a_detection_within_a_second_takes_part_with_a_negative_hit():
    reference, hypothesis = (Event(10.0, 20.0),), (Event(12.0, 18.0), Event(20.5, 25.5))
    counts = taes(Pair("a", "p", DURATION_S, reference, hypothesis))
    assert counts.tp == pytest.approx(0.6 - 0.05)
    assert counts.fp == pytest.approx(0.55)


def test_taes_quirk_only_a_true_overlap_opens_the_gate():
    counts = taes(Pair("a", "p", DURATION_S, (Event(10.0, 20.0),), (Event(20.5, 25.5),)))
    assert (counts.tp, counts.fp, counts.fn) == (0, 1, 1)


def test_taes_quirk_a_reference_may_be_missed_twice():
    reference = (Event(10.0, 20.1), Event(20.8, 30.0))
    counts = taes(Pair("a", "p", DURATION_S, reference, (Event(12.0, 20.5), Event(20.7, 25.0))))
    hits = (20.1 - 12.0) / 10.1 + (20.1 - 20.7) / 10.1
    assert counts.tp == pytest.approx(hits)
    assert counts.fn == pytest.approx(2 - hits + 2)


def test_taes_quirk_a_detection_used_for_one_reference_finds_no_other():
    reference = (Event(10, 20), Event(25, 50))
    counts = taes(Pair("a", "p", DURATION_S, reference, (Event(11, 12), Event(15, 30))))
    assert (counts.tp, counts.fp, counts.fn) == pytest.approx((0.6, 1.0, 1.4))


@pytest.mark.parametrize(
    ("hypothesis", "hit", "false"),
    [
        (Event(5, 15), 0.5, 0.5),
        (Event(15, 25), 0.5, 0.5),
        (Event(8, 22), 1.0, 0.4),
        (Event(12, 15), 0.3, 0.0),
        (Event(12, 80), 0.8, 1.0),
    ],
)
def test_taes_gives_the_shares_of_its_table(hypothesis, hit, false):
    counts = taes(Pair("a", "p", DURATION_S, (Event(10, 20),), (hypothesis,)))
    assert (counts.tp, counts.fp, counts.fn) == pytest.approx((hit, false, 1 - hit))


def test_touching_references_are_one():
    pair = Pair("a", "p", DURATION_S, (Event(10, 20), Event(20, 30)), (Event(25, 28),))
    assert (ovlp(pair).tp, ovlp(pair).fn) == (1, 0)


def test_touching_is_not_overlap():
    pair = Pair("a", "p", DURATION_S, (Event(10, 20),), (Event(20, 30),))
    assert (ovlp(pair).tp, ovlp(pair).fp) == (0, 1)


def test_dp_alignment_is_optimal():
    for reference, hypothesis in product(product((False, True), repeat=4), repeat=2):
        steps = list(nedc._align(list(reference), list(hypothesis)))
        cost = sum(wanted != found for wanted, found in steps)
        assert cost == edit_distance(reference, hypothesis)
        assert tuple(w for w, _ in reversed(steps) if w is not None) == reference
        assert tuple(f for _, f in reversed(steps) if f is not None) == hypothesis


def edit_distance(a, b):
    if not a or not b:
        return len(a) + len(b)
    return min(
        edit_distance(a[1:], b[1:]) + (a[0] != b[0]),
        edit_distance(a[1:], b) + 1,
        edit_distance(a, b[1:]) + 1,
    )


def test_false_alarms_per_day_divide_by_all_eeg_pooled_over_files():
    silent = Pair("a", "p", 21_600.0, (), ())
    alarm = Pair("b", "p", 21_600.0, (Event(0, 10_800),), (Event(20_000, 20_100),))
    assert total(ovlp, [silent, alarm]).fa_per_24h == 2.0


def test_epoch_false_alarms_are_seconds():
    counts = epoch(Pair("a", "p", 86_400.0, (), (Event(10, 20),)))
    assert (counts.fp, counts.fa_per_24h) == (40, 10.0)


def test_scoring_nothing_raises():
    with pytest.raises(ValueError, match="no recording"):
        total(ovlp, [])


def test_files_of_different_duration_are_not_scored():
    with pytest.raises(ValueError, match=r"a: the reference lasts 60.0 s and the hypothesis 61.0"):
        matched_pair("a", "p", (), 60.0, (), 61.0)
