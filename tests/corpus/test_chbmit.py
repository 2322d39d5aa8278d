"""CHB-MIT is read with all its quirks, and refused where its sources contradict each other."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.corpus.chbmit import ChbmitCorpus, read_summary
from seizure.corpus.entry import CorpusError
from seizure.corpus.split import SplitPlan, audit_splits
from seizure.eeg.annotation import AnnotationError, Event

HEAD = "Data Sampling Rate: 256 Hz\n*************************\n\nChannel 1: FP1-F7\n\n"


def _entry(name, *lines, count=None):
    n = len([x for x in lines if "Start" in x]) if count is None else count
    times = "File Start Time: 23:50:01\nFile End Time: 24:50:17\n"
    return f"File Name: {name}\n{times}Number of Seizures in File: {n}\n" + "".join(
        f"{line}\n" for line in lines
    )


def _wfdb(*seconds):
    """A `.seizures` file as PhysioNet's are: a note with the resolution, then starts and ends."""

    def word(code, interval):
        return (code << 10 | interval).to_bytes(2, "little")

    note = b"## time resolution: 256"
    content = word(22, 0) + word(63, len(note)) + note + b"\0" * (len(note) % 2)
    clock = 0
    for place, second in enumerate(seconds):
        step = second * 256 - clock
        high, low = step >> 16 & 0xFFFF, step & 0xFFFF
        content += word(59, 0) + high.to_bytes(2, "little") + low.to_bytes(2, "little")
        content += word(33 if place % 2 else 32, 0)
        clock += step
    return content + b"\0\0"


@pytest.fixture
def tree(tmp_path):
    summaries = {
        "chb01": _entry("chb01_02.edf")
        + _entry(
            "chb01_03.edf", "Seizure Start Time: 2996 seconds", "Seizure End Time: 3036 seconds"
        ),
        "chb02": _entry("chb02_16+.edf", "Seizure Start Time:  130 seconds ",
                        "Seizure End Time:  212 seconds "),
        "chb09": _entry("chb09_08.edf", "Seizure 1 Start Time: 2951 seconds",
                        "Seizure 1 End Time: 3030 seconds", "Seizure 2 Start Time: 9196 seconds",
                        "Seizure 1 End Time: 9267 seconds"),
        "chb21": _entry("chb21_19.edf", "Seizure Start Time: 1288 seconds",
                        "Seizure End Time: 1344 seconds"),
        "chb24": _entry("chb24_01.edf", "Seizure 1 Start Time: 480 seconds",
                        "Seizure 1 End Time: 505 seconds"),
    }  # fmt: skip
    for folder, text in summaries.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}-summary.txt").write_text(HEAD + text)
    for name in ("chb01_02", "chb01_03", "chb02_16+", "chb09_08", "chb21_19", "chb24_01",
                 "chb24_02"):  # fmt: skip
        (tmp_path / name[:5] / f"{name}.edf").touch()
    return tmp_path


def _events(tree, stem):
    corpus = ChbmitCorpus(tree)
    return corpus.events(next(r for r in corpus.recordings() if r.stem == stem))


def test_every_recording_is_found_and_no_child_is_in_two_splits(tree):
    found = ChbmitCorpus(tree).recordings()
    assert [r.stem for r in found] == [
        "chb01_02", "chb01_03", "chb02_16+", "chb09_08", "chb21_19", "chb24_01", "chb24_02",
    ]  # fmt: skip
    assert {r.patient for r in found} == {"chb01", "chb02", "chb09", "chb24"}
    assert next(r for r in found if r.session == "chb21").patient == "chb01"
    assert {r.split for r in found} == {"train", "dev", "eval"}
    audit_splits(found)
    assert pickle.loads(pickle.dumps(ChbmitCorpus(tree))).recordings() == found


def test_children_may_be_named_for_the_splits(tree):
    plan = SplitPlan(dev_patients=("chb09",), eval_patients=("chb01",))
    splits = {r.stem: r.split for r in ChbmitCorpus(tree, plan).recordings()}
    assert splits["chb01_02"] == splits["chb21_19"] == "eval"
    assert splits["chb09_08"] == "dev"
    assert splits["chb24_01"] == "train"


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("chb01_02", ()),
        ("chb01_03", (Event(2996, 3036),)),
        ("chb02_16+", (Event(130, 212),)),
        ("chb09_08", (Event(2951, 3030), Event(9196, 9267))),
        ("chb24_01", (Event(480, 505),)),
    ],
)
def test_every_wording_of_the_summaries_is_read(tree, stem, expected):
    assert _events(tree, stem) == expected


