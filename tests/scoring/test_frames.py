import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seizure.eeg.annotation import Event
from seizure.events.stitch import Track
from seizure.scoring.case import TrackedRecording
from seizure.scoring.frames import frame_labels, labelled_frames


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


def test_every_frame_of_every_recording_appears_once(recordings):
    frames = labelled_frames(recordings)
    assert frames.probability.size == sum(r.track.n_frames for r in recordings)
    assert frames.probability.shape == frames.is_seizure.shape
