"""Nothing on the disk is overlooked, and every name can be written anywhere."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.corpus.entry import CorpusError, CorpusRecording, edf_stem, files_below, printable


@given(st.binary(min_size=1, max_size=40))
def test_any_name_becomes_text_that_can_be_written(name):
    shown = printable(os.fsdecode(name))
    assert shown.encode("utf-8")
    if name.decode("utf-8", "replace").encode() == name:
        assert shown == name.decode()


def test_a_recording_has_printable_names_and_the_real_path(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/Ren\xe9.edf"))
    path.touch()
    recording = CorpusRecording(path.stem, path.stem, "", "train", path, None)
    assert recording.stem == recording.patient == r"Ren\xe9"
    assert recording.edf.exists()


def test_every_file_below_is_found_in_order_whatever_links_there_are(tmp_path):
    for place in ("b/2.edf", "a/1.edf", "a/.hidden/x.edf", ".trash.edf"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "elsewhere").symlink_to("/nowhere/at/all")
    (tmp_path / "self.edf").symlink_to("self.edf")
    (tmp_path / "folder.edf").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path)]
    assert found == ["a/1.edf", "b/2.edf", "elsewhere", "self.edf"]
    assert files_below(tmp_path / "nowhere") == files_below(tmp_path / "a" / "1.edf") == []


def test_a_folder_that_cannot_be_opened_stops_with_its_name(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    (tmp_path / "1.edf").touch()
    opened = os.scandir

    def guarded(place):
        if str(place).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(place))
        return opened(place)

    # Root, as whom tests may run, opens every folder.
    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(CorpusError, match=r"closed: cannot be opened \(Permission denied\)"):
        files_below(tmp_path)


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a.edf", "a"), ("a.EDF.GZ", "a"), ("a.b.bdf", "a.b"), (".edf", ""), ("a.edf.seizures", None),
     ("a.rec", None), ("edf", None)],
)  # fmt: skip
def test_an_edf_file_is_known_by_its_name(name, stem):
    assert edf_stem(name) == stem
