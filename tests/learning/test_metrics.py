"""The figures of an epoch are those of the scorers."""

from dataclasses import replace

import numpy as np
import pytest

from seizure.eeg.annotation import Event
from seizure.events.decide import Postprocessing
from seizure.events.stitch import Track
from seizure.learning.metrics import AVERAGED_RATES, detection_metrics
from seizure.scoring import nedc
from seizure.scoring.case import TrackedRecording
from seizure.scoring.curve import sensitivity_at, sweep, thresholds_for
from seizure.scoring.operating_point import MAX_ALARM_SHARE, choose


def recordings(n=6, duration_s=3600.0, seed=0):
    rng = np.random.default_rng(seed)
    made = []
    for number in range(n):
        probability = rng.beta(1, 6, int(duration_s) * 16).astype(np.float32)
        for _ in range(8):
            start = rng.integers(0, probability.size - 800)
            probability[start : start + 800] += rng.uniform(0, 0.8)
        reference = (Event(600.0, 660.0), Event(1800.0, 1850.0))
        for event in reference:
            probability[int(event.start_s) * 16 : int(event.stop_s) * 16] += rng.uniform(0, 0.6)
        track = Track(f"r{number}", 16.0, probability.clip(0, 1), duration_s)
        made.append(TrackedRecording(f"r{number}", f"p{number}", duration_s, reference, track))
    return made


def alarm_share(pairs):
    alarm_s = sum(event.duration_s for pair in pairs for event in pair.hypothesis)
    return alarm_s / sum(pair.duration_s for pair in pairs)


def test_sensitivities_are_the_best_of_all_thresholds_tried_one_by_one():
    cases = recordings()
    settings = Postprocessing()
    tried = []
    for threshold in thresholds_for(cases):
        pairs = [case.pair(Postprocessing(on_threshold=threshold)) for case in cases]
        if alarm_share(pairs) <= MAX_ALARM_SHARE:
            tried.append(nedc.total(nedc.ovlp, pairs))

    def best(rate):
        return max((c.sensitivity for c in tried if c.fa_per_24h <= rate), default=0.0)

    found = detection_metrics(cases, settings)
    expected = np.mean([best(rate) for rate in AVERAGED_RATES])
    assert found["mean_sensitivity"] == pytest.approx(expected)
    assert found["sensitivity_at_10fa"] == best(10.0)
    assert 0.5 < found["auroc"] < 1


def test_without_a_seizure_nothing_is_found_and_nothing_ranked():
    silent = [TrackedRecording(c.stem, c.patient, c.duration_s, (), c.track) for c in recordings(2)]
    found = detection_metrics(silent, Postprocessing())
    assert found["sensitivity_at_10fa"] == found["mean_sensitivity"] == 0
    assert np.isnan(found["auroc"])


def test_an_epoch_that_calls_everything_seizure_is_not_the_best():
    # One alarm over each whole recording finds all seizures, at no false alarm.
    flat = [
        replace(
            case, track=replace(case.track, probability=np.full_like(case.track.probability, p))
        )
        for case, p in zip(recordings(), np.linspace(0.5, 0.9, 6), strict=True)
    ]
    settings = Postprocessing()
    unbound = sensitivity_at(sweep(flat, settings, thresholds_for(flat)), 10.0)
    assert unbound is not None
    assert unbound.sensitivity == 1
    found = detection_metrics(flat, settings)
    assert found["sensitivity_at_10fa"] <= MAX_ALARM_SHARE


def test_epochs_are_compared_by_what_an_operating_point_would_find():
    cases = recordings()
    curve = sweep(cases, Postprocessing(), thresholds_for(cases))
    chosen = choose(curve, Postprocessing(), 10.0)
    assert chosen.reached
    found = detection_metrics(cases, Postprocessing())
    assert found["sensitivity_at_10fa"] == chosen.point.sensitivity
