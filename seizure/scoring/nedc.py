"""The NEDC scorers, label `seiz`, as `nedc_eeg_eval` 6.0.0 behaves, quirks included.

Written from the published definitions and from the behaviour of the official tool, on whose
published pairs the tests agree file by file. False-alarm rates divide by all EEG, seizures
included. Source: Shah et al., Objective evaluation metrics for automatic classification of EEG
events, in Biomedical Signal Processing, Springer 2021.
"""

from collections.abc import Callable, Iterable
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from seizure.scoring.case import Pair
from seizure.scoring.counts import Counts
from seizure.scoring.timeline import TICKS_PER_S, overlapped, seizure_ticks, ticks

_EPOCH_TICKS = TICKS_PER_S // 4
_EPOCH_S = 0.25

Scorer = Callable[[Pair], Counts]


def ovlp(pair: Pair) -> Counts:
    """Any-overlap: each overlapped reference is found, each detection beside all is false.

    Overlap is strict, a detection may find several references, and several detections of one
    reference cost nothing.
    """
    reference, hypothesis = _reference(pair), _hypothesis(pair)
    n_found = int(overlapped(*reference.T, *hypothesis.T).sum())
    n_right = int(overlapped(*hypothesis.T, *reference.T).sum())
    return Counts(n_found, len(hypothesis) - n_right, len(reference) - n_found, pair.duration_s)


def taes(pair: Pair) -> Counts:
    """Time-aligned: fractions of a reference found and of false alarm, in the official order.

    TP + FN need not be the number of references, and TP can be negative; see the comments.
    """
    reference, hypothesis = _reference(pair), _hypothesis(pair)
    truly = overlapped(*reference.T, *hypothesis.T)
    r, h = reference / TICKS_PER_S, hypothesis / TICKS_PER_S
    r_free, h_free = np.ones(len(r), dtype=bool), np.ones(len(h), dtype=bool)
    tp = fp = fn = 0.0
    for i in range(len(r)):
        # A reference swallowed by an earlier detection is done; one truly overlapped by nothing
        # stays free and is missed below.
        if not (r_free[i] and truly[i]):
            continue
        for j in range(len(h)):
            # Past the gate, pairs match by whole seconds, ends included: detections up to a
            # second away from the reference take part, with a negative hit.
            if not (h_free[j] and _touch(r[i], h[j])):
                continue
            hit, false = _hit_and_false_alarm(r[i], h[j])
            tp, fp, fn = tp + hit, fp + false, fn + 1 - hit
            r_free[i] = h_free[j] = False
            if h[j, 1] >= r[i, 1]:
                # Every later reference that the detection touches is missed in full, however
                # much of it was covered, even one already counted.
                for k in range(i + 1, len(r)):
                    if _touch(r[k], h[j]):
                        fn, r_free[k] = fn + 1, False
            else:
                # Later detections of the same reference add to its hit, even those used before.
                for k in range(j + 1, len(h)):
                    if _touch(r[i], h[k]):
                        hit, false = _hit_and_false_alarm(r[i], h[k])
                        tp, fp, fn = tp + hit, fp + false, fn - hit
                        h_free[k] = False
    return Counts(tp, fp + int(h_free.sum()), fn + int(r_free.sum()), pair.duration_s)


def epoch(pair: Pair) -> Counts:
    """Quarter-second epochs, each labelled at its middle; counts are epochs, not events.

    The last epoch is counted if its middle is inside the recording. At a boundary the earlier
    event wins, so a seizure holds the instants of `(start, stop]`. `fa_per_24h` is seconds.
    """
    n_epochs = int(_epochs_until(ticks(pair.duration_s)))
    reference = _epoch_mask(_reference(pair), n_epochs)
    hypothesis = _epoch_mask(_hypothesis(pair), n_epochs)
    return Counts(
        int((reference & hypothesis).sum()),
        int((~reference & hypothesis).sum()),
        int((reference & ~hypothesis).sum()),
        pair.duration_s,
        seconds_per_count=_EPOCH_S,
    )


