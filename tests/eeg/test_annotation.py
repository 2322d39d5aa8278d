"""Annotation files are read exactly, and refused by file and line where they are unclear."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.eeg.annotation import (
    AnnotationError,
    Event,
    merge_events,
    read_csv,
    read_csv_bi,
)

HEAD = "# version = csv_v1.0.0\n# bname = a\n# duration = 100.0000 secs\n#\n"
COLUMNS = "channel,start_time,stop_time,label,confidence\n"


@pytest.fixture
def written(tmp_path):
    def write(text, name="a.csv_bi"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def test_the_official_files_are_read_as_the_official_parser_reads_them(shared_folder):
    folder = shared_folder / "oracles/nedc_v6_public"
    official = json.loads((folder / "nedc.json").read_text())["per_file"]
    n_files = n_events = 0
    for side in ("ref", "hyp"):
        for path in sorted((folder / side).glob("*.csv_bi")):
            found = read_csv_bi(path)
            theirs = official[path.name]
            assert [[e.start_s, e.stop_s] for e in found.events] == theirs[
                f"{side}_seiz_after_nedc_parse"
            ]
            assert found.duration_s == theirs["duration_s"]
            assert found.recording_name == path.stem
            rows = [line.split(",") for line in path.read_text().splitlines() if ",seiz," in line]
            assert [(e.label, e.confidence) for e in found.events] == [
                (row[3], float(row[4])) for row in rows
            ]
            n_files += 1
            n_events += len(found.events)
    assert (n_files, n_events) == (60, 759)


def test_only_background_means_no_event(written):
    found = read_csv_bi(written(HEAD + COLUMNS + "TERM,0.0000,100.0000,bckg,1.0000\n"))
    assert found.events == ()
    assert found.duration_s == 100


def test_windows_line_ends_and_a_byte_order_mark_are_read(written):
    text = (HEAD + COLUMNS + "TERM, 1.5, 2.5, seiz, 0.5\n").replace("\n", "\r\n")
    assert read_csv_bi(written(b"\xef\xbb\xbf" + text.encode())).events == (
        Event(1.5, 2.5, "seiz", 0.5),
    )


def test_events_are_sorted_and_overlaps_stay(written):
    rows = "TERM,50,60,seiz,1\nTERM,10,30,seiz,1\nTERM,20,40,seiz,1\n"
    found = read_csv_bi(written(HEAD + COLUMNS + rows))
    assert found.events == (Event(10, 30), Event(20, 40), Event(50, 60))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("TERM,1.0,2.0,seiz", "found 4 fields"),
        ("TERM,1.0,2.0,seiz,1,1", "found 6 fields"),
        ("TERM,one,2.0,seiz,1", "numbers in start_time"),
        ("TERM,nan,2.0,seiz,1", "0 <= start < stop"),
        ("TERM,2.0,2.0,seiz,1", "0 <= start < stop"),
        ("TERM,5.0,2.0,seiz,1", "0 <= start < stop"),
        ("TERM,-1.0,2.0,seiz,1", "0 <= start < stop"),
        ("TERM,1.0,inf,seiz,1", "0 <= start < stop"),
        ("TERM,1.0,2.0,seiz,1.5", "0 <= start < stop"),
        ("TERM,1.0,2.0,fnsz,1", "label 'fnsz'"),
        ("TERM,1.0,102.0,seiz,1", "at most the duration"),
        ("FP1-F7,1.0,2.0,seiz,1", "TERM"),
    ],
)
def test_an_unclear_row_is_refused_by_file_and_line(written, row, reason):
    path = written(HEAD + COLUMNS + "TERM,0.0,1.0,bckg,1\n" + row + "\n")
    with pytest.raises(AnnotationError, match=reason) as caught:
        read_csv_bi(path)
    assert f"{path}, line 7:" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the end of the file"),
        (HEAD, "the end of the file"),
        (HEAD + COLUMNS, "cut off"),
        (HEAD + "TERM,0,1,seiz,1\n", "expected the columns"),
        (COLUMNS + "TERM,0,1,seiz,1\n", "duration None"),
        ("# duration = soon\n" + COLUMNS + "TERM,0,1,seiz,1\n", "duration 'soon'"),
        (b"\xff\xfe\x00", "not text"),
    ],
)
def test_an_unclear_file_is_refused_by_name(written, text, reason):
    path = written(text)
    with pytest.raises(AnnotationError, match=reason) as caught:
        read_csv_bi(path)
    assert str(path) in str(caught.value)


def test_channels_of_one_type_merge_and_types_stay_apart(written):
    rows = (
        "FP1-F7,10,20,fnsz,1\nF7-T3,15,30,fnsz,1\nT3-T5,30,35,fnsz,1\n"
        "FP1-F7,50,60,gnsz,1\nF7-T3,12,18,gnsz,1\nFP1-F7,0,10,bckg,1\n"
    )
    assert read_csv(written(HEAD + COLUMNS + rows, "a.csv")) == (
        Event(10, 35, "fnsz"),
        Event(12, 18, "gnsz"),
        Event(50, 60, "gnsz"),
    )


def test_an_unknown_type_is_refused(written):
    with pytest.raises(AnnotationError, match="label 'sneeze'"):
        read_csv(written(HEAD + COLUMNS + "FP1-F7,1,2,sneeze,1\n", "a.csv"))


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(1, 20)).map(
            lambda pair: Event(pair[0], pair[0] + pair[1])
        )
    )
)
def test_merged_events_cover_the_same_seconds_once(events):
    merged = list(merge_events(events))
    covered = {s for e in events for s in range(int(e.start_s), int(e.stop_s))}
    assert sum(e.duration_s for e in merged) == len(covered)
    assert covered == {s for e in merged for s in range(int(e.start_s), int(e.stop_s))}
    assert all(a.stop_s < b.start_s for a, b in pairwise(merged))
