"""A compressed or a 24-bit file holds what the plain one holds, or is refused."""

import gzip

import mne
import numpy as np
import pytest

from seizure.eeg.edf import read_edf
from seizure.eeg.recording import UnreadableRecording


def test_a_compressed_file_is_read_like_the_plain_one(sketch, edf_file):
    content = sketch(n_records=10).to_bytes()
    plain = read_edf(edf_file(content))
    packed = read_edf(edf_file(gzip.compress(content)))
    np.testing.assert_array_equal(packed.signal_uv, plain.signal_uv)
    assert packed.issues == plain.issues == ()


@pytest.mark.parametrize("damage", ["cut", "flip", "junk"])
def test_a_damaged_compressed_file_is_refused(sketch, edf_file, damage):
    packed = bytearray(gzip.compress(sketch(n_records=10).to_bytes()))
    if damage == "cut":
        del packed[-1000:]
    elif damage == "flip":
        packed[len(packed) // 2] ^= 0x10
    else:
        packed[2:] = b"junk"
    with pytest.raises(UnreadableRecording, match="damaged gzip stream"):
        read_edf(edf_file(bytes(packed)))


def _bdf(sketch, **changes):
    """The sketch as BDF, its samples spread over all 24 bits; and its µV at 1/32 µV a step."""
    drawn = sketch(
        version=b"\xffBIOSEMI", reserved="24BIT", digital_min="-8388608", digital_max="8388607",
        physical_min="-262144", physical_max="262143.9", **changes,
    )  # fmt: skip
    digital = [256 * d.astype(np.int64) * 30 - 7 for d in drawn.digital()]
    records = [
        b"".join(
            np.ascontiguousarray(d[r].astype("<i4")).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
            for d in digital
        )
        for r in range(drawn.n_records)
    ]
    header = drawn.to_bytes()[: 256 * (len(drawn.labels) + 1)]
    return header + b"".join(records), digital


def test_a_bdf_file_is_read_as_mne_reads_it(sketch, tmp_path):
    content, digital = _bdf(sketch)
    path = tmp_path / "recording.bdf"
    path.write_bytes(content)
    recording = read_edf(path)
    raw = mne.io.read_raw_bdf(path, verbose="error")
    expected_uv = 1e6 * np.asarray(raw.get_data())
    first = recording.signal_uv[recording.channel_names.index("Fp1")]
    np.testing.assert_allclose(first, expected_uv[0], rtol=1e-6, atol=0.05)
    assert np.abs(digital[0]).max() > 1 << 20
    np.testing.assert_allclose(first, digital[0].ravel() / 32, rtol=1e-5, atol=0.1)


def test_a_bdf_file_that_is_cut_off_keeps_its_whole_records(sketch, edf_file):
    content, _ = _bdf(sketch)
    recording = read_edf(edf_file(content[:-1]))
    assert recording.is_truncated
    assert recording.n_samples == 750


def test_24_bits_in_an_edf_file_are_refused(sketch, edf_file):
    content, _ = _bdf(sketch)
    with pytest.raises(UnreadableRecording, match=r"within 16 bits|wrong in the header"):
        read_edf(edf_file(b"0       " + content[8:]))


def test_a_folder_is_refused_by_name(tmp_path):
    with pytest.raises(UnreadableRecording, match="cannot be opened"):
        read_edf(tmp_path)
