"""Whatever an annotation file holds: seizures with a time, or a refusal that names the file."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seizure.corpus.chbmit import read_summary
from seizure.eeg.annotation import AnnotationError, read_csv, read_csv_bi
from seizure.eeg.annotation_tsv import read_events_tsv
from seizure.eeg.annotation_wfdb import read_wfdb_seizures

CSV = (
    "# version = csv_v1.0.0\n# duration = 100.0000 secs\n#\n"
    "channel,start_time,stop_time,label,confidence\n"
    "TERM,0.0000,10.0000,bckg,1.0000\nTERM,10.0000,30.5000,seiz,0.9000\n"
)
TSV = (
    "onset\tduration\teventType\tconfidence\n10.00\t20.50\tsz_foc_ia\t0.90\n50.00\t2.00\tsz\tn/a\n"
)
SUMMARY = (
    "File Name: chb01_03.edf\nNumber of Seizures in File: 1\n"
    "Seizure Start Time: 10 seconds\nSeizure End Time: 30 seconds\n"
)
NOTE = b"## time resolution: 256"
WFDB = (
    (22 << 10).to_bytes(2, "little")
    + (63 << 10 | len(NOTE)).to_bytes(2, "little")
    + NOTE
    + b"\0"
    + (32 << 10 | 512).to_bytes(2, "little")
    + (33 << 10 | 1000).to_bytes(2, "little")
    + b"\0\0"
)
READERS = {
    "csv_bi": (lambda path: read_csv_bi(path).events, CSV.encode()),
    "csv": (read_csv, CSV.encode()),
    "tsv": (read_events_tsv, TSV.encode()),
    "summary": (lambda path: sum(read_summary(path).values(), ()), SUMMARY.encode()),
    "seizures": (read_wfdb_seizures, WFDB),
}
SPICE = st.sampled_from(
    [b"", b"nan", b"inf", b"-1", b"1e308", b"1e-320", b",", b"\t", b"\n", b"\0", b"\xff", b"#",
     b"bckg", b"sz", b"seiz", b"Start", b"End", b"9" * 30, b"\xef\xbb\xbf", b"\r", b"\x85"]
)  # fmt: skip


def _check(name, content):
    """The law: every event lies in time and has a length, or the reader raises for this file."""
    reader, _ = READERS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annotation"
        path.write_bytes(content)
        reason = ""
        events = ()
        try:
            events = reader(path)
        except AnnotationError as error:
            reason = str(error)
    if reason:
        assert str(path) in reason
        return None
    for event in events:
        assert 0 <= event.start_s < event.stop_s < float("inf")
    return events


@pytest.mark.parametrize("name", READERS)
def test_the_sound_files_are_read(name):
    events = _check(name, READERS[name][1])
    assert len(events) == (2 if name == "tsv" else 1)
    assert events[0].start_s == pytest.approx(2 if name == "seizures" else 10)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(READERS)), content=st.binary(max_size=200))
def test_any_bytes_are_events_or_a_refusal(name, content):
    _check(name, content)


@settings(max_examples=600, deadline=None)
@given(
    name=st.sampled_from(sorted(READERS)),
    place=st.integers(0, 200),
    n_lost=st.integers(0, 12),
    spice=st.one_of(SPICE, st.binary(max_size=3)),
)
def test_a_damaged_place_gives_events_or_a_refusal(name, place, n_lost, spice):
    sound = READERS[name][1]
    place = min(place, len(sound))
    _check(name, sound[:place] + spice + sound[place + n_lost :])


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(["csv_bi", "csv", "tsv", "seizures"]), data=st.data())
def test_a_file_that_was_cut_off_never_gains_a_seizure(name, data):
    sound = READERS[name][1]
    whole = _check(name, sound)
    events = _check(name, sound[: data.draw(st.integers(0, len(sound) - 1))])
    assert events is None or len(events) <= len(whole)
