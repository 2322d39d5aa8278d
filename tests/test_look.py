"""Looking at a file: the page asked for, its annotations from wherever, faults in words."""

import shutil
from pathlib import Path

import edfio
import numpy as np
import pytest
from PIL import Image

from seizure import look
from seizure.cache.build import cache_folder
from seizure.cache.shard import read_header
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.channels import CANONICAL_19

DATA = Path(__file__).parents[2] / "shared" / "data"
CHB = DATA / "chb01_03_crop"
CSV = "# duration = 40.0 secs\nchannel,start_time,stop_time,label,confidence\n"
TSV = "onset\tduration\teventType\n"


@pytest.fixture
def edf(tmp_path, monkeypatch):
    """An EDF file of 40 s in the current folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    signals = [
        edfio.EdfSignal(
            rng.normal(0, 20, 40 * 250).clip(-490, 490),
            250,
            label=f"EEG {name.upper()}-REF",
            physical_dimension="uV",
            physical_range=(-500, 500),
        )
        for name in CANONICAL_19
    ]
    remarks = [edfio.EdfAnnotation(21.0, None, "eyes closed")]
    edfio.Edf(signals, annotations=remarks).write(tmp_path / "night.edf")
    return tmp_path / "night.edf"


def test_a_page_is_a_picture_in_the_current_folder(edf, command):
    ended = command(look.VERB, "recording=night.edf", "at=12.5")
    assert ended.code == 0
    assert "page night_12.5s.png" in ended.out
    with Image.open("night_12.5s.png") as picture:
        assert min(picture.size) > 900
        assert np.asarray(picture.convert("L")).std() > 10
    assert {path.name for path in edf.parent.iterdir()} == {"night.edf", "night_12.5s.png"}


@pytest.mark.parametrize("name", ["a/b.png", "b.PDF", "b.svg"])
def test_output_names_the_file(edf, command, name):
    assert command(look.VERB, "recording=night.edf", f"output={name}", "page_s=2").code == 0
    assert Path(name).stat().st_size > 1000


@pytest.mark.parametrize(
    ("beside", "text"),
    [
        ("night.csv_bi", CSV + "TERM,30.0,35.0,seiz,1.0\n"),
        ("night.csv", CSV + "FP1-F7,30.0,35.0,seiz,1.0\n"),
        ("night.tsv", TSV + "30\t5\tsz\n"),
        ("night_events.tsv", TSV + "30\t5\tsz\n"),
        ("here-summary.txt", "File Name: night.edf\nNumber of Seizures in File: 1\n"
         "Seizure Start Time: 30 seconds\nSeizure End Time: 35 seconds\n"),
    ],
)  # fmt: skip
def test_annotations_beside_the_file_are_found_and_the_first_page_holds_the_onset(
    edf, command, beside, text
):
    # CHB-MIT names its summary after the folder.
    folder = edf.parent / "here"
    folder.mkdir()
    shutil.move(edf, folder)
    (folder / beside).write_text(text)
    ended = command(look.VERB, "recording=here/night.edf")
    assert ended.code == 0, ended.err
    assert "seiz 30-35 s" in ended.out
    assert Path("night_25s.png").is_file()


def test_without_annotations_the_first_page_is_shown_and_it_is_said(edf, command):
    ended = command(look.VERB, "recording=night.edf")
    assert "no annotation of seizures beside it" in ended.out
    assert Path("night_0s.png").is_file()
    remark = look.read_annotated(edf, look.Preprocessing()).remarks
    assert [(r.onset_s, r.text) for r in remark] == [(21.0, "eyes closed")]


def test_annotations_that_cannot_be_read_are_said_and_the_eeg_is_drawn(edf, command):
    edf.with_suffix(".csv_bi").write_text("nothing\n")
    ended = command(look.VERB, "recording=night.edf")
    assert ended.code == 0
    assert "night.csv_bi, line 1: found 'nothing'" in ended.out
    assert Path("night_0s.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recording=nowhere.edf"], "recording: neither a file nor the name of a recording"),
        (["recording=."], "it is a folder"),
        (["recording=night.edf", "at=40"], "at: found 40 s, expected at least 0 and less than 40"),
        (["recording=night.edf", "at=-1"], "at: found -1 s"),
        (["recording=night.edf", "page_s=0"], "page_s must be above 0"),
        (["recording=night.edf", "scale_uv=-5"], "scale_uv must be above 0"),
        (["recording=night.edf", "output=page.doc"], "expected a name in .png, .pdf, .svg"),
        (["recording=night.edf", "output=night.edf/a.png"], "cannot be written"),
        (["recording=night.edf", "preprocess.band_high_hz=127.9"], "holds nothing above 125 Hz"),
        (["recording=letter.edf"], "letter.edf: "),
        (["recording=night.edf", "att=4"], "the nearest known key is 'at'"),
        ([], "recording: no value"),
    ],
)
def test_bad_input_ends_with_2_in_words_and_leaves_nothing(edf, command, arguments, message):
    Path("letter.edf").write_text("this is a letter, not an EEG\n")
    ended = command(look.VERB, *arguments)
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert {path.name for path in edf.parent.iterdir()} == {"night.edf", "letter.edf"}


def test_a_shard_shows_what_its_edf_shows(quick, trained, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    entry = next(
        e
        for corpus in [TuszCorpus(quick.corpus)]
        for e in corpus.recordings()
        if e.split == "train" and corpus.events(e)
    )
    # Other tests prepare the same recordings in other ways.
    preprocess = quick.config().preprocess
    made = cache_folder(quick.folder / "data" / "cache", "tiny", preprocess)
    cache = tmp_path / "cache"
    (cache / "tiny").mkdir(parents=True)
    (cache / "tiny" / made.name).symlink_to(made)
    shard = look.find(Path(entry.stem), cache)
    assert shard.name == f"{entry.stem}.npz"
    stored, source = (look.read_annotated(p, preprocess) for p in (shard, entry.edf))
    assert stored.is_filtered
    assert stored.seizures is not None
    assert source.seizures is not None
    assert [e.label for e in stored.seizures] == [e.label for e in source.seizures]
    page = look.cut_page(stored.recording, 10.0, 5.0)
    filtered = look.cut_page(source.recording, 10.0, 5.0, preprocess)
    np.testing.assert_allclose(page.signal_uv, filtered.signal_uv, atol=0.1)
    assert page.duration_s == 5.0
    assert read_header(shard).meta["stem"] == entry.stem
    ended = command(look.VERB, f"recording={entry.stem}", f"paths.cache={cache}", "at=10")
    assert ended.code == 0
    assert (tmp_path / f"{entry.stem}_10s.png").is_file()
    ended = command(look.VERB, f"recording={shard}", "filtered=false")
    assert ended.code == 2
    assert "give the EDF file" in ended.err


def test_a_name_in_two_caches_is_refused(tmp_path):
    for key in ("aaaa", "bbbb"):
        (tmp_path / "c" / key / "dev").mkdir(parents=True)
        (tmp_path / "c" / key / "dev" / "x.npz").touch()
    with pytest.raises(look.ConfigError, match="in several caches"):
        look.find(Path("x"), tmp_path)


@pytest.mark.skipif(not CHB.is_dir(), reason=f"no real EEG in {CHB}")
def test_a_real_bipolar_recording_is_drawn(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    clip = CHB / "chb01_03_Seizure.edf"
    assert command(look.VERB, f"recording={clip}").code == 2  # its electrodes cannot be had
    ended = command(look.VERB, f"recording={clip}", "preprocess=bipolar", "filtered=false")
    assert ended.code == 0
    assert (tmp_path / "chb01_03_Seizure_0s.png").stat().st_size > 100_000
