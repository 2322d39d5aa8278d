import warnings

import numpy as np
import pytest

from seizure.events.decide import Postprocessing
from seizure.scoring.breakdown import PatientRow
from seizure.scoring.curve import sweep, thresholds_for
from seizure.scoring.plots import plot_curves, plot_latency, plot_losses, plot_patients

PNG = b"\x89PNG\r\n\x1a\n"


def test_the_same_curve_gives_the_same_bytes(tmp_path, recordings):
    curve = sweep(recordings, Postprocessing(), thresholds_for(recordings, 20))
    one = plot_curves(tmp_path / "a.png", [("OVLP", curve)]).read_bytes()
    assert one == plot_curves(tmp_path / "b.png", [("OVLP", curve)]).read_bytes()


@pytest.mark.parametrize("latency_s", [[-40.0, 3.0, 70.5], [2.0], [0.0, 0.0], [-8.0, -3.0]])
def test_latencies_before_and_after_the_start_are_drawn(tmp_path, latency_s):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plot_latency(tmp_path / "a.png", np.array(latency_s)).read_bytes()[:8] == PNG


@pytest.mark.parametrize("n", [1, 40])
def test_patients_are_drawn_with_and_without_seizures_or_false_alarms(tmp_path, n):
    rows = [PatientRow(f"p{i}", 0.5, i % 3, i % 2, i % 4, i * 2.0, 0.1) for i in range(n)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plot_patients(tmp_path / "a.png", rows, "eval").read_bytes()[:8] == PNG


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
