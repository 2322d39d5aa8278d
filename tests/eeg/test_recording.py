"""A recording knows its length and refuses shapes that contradict it."""

import pickle

import numpy as np
import pytest

from seizure.eeg.recording import Recording, UnreadableRecording


def test_the_length_follows_from_samples_and_rate():
    recording = Recording(np.zeros((2, 500), np.float32), 250.0, ("Fz", "Cz"))
    assert (recording.n_samples, recording.duration_s) == (500, 2.0)


def test_contradictions_are_refused():
    with pytest.raises(ValueError, match="2 channels"):
        Recording(np.zeros((3, 500), np.float32), 250.0, ("Fz", "Cz"))
    with pytest.raises(ValueError, match="float32"):
        Recording(np.zeros((2, 500)), 250.0, ("Fz", "Cz"))
    with pytest.raises(ValueError, match="positive"):
        Recording(np.zeros((2, 500), np.float32), 0.0, ("Fz", "Cz"))


def test_a_refusal_survives_the_way_back_from_a_worker():
    error = pickle.loads(pickle.dumps(UnreadableRecording("a.edf", "torn")))
    assert str(error) == "a.edf: torn"
    assert error.reason == "torn"
