import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.eeg.annotation import Event
from seizure.events.stitch import Track
from seizure.scoring.case import TrackedRecording
from seizure.scoring.frames import LabelledFrames, frame_labels, in_groups


@given(st.lists(st.integers(0, 1000), max_size=8, unique=True), st.sampled_from([1.0, 7.3, 16.0]))
def test_a_frame_is_seizure_if_its_middle_is_in_one(cuts, rate_hz):
    seconds = sorted(cut / 100 for cut in cuts)
    reference = tuple(Event(a, b) for a, b in zip(seconds[0::2], seconds[1::2], strict=False))
    n_frames = int(np.ceil(10 * rate_hz))
    track = Track("a", rate_hz, np.zeros(n_frames, np.float32), 10.0)
    labels = frame_labels(TrackedRecording("a", "p", 10.0, reference, track))
    for index, label in enumerate(labels):
        middle_s = (index + 0.5) / rate_hz
        assert label == any(e.start_s <= middle_s < e.stop_s for e in reference)


@pytest.mark.parametrize("n_frames", [1, 10_000, 10**9])
def test_every_recording_is_in_one_group(recordings, n_frames):
    groups = list(in_groups(recordings, n_frames))
    assert [r for group in groups for r in group] == list(recordings)
    # A group ends with the recording that fills it.
    assert all(sum(r.track.n_frames for r in group[:-1]) < n_frames for group in groups)


def test_every_frame_of_every_recording_appears_once(recordings):
    frames = list(LabelledFrames(recordings))
    n_frames = sum(r.track.n_frames for r in recordings)
    assert sum(group.probability.size for group in frames) == n_frames
    assert sum(group.is_seizure.size for group in frames) == n_frames
