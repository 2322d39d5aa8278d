import numpy as np
import pytest

from seizure.eeg.annotation import Event
from seizure.events.decide import Postprocessing
from seizure.events.stitch import Track
from seizure.scoring.case import TrackedRecording
from seizure.scoring.frames import LabelledFrames, labelled_clips, labelled_detections
from seizure.scoring.probabilities import calibrations, rankings


def stepped():
    probability = np.repeat(np.float32([0.1, 0.9, 0.2, 0.8, 0.3]), 160)
    track = Track("a", 16.0, probability, 50.0)
    return (TrackedRecording("a", "p", 50.0, (Event(12.0, 19.0),), track),)


def test_a_clip_has_its_highest_frame_and_the_last_may_be_short():
    clips = labelled_clips(stepped(), 12.0)
    np.testing.assert_allclose(clips.probability, [0.9, 0.9, 0.8, 0.8, 0.3], rtol=1e-6)
    # A frame is seizure by its middle: the first clip ends as the seizure starts.
    assert clips.is_seizure.tolist() == [False, True, False, False, False]


def test_clips_of_a_frame_are_the_frames_and_one_clip_can_be_the_recording(recordings):
    (frames,), clips = LabelledFrames(recordings), labelled_clips(recordings, 1 / 16)
    np.testing.assert_array_equal(frames.probability, clips.probability)
    np.testing.assert_array_equal(frames.is_seizure, clips.is_seizure)
    assert labelled_clips(recordings, np.inf).probability.size == len(recordings)


def test_a_detection_has_the_confidence_that_it_was_decided_with(recordings):
    settings = Postprocessing(on_threshold=0.4)
    pairs = [recording.pair(settings) for recording in recordings]
    found = labelled_detections(recordings, pairs)
    confidence = [event.confidence for pair in pairs for event in pair.hypothesis]
    np.testing.assert_allclose(found.probability, confidence, atol=1e-6)
    hit = [
        any(event.overlap_s(other) > 0 for other in pair.reference)
        for pair in pairs
        for event in pair.hypothesis
    ]
    assert found.is_seizure.tolist() == hit


def test_every_unit_is_named_and_a_temperature_does_not_change_the_order(recordings):
    assert [r.unit for r in rankings(recordings)] == [
        "frame of 1/16 s",
        "clip of 12 s, highest frame",
        "clip of 60 s, highest frame",
        "recording, highest frame",
    ]
    pairs = [recording.pair(Postprocessing(on_threshold=0.4)) for recording in recordings]
    found = calibrations(recordings, pairs, 2.0)
    assert [c.temperature for c in found] == [1.0, 2.0, 1.0, 2.0]
    assert found[0].n == found[1].n == sum(r.track.n_frames for r in recordings)
    assert found[0].brier != found[1].brier


def test_without_a_detection_there_is_no_calibration_of_detections():
    pairs = [recording.pair(Postprocessing(on_threshold=1.0)) for recording in stepped()]
    assert pairs[0].hypothesis == ()
    assert [c.unit for c in calibrations(stepped(), pairs, None)] == ["frame of 1/16 s"]


def test_with_one_class_a_ranking_is_undefined():
    (silent,) = stepped()
    silent = TrackedRecording("a", "p", 50.0, (), silent.track)
    assert {r.auroc for r in rankings([silent])} == {None}
    assert pytest.approx(0) == {r.seizure_share for r in rankings([silent])}.pop()