def test_a_recording_that_no_source_names_is_never_silence(tree):
    with pytest.raises(AnnotationError, match=r"chb24_02\.edf: found no annotation"):
        _events(tree, "chb24_02")
    before = {r.stem: r.key for r in ChbmitCorpus(tree).recordings()}
    (tree / "RECORDS-WITH-SEIZURES").write_text("chb01/chb01_03.edf\nchb24/chb24_01.edf\n")
    assert _events(tree, "chb24_02") == ()
    assert {r.stem: r.key for r in ChbmitCorpus(tree).recordings()} != before


def test_binary_annotations_serve_where_the_summary_is_silent(tree):
    (tree / "chb24" / "chb24_02.edf.seizures").write_bytes(_wfdb(10, 20, 2996, 3036))
    assert _events(tree, "chb24_02") == (Event(10, 20), Event(2996, 3036))


def test_sources_that_agree_are_one_and_those_that_do_not_are_refused(tree):
    beside = tree / "chb01" / "chb01_03.edf.seizures"
    beside.write_bytes(_wfdb(2996, 3036))
    assert _events(tree, "chb01_03") == (Event(2996, 3036),)
    beside.write_bytes(_wfdb(2596, 3036))
    with pytest.raises(AnnotationError, match=r"summary says 2996-3036 s.*says 2596-3036 s"):
        _events(tree, "chb01_03")
    beside.write_bytes(_wfdb())
    with pytest.raises(AnnotationError, match="says none"):
        _events(tree, "chb01_03")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_wfdb(10, 20)[:-2], "no end mark"),
        (_wfdb(10), "1 starts and 0 ends"),
        (_wfdb(20, 10), "must start"),
        (b"\0\0", "no time resolution"),
    ],
)
def test_a_damaged_binary_annotation_is_refused(tree, content, reason):
    (tree / "chb24" / "chb24_02.edf.seizures").write_bytes(content)
    with pytest.raises(AnnotationError, match=reason):
        _events(tree, "chb24_02")


@pytest.mark.parametrize(
    ("lines", "count", "reason"),
    [
        (["Seizure Start Time: 10 seconds"], 1, r"found 0.5 seizures of a\.edf, expected .* 1"),
        (["Seizure Start Time: 10 seconds", "Seizure End Time: 20 seconds"], 0, "stated 0"),
        ([], 1, "found 0 seizures"),
        (["Seizure End Time: 10 seconds", "Seizure Start Time: 20 seconds"], 1, "in turn"),
        (["Seizure Start Time: 20 seconds", "Seizure End Time: 10 seconds"], 1, "must start"),
    ],
)
def test_a_summary_that_contradicts_itself_is_refused_by_line(tmp_path, lines, count, reason):
    path = tmp_path / "chb01-summary.txt"
    path.write_text(HEAD + _entry("a.edf", *lines, count=count))
    with pytest.raises(AnnotationError, match=reason) as caught:
        read_summary(path)
    assert str(path) in str(caught.value)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 900)), max_size=3), max_size=6
    ),
    st.booleans(),
)
def test_what_is_written_in_a_summary_is_read(tmp_path_factory, files, numbered):
    text = HEAD
    for number, seizures in enumerate(files):
        lines = []
        for place, (start, length) in enumerate(seizures, start=1):
            which = f" {place}" if numbered else ""
            lines.append(f"Seizure{which} Start Time: {start} seconds")
            lines.append(f"Seizure{which} End Time: {start + length} seconds")
        text += _entry(f"chb01_{number:02d}.edf", *lines)
    path = tmp_path_factory.mktemp("chb") / "chb01-summary.txt"
    path.write_text(text)
    assert read_summary(path) == {
        f"chb01_{number:02d}.edf": tuple(Event(s, s + n) for s, n in seizures)
        for number, seizures in enumerate(files)
    }


def test_what_was_looked_for_is_said(tmp_path):
    for root in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(CorpusError, match=r"no EDF file in a folder chbNN.*corpus\.root"):
            ChbmitCorpus(root).recordings()


def test_other_files_of_the_download_are_no_recordings(tree):
    before = [r.stem for r in ChbmitCorpus(tree).recordings()]
    for place in ("chb01/old/chb01_03.edf", "notes/a.edf", "chb01/._chb01_03.edf", "ANNOTATORS",
                  "chb01/chb01_03.edf.seizures.bak"):  # fmt: skip
        (tree / place).parent.mkdir(exist_ok=True)
        (tree / place).touch()
    assert [r.stem for r in ChbmitCorpus(tree).recordings()] == before
