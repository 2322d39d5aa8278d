import numpy as np
import pytest

from seizure.eeg.annotation import Event
from seizure.events.stitch import Track
from seizure.scoring.case import Pair, TrackedRecording, clipped

TRACK = Track("a", 16.0, np.zeros(960, np.float32), 60.0)


@pytest.mark.parametrize("role", ["reference", "hypothesis"])
def test_an_event_past_the_end_raises_and_names_its_role(role):
    sides = {"reference": (), "hypothesis": (), role: (Event(10.0, 61.0),)}
    with pytest.raises(ValueError, match=rf"a: a {role} event \[10.0, 61.0\) s ends after"):
        Pair("a", "p", 60.0, **sides)


def test_background_is_not_an_event():
    with pytest.raises(ValueError, match="bckg"):
        Pair("a", "p", 60.0, (Event(0.0, 60.0, "bckg"),), ())


@pytest.mark.parametrize("duration_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_recording_lasts_longer_than_nothing(duration_s):
    with pytest.raises(ValueError, match="longer than 0 s"):
        Pair("a", "p", duration_s, (), ())


def test_a_track_of_another_recording_or_length_raises():
    with pytest.raises(ValueError, match="another recording, a"):
        TrackedRecording("b", "p", 60.0, (), TRACK)
    with pytest.raises(ValueError, match=r"lasts 61.0 s and the track 60.0 s"):
        TrackedRecording("a", "p", 61.0, (), TRACK)


def test_clipped_events_fit_the_recording():
    events = (Event(5.0, 70.0), Event(61.0, 62.0))
    assert Pair("a", "p", 60.0, clipped(events, 60.0), ()).reference == (Event(5.0, 60.0),)