def dp(pair: Pair) -> Counts:
    """Alignment of the two label sequences at unit costs, blind to time.

    False positives are inserted seizures only; a substituted or deleted seizure is a miss.
    """
    reference = _labels(_reference(pair), ticks(pair.duration_s))
    hypothesis = _labels(_hypothesis(pair), ticks(pair.duration_s))
    n_right = n_inserted = n_missed = 0
    for wanted, found in _align(reference, hypothesis):
        n_right += wanted is True and found is True
        n_inserted += wanted is None and found is True
        n_missed += wanted is True and found is not True
    return Counts(n_right, n_inserted, n_missed, pair.duration_s)


SCORERS: dict[str, Scorer] = {"ovlp": ovlp, "taes": taes, "epoch": epoch, "dp": dp}


def total(scorer: Scorer, pairs: Iterable[Pair]) -> Counts:
    """The counts of many recordings added up; raises `ValueError` for none.

    >>> total(ovlp, [Pair("a", "p", 60.0, (), ())]).fp
    0
    """
    counts = [scorer(pair) for pair in pairs]
    if not counts:
        raise ValueError("there is no recording to score")
    return reduce(add, counts)


def _reference(pair: Pair) -> NDArray[np.int64]:
    return seizure_ticks(pair.reference, pair.duration_s)


def _hypothesis(pair: Pair) -> NDArray[np.int64]:
    return seizure_ticks(pair.hypothesis, pair.duration_s)


def _touch(r: NDArray[np.float64], h: NDArray[np.float64]) -> bool:
    return int(r[0]) <= int(h[1]) and int(h[0]) <= int(r[1])


def _hit_and_false_alarm(r: NDArray[np.float64], h: NDArray[np.float64]) -> tuple[float, float]:
    """Share of the reference found, and false alarm in reference lengths, at most 1."""
    (r_start, r_stop), (h_start, h_stop) = r.tolist(), h.tolist()
    length = r_stop - r_start
    if h_start <= r_start and h_stop <= r_stop:
        hit, false = h_stop - r_start, r_start - h_start
    elif h_start >= r_start and h_stop >= r_stop:
        hit, false = r_stop - h_start, h_stop - r_stop
    elif h_start < r_start:
        hit, false = length, (r_start - h_start) + (h_stop - r_stop)
    else:
        hit, false = h_stop - h_start, 0.0
    return hit / length, min(false / length, 1.0)


def _epochs_until(tick: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many epoch middles (0.125 s, 0.375 s, ...) lie at or before a time."""
    return (tick + _EPOCH_TICKS // 2) // _EPOCH_TICKS


def _epoch_mask(seizures: NDArray[np.int64], n_epochs: int) -> NDArray[np.bool_]:
    mask = np.zeros(n_epochs, dtype=bool)
    for start, stop in _epochs_until(seizures).tolist():
        mask[start:stop] = True
    return mask


def _labels(seizures: NDArray[np.int64], length: NDArray[np.int64]) -> list[bool]:
    """The sequence of labels with time forgotten; True is a seizure, False the gaps around."""
    labels: list[bool] = []
    end = 0
    for start, stop in seizures.tolist():
        labels += [False, True] if start > end else [True]
        end = stop
    return [*labels, False] if end < length else labels


def _align(
    reference: list[bool], hypothesis: list[bool]
) -> Iterable[tuple[bool | None, bool | None]]:
    """Pairs of an optimal alignment from the end; None stands for nothing on that side.

    Of equal costs the official tool takes substitution, then insertion, then deletion.
    """
    n, m = len(reference), len(hypothesis)
    cost = [[i + j if i == 0 or j == 0 else 0 for j in range(m + 1)] for i in range(n + 1)]
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            differs = reference[i - 1] != hypothesis[j - 1]
            cost[i][j] = min(cost[i - 1][j - 1] + differs, cost[i][j - 1] + 1, cost[i - 1][j] + 1)
    i, j = n, m
    while i or j:
        here = cost[i][j]
        if i and j and here == cost[i - 1][j - 1] + (reference[i - 1] != hypothesis[j - 1]):
            i, j = i - 1, j - 1
            yield reference[i], hypothesis[j]
        elif j and here == cost[i][j - 1] + 1:
            j -= 1
            yield None, hypothesis[j]
        else:
            i -= 1
            yield reference[i], None
