import warnings

import numpy as np
import pytest

from seizure.eeg.annotation import Event
from seizure.events.decide import Postprocessing
from seizure.events.stitch import Track
from seizure.scoring.curve import sweep, thresholds_for
from seizure.scoring.plots import plot_curves, plot_detection, plot_losses

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_detection_is_drawn_without_a_warning(tmp_path):
    eeg_uv = np.random.default_rng(0).normal(0, 30, (19, 60 * 256)).astype(np.float32)
    eeg_uv[3] = 0
    track = Track("a", 16.0, np.linspace(0, 1, 960, dtype=np.float32), 60.0)
    names = [f"c{i}" for i in range(19)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = plot_detection(
            tmp_path / "new" / "a.png", eeg_uv, 256.0, names, track,
            (Event(20, 40),), (Event(25, 70),), 10.0, 60.0, threshold=0.5, title="a",
        )  # fmt: skip
    assert path.read_bytes()[:8] == PNG


def test_flat_eeg_is_drawn(tmp_path):
    track = Track("a", 16.0, np.zeros(160, np.float32), 10.0)
    eeg_uv = np.zeros((2, 2560), np.float32)
    path = plot_detection(tmp_path / "a.png", eeg_uv, 256.0, ["a", "b"], track, (), (), 0, 10)
    assert path.is_file()


@pytest.mark.parametrize(("start_s", "stop_s"), [(5, 5), (-1, 5), (0, 11)])
def test_a_stretch_outside_the_recording_raises(tmp_path, start_s, stop_s):
    track = Track("a", 16.0, np.zeros(160, np.float32), 10.0)
    eeg_uv = np.zeros((1, 2560), np.float32)
    with pytest.raises(ValueError, match=r"must lie in the recording of 10\.0 s"):
        plot_detection(tmp_path / "a.png", eeg_uv, 256.0, ["a"], track, (), (), start_s, stop_s)


def test_names_that_do_not_fit_the_channels_raise(tmp_path):
    track = Track("a", 16.0, np.zeros(160, np.float32), 10.0)
    with pytest.raises(ValueError, match="for 1 channel names"):
        plot_detection(
            tmp_path / "a.png", np.zeros((2, 2560), np.float32), 256.0, ["a"], track, (), (), 0, 5
        )


def test_the_same_curve_gives_the_same_bytes(tmp_path, recordings):
    curve = sweep(recordings, Postprocessing(), thresholds_for(recordings, 20))
    one = plot_curves(tmp_path / "a.png", [("OVLP", curve)]).read_bytes()
    assert one == plot_curves(tmp_path / "b.png", [("OVLP", curve)]).read_bytes()


def test_losses_are_drawn_from_a_file_with_holes(tmp_path):
    csv = tmp_path / "metrics.csv"
    csv.write_text("epoch,train/loss_epoch,val/loss\n0,1.0,\n0,,1.2\n1,0.5,\n1,,0.9\n")
    assert plot_losses(csv, tmp_path / "a.png").read_bytes()[:8] == PNG


def test_a_missing_or_empty_column_is_named(tmp_path):
    csv = tmp_path / "metrics.csv"
    csv.write_text("epoch,train/loss_epoch,val/loss\n0,1.0,\n")
    with pytest.raises(ValueError, match="column val/loss holds no number"):
        plot_losses(csv, tmp_path / "a.png")
    with pytest.raises(ValueError, match="no column train/x; found epoch, train/loss_epoch"):
        plot_losses(csv, tmp_path / "a.png", train="train/x")


def test_drawing_leaves_matplotlib_as_it_was(tmp_path, recordings):
    from matplotlib import rcParams

    before = dict(rcParams)
    curve = sweep(recordings, Postprocessing(), thresholds_for(recordings, 20))
    plot_curves(tmp_path / "a.png", [("OVLP", curve)])
    assert dict(rcParams) == before
