"""Predicting what MNE has loaded: annotations for `raw.set_annotations`, those of the file."""

from datetime import UTC, datetime

import mne
import numpy as np
import pytest

from seizure.eeg.annotation import read_csv_bi
from seizure.eeg.recording import UnreadableRecording
from seizure.events.decide import decide
from seizure.events.track_file import read_track
from seizure.predict import VERB, load_detector, predict


@pytest.fixture
def checkpoint(trained):
    return trained / "checkpoints" / "best.ckpt"


@pytest.fixture
def edf(quick, trained):
    return sorted((quick.corpus / "edf" / "eval").rglob("*.edf"))[0]


@pytest.fixture
def raw(edf):
    return mne.io.read_raw_edf(edf, preload=True, verbose="error")


@pytest.fixture
def detector(checkpoint, edf):
    """A detector whose threshold lies in the middle of what it says of the recording."""
    probability = load_detector(checkpoint, 0.5).find_in_file(edf, edf.stem).track.probability
    return load_detector(checkpoint, float(np.quantile(probability, 0.7)), accelerator="cpu")


def test_a_raw_gets_the_events_of_its_file(raw, detector, edf):
    found = detector.find_in_file(edf, edf.stem).events
    annotations = predict(raw, detector)
    assert len(found) == len(annotations) > 0
    np.testing.assert_allclose(annotations.onset, [event.start_s for event in found], atol=0.07)
    assert set(annotations.description) == {"seizure"}
    raw.set_annotations(annotations)
    events, _ = mne.events_from_annotations(raw, verbose="error")
    onset_s = (events[:, 0] - raw.first_samp) / raw.info["sfreq"]
    np.testing.assert_allclose(onset_s, [event.start_s for event in found], atol=0.07)


@pytest.mark.parametrize("measured", [None, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)])
def test_onsets_of_a_cropped_raw_are_where_they_were_found(raw, detector, measured):
    raw.set_meas_date(measured)
    raw.set_annotations(mne.Annotations([], [], [], orig_time=measured))
    cut = raw.copy().crop(20.0)
    cut.set_annotations(predict(cut, detector))
    # The same samples without a past.
    info = mne.create_info(cut.ch_names, cut.info["sfreq"], "eeg")
    fresh = mne.io.RawArray(cut.get_data(), info, verbose="error")
    expected = predict(fresh, detector)
    assert len(expected) > 0
    events, _ = mne.events_from_annotations(cut, verbose="error")
    onset_s = (events[:, 0] - cut.first_samp) / cut.info["sfreq"]
    np.testing.assert_allclose(onset_s, expected.onset, atol=0.01)


def test_what_was_found_can_be_added_to_other_annotations(raw, detector):
    raw.set_annotations(mne.Annotations([1.0], [1.0], ["blink"], raw.info["meas_date"]))
    n_found = len(predict(raw, detector))
    raw.set_annotations(raw.annotations + predict(raw, detector))
    assert len(raw.annotations) == n_found + 1


def test_a_recording_without_a_seizure_has_no_annotation(raw, checkpoint):
    assert len(predict(raw, load_detector(checkpoint, 1.0))) == 0


def test_missing_electrodes_are_named(raw, detector):
    with pytest.raises(UnreadableRecording, match="missing electrodes C3, C4"):
        predict(raw.drop_channels([n for n in raw.ch_names if "C3" in n or "C4" in n]), detector)


def test_track_and_picture_are_written_on_request_and_hold_the_same(
    checkpoint, edf, tmp_path, command
):
    asked = (
        f"input={edf}", f"checkpoint={checkpoint}", f"output={tmp_path}", "accelerator=cpu",
        "on_threshold=0.3",
    )  # fmt: skip
    assert command(VERB, *asked).code == 0
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv_bi", ".tsv"}
    assert command(VERB, *asked, "track=true", "picture=true").code == 0
    assert {p.name for p in tmp_path.iterdir()} == {
        f"{edf.stem}{suffix}" for suffix in (".csv_bi", ".tsv", ".npz", ".png")
    }
    again = decide(
        read_track(tmp_path / f"{edf.stem}.npz"), load_detector(checkpoint, 0.3).settings
    )
    written = read_csv_bi(tmp_path / f"{edf.stem}.csv_bi").events
    assert [e.start_s for e in written] == pytest.approx([e.start_s for e in again], abs=1e-4)
    assert (tmp_path / f"{edf.stem}.png").read_bytes().startswith(b"\x89PNG")
