import itertools
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.eeg.annotation import Event, read_csv_bi
from seizure.events.export import write_atomically, write_csv_bi, write_tsv

START = datetime(2026, 1, 2, 3, 4, 5)


def read_tsv(path):
    header, *rows = [line.split("\t") for line in path.read_text().splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]


events_drawn = st.lists(st.integers(0, 36_000_000), min_size=0, max_size=20, unique=True).map(
    lambda cuts: tuple(
        Event(a / 1e4, b / 1e4)
        for a, b in zip(sorted(cuts)[0::2], sorted(cuts)[1::2], strict=False)
    )
)


@given(events=events_drawn)
def test_csv_bi_comes_back_as_it_was_written(tmp_path_factory, events):
    path = write_csv_bi(tmp_path_factory.mktemp("x") / "a_s001_t000.csv_bi", events, 3600.0)
    read = read_csv_bi(path)
    assert read.duration_s == 3600.0
    assert read.recording_name == "a_s001_t000"
    assert read.events == events


@given(events=events_drawn)
def test_csv_bi_rows_cover_the_recording_without_overlap(tmp_path_factory, events):
    path = write_csv_bi(tmp_path_factory.mktemp("x") / "a.csv_bi", events, 3600.0)
    rows = [r.split(",") for r in path.read_text().splitlines() if r.startswith("TERM")]
    assert rows[0][1] == "0.0000"
    assert rows[-1][2] == "3600.0000"
    assert all(a[2] == b[1] and a[3] != b[3] for a, b in itertools.pairwise(rows))


def test_a_silent_recording_is_one_background_row_in_both_formats(tmp_path):
    csv = write_csv_bi(tmp_path / "a.csv_bi", (), 61.5)
    assert [r for r in csv.read_text().splitlines() if r.startswith("TERM")] == [
        "TERM,0.0000,61.5000,bckg,1.0000"
    ]
    (row,) = read_tsv(write_tsv(tmp_path / "a.tsv", (), 61.5, START))
    assert row["eventType"] == "bckg"
    assert row["duration"] == row["recordingDuration"] == "61.5000"


def test_tsv_has_the_columns_and_times_of_szcore(tmp_path):
    (row,) = read_tsv(write_tsv(tmp_path / "a.tsv", (Event(1.25, 20.5, "seiz", 0.9),), 60.0, START))
    assert list(row) == [
        "onset",
        "duration",
        "eventType",
        "confidence",
        "channels",
        "dateTime",
        "recordingDuration",
    ]
    assert row == {
        "onset": "1.2500",
        "duration": "19.2500",
        "eventType": "sz",
        "confidence": "0.9000",
        "channels": "n/a",
        "dateTime": "2026-01-02 03:04:05",
        "recordingDuration": "60.0000",
    }


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ((Event(0, 5), Event(4, 6)), "does not start after"),
        ((Event(0, 5), Event(5, 6)), "does not start after"),
        ((Event(7, 8), Event(4, 6)), "does not start after"),
        ((Event(50, 61),), "after the recording"),
    ],
)
def test_events_that_overlap_touch_or_pass_the_end_are_refused(tmp_path, events, message):
    for write in (
        lambda: write_csv_bi(tmp_path / "a.csv_bi", events, 60.0),
        lambda: write_tsv(tmp_path / "a.tsv", events, 60.0, START),
    ):
        with pytest.raises(ValueError, match=message):
            write()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_no_temporary(tmp_path):
    path = write_atomically(tmp_path / "a.txt", "old")
    with pytest.raises(TypeError):
        write_atomically(path, b"no text")  # pyright: ignore[reportArgumentType]
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
