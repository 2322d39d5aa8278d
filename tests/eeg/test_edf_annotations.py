"""What EDF+ says beside its signals is read completely, on the clock of the first sample."""

import edfio
import mne
import numpy as np
import pytest

from seizure.eeg.annotation import AnnotationError
from seizure.eeg.edf import read_edf
from seizure.eeg.edf_annotations import EdfAnnotation, read_annotations
from seizure.eeg.recording import UnreadableRecording

LABELS = ("Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Fz", "Cz",
          "Pz", "Fp2", "F4", "C4", "P4", "F8", "T4", "T6", "O2")  # fmt: skip


def _plus(sketch, tails, kind="EDF+C", **changes):
    return sketch(
        labels=(*sketch().labels, "EDF Annotations"),
        samples_per_record=(250,) * 19 + (60,),
        n_records=len(tails),
        reserved=kind,
        record_tails=[tail.encode("latin-1") for tail in tails],
        **changes,
    )


@pytest.fixture
def written_by_edfio(tmp_path):
    path = tmp_path / "plus.edf"
    rng = np.random.default_rng(0)
    signals = [
        edfio.EdfSignal(rng.normal(0, 50, 2560), 256, label=name, physical_dimension="uV")
        for name in LABELS
    ]
    remarks = [
        edfio.EdfAnnotation(2.5, 4.0, "Seizure, left temporal"),
        edfio.EdfAnnotation(0.25, None, "Eyes closed"),
        edfio.EdfAnnotation(8.0, 0.5, "Spasme n° 1"),
    ]
    edfio.Edf(signals, annotations=remarks).write(path)
    return path


def test_what_another_program_wrote_is_read(written_by_edfio):
    assert read_annotations(written_by_edfio) == (
        EdfAnnotation(0.25, None, "Eyes closed"),
        EdfAnnotation(2.5, 4.0, "Seizure, left temporal"),
        EdfAnnotation(8.0, 0.5, "Spasme n° 1"),
    )
    theirs = mne.read_annotations(written_by_edfio)
    found = read_annotations(written_by_edfio)
    assert [a.onset_s for a in found] == pytest.approx(theirs.onset)
    assert read_edf(written_by_edfio).n_samples == 2560


def test_onsets_count_from_the_first_sample(sketch, edf_file):
    tails = ["+0.500\x14\x14\0+2.5\x151\x14sz\x14\0", "+1.5\x14\x14\0"]
    assert read_annotations(edf_file(_plus(sketch, tails))) == (EdfAnnotation(2.0, 1.0, "sz"),)


def test_several_texts_at_one_time_and_latin_1_are_read(sketch, edf_file):
    tails = ["+0\x14\x14\0+1\x14one\x14two \xb5V\x14\0"]
    assert [a.text for a in read_annotations(edf_file(_plus(sketch, tails)))] == ["one", "two µV"]


def test_a_plain_file_has_no_annotations(sketch, edf_file):
    assert read_annotations(edf_file(sketch())) == ()


def test_garbled_annotations_are_refused_with_their_record(sketch, edf_file):
    path = edf_file(_plus(sketch, ["+0\x14\x14\0", "+1\x14\x14\0sz at 3\x14\0"]))
    with pytest.raises(AnnotationError, match=r"recording\.edf: found b'sz at 3.*record 1"):
        read_annotations(path)


@pytest.mark.parametrize("kind", ["EDF+C", "EDF+D"])
def test_a_record_without_its_time_is_refused(sketch, edf_file, kind):
    for tails in (["+0\x14\x14\0", ""], ["+0\x14\x14\0", "shifted"], ["shifted", "shifted"]):
        with pytest.raises(UnreadableRecording, match="where a record should state its time"):
            read_edf(edf_file(_plus(sketch, tails, kind)))


def test_a_wrong_record_duration_shows_in_the_times(sketch, edf_file):
    tails = ["+0\x14\x14\0", "+1\x14\x14\0", "+2\x14\x14\0"]
    with pytest.raises(UnreadableRecording, match="gap before record 1"):
        read_edf(edf_file(_plus(sketch, tails, record_s="2")))


def test_a_continuous_file_that_keeps_no_times_is_read(sketch, edf_file):
    assert read_edf(edf_file(_plus(sketch, ["\0", "\0"]))).n_samples == 500


def test_annotations_count_even_where_the_header_forgets_to_say_edf_plus(sketch, edf_file):
    tails = ["+0\x14\x14\0+0.5\x151\x14sz\x14\0", "+1\x14\x14\0"]
    path = edf_file(_plus(sketch, tails, kind=""))
    assert read_annotations(path) == (EdfAnnotation(0.5, 1.0, "sz"),)
    assert read_edf(path).n_samples == 500
    with pytest.raises(UnreadableRecording, match="gap before record 1"):
        read_edf(edf_file(_plus(sketch, ["+0\x14\x14\0", "+9\x14\x14\0"], kind="")))
