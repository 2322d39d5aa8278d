import warnings

import numpy as np
import pytest

from seizure.eeg.annotation import Event
from seizure.events.stitch import Track
from seizure.scoring import detection_page
from seizure.scoring.detection_page import plot_detection

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_detection_is_drawn_without_a_warning(tmp_path):
    eeg_uv = np.random.default_rng(0).normal(0, 30, (19, 60 * 256)).astype(np.float32)
    eeg_uv[3] = 0
    track = Track("a", 16.0, np.linspace(0, 1, 960, dtype=np.float32), 60.0)
    names = [f"c{i}" for i in range(19)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = plot_detection(
            tmp_path / "new" / "a.png", eeg_uv[:, 2560:], 256.0, names, track,
            (Event(20, 40),), (Event(25, 70),), 10.0, threshold=0.5, title="a",
        )  # fmt: skip
    assert path.read_bytes()[:8] == PNG


def test_negative_is_drawn_upwards_and_the_page_says_so(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(detection_page, "save", lambda figure, path: drawn.append(figure) or path)
    spike_uv = np.zeros((1, 2560), np.float32)
    spike_uv[0, 1000] = -40.0
    track = Track("a", 16.0, np.zeros(160, np.float32), 10.0)
    plot_detection(tmp_path / "a.png", spike_uv, 256.0, ["a"], track, (), (), 0)
    eeg = drawn[0].axes[0]
    bottom, top = eeg.get_ylim()
    assert bottom < top
    assert np.asarray(eeg.lines[0].get_ydata()).argmax() == 1000
    assert any("negative up" in text.get_text() for text in eeg.texts)


def test_flat_eeg_is_drawn(tmp_path):
    track = Track("a", 16.0, np.zeros(160, np.float32), 10.0)
    eeg_uv = np.zeros((2, 2560), np.float32)
    path = plot_detection(tmp_path / "a.png", eeg_uv, 256.0, ["a", "b"], track, (), (), 0)
    assert path.is_file()


@pytest.mark.parametrize(("start_s", "length_s"), [(5, 0), (-1, 5), (0, 11), (6, 5)])
def test_a_stretch_outside_the_recording_raises(tmp_path, start_s, length_s):
    track = Track("a", 16.0, np.zeros(160, np.float32), 10.0)
    eeg_uv = np.zeros((1, length_s * 256), np.float32)
    with pytest.raises(ValueError, match=r"must lie in the recording of 10\.0 s"):
        plot_detection(tmp_path / "a.png", eeg_uv, 256.0, ["a"], track, (), (), start_s)


def test_names_that_do_not_fit_the_channels_raise(tmp_path):
    track = Track("a", 16.0, np.zeros(160, np.float32), 10.0)
    with pytest.raises(ValueError, match="for 1 channel names"):
        plot_detection(
            tmp_path / "a.png", np.zeros((2, 2560), np.float32), 256.0, ["a"], track, (), (), 0
        )
