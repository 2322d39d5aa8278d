"""The cache holds the montage that was asked for, and says what was interpolated."""

import shutil

import numpy as np
import pytest

from seizure.cache.build import build_cache, cache_folder
from seizure.cache.fingerprint import fingerprint, preprocessing_hash
from seizure.cache.index import CacheIndex
from seizure.cache.shard import read_shard
from seizure.cache.workers import Workers
from seizure.corpus.chbmit import ChbmitCorpus
from seizure.corpus.edf_folder import EdfFolderCorpus
from seizure.corpus.entry import CorpusError
from seizure.corpus.split import SplitPlan
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.channels import BIPOLAR_18, CANONICAL_19
from seizure.eeg.edf import read_edf
from seizure.eeg.filtering import Preprocessing, filter_recording

BIPOLAR = Preprocessing(montage="bipolar")
SUMMARY = (
    "File Name: chb01_03.edf\nNumber of Seizures in File: 1\nSeizure Start Time: 1 seconds\n"
    "Seizure End Time: 41 seconds\n\nFile Name: chb01_04.edf\nNumber of Seizures in File: 0\n"
)


@pytest.fixture
def chbmit(request, tmp_path):
    crops = request.config.rootpath.parent / "shared/data/chb01_03_crop"
    if not crops.is_dir():
        pytest.skip(f"real EEG is not here: {crops} does not exist")
    folder = tmp_path / "chbmit" / "chb01"
    folder.mkdir(parents=True)
    shutil.copy(crops / "chb01_03_Seizure.edf", folder / "chb01_03.edf")
    shutil.copy(crops / "chb01_03_NonSeizure.edf", folder / "chb01_04.edf")
    (folder / "chb01-summary.txt").write_text(SUMMARY)
    return ChbmitCorpus(tmp_path / "chbmit", SplitPlan(dev_share=0, eval_share=0))


def test_real_derivations_are_in_the_cache_as_they_were_filtered(chbmit, tmp_path):
    folder = tmp_path / "cache"
    report = build_cache(chbmit, folder, BIPOLAR, workers=Workers(jobs=1))
    assert (report.n_built, report.failures) == (2, ())
    assert report.index.channel_names == BIPOLAR_18
    assert report.index.events_of(0).tolist() == [[256, 41 * 256]]
    assert report.index.events_of(1).size == 0
    for row, recording in enumerate(chbmit.recordings()):
        shard = read_shard(folder / str(report.index.file[row]))
        expected = filter_recording(read_edf(recording.edf, montage="bipolar"), BIPOLAR)
        stored_uv = shard.signal_uv
        assert np.abs(stored_uv - expected.signal_uv).max() <= shard.scale_uv.max()
        assert shard.meta["montage"] == "bipolar"
        assert any("T8-P8 is there twice" in issue for issue in shard.meta["issues"])


@pytest.mark.parametrize("montage", ["referential", "average"])
def test_a_corpus_of_derivations_refuses_electrodes_at_once(chbmit, tmp_path, montage):
    with pytest.raises(CorpusError, match=rf"chbmit: found preprocess\.montage={montage}.*bipolar"):
        build_cache(
            chbmit, tmp_path / "cache", Preprocessing(montage=montage), workers=Workers(jobs=1)
        )
    assert not (tmp_path / "cache").exists()


def test_derivations_of_the_cache_are_differences_of_its_electrodes(corpus, tmp_path):
    shards = {}
    for montage in ("referential", "average", "bipolar"):
        settings = Preprocessing(montage=montage)
        folder = cache_folder(tmp_path, "tusz", settings)
        index = build_cache(corpus, folder, settings, workers=Workers(jobs=1)).index
        shard = read_shard(folder / str(index.file[0]))
        values_uv = shard.signal_uv
        shards[montage] = dict(zip(index.channel_names, values_uv, strict=True))
    for name in BIPOLAR_18:
        first, second = name.split("-")
        for montage in ("referential", "average"):
            difference_uv = shards[montage][first] - shards[montage][second]
            np.testing.assert_allclose(shards["bipolar"][name], difference_uv, atol=0.02)
    mean_uv = sum(shards["average"].values())
    assert np.abs(mean_uv).max() < 0.2


def _hide(path, *electrodes):
    """Rename electrodes to something that nobody looks for."""
    content = bytearray(path.read_bytes())
    for electrode in electrodes:
        at = content.index(f"EEG {electrode.upper()}-REF".encode())
        content[at : at + 16] = b"DC".ljust(16)
    path.write_bytes(bytes(content))


def test_what_was_interpolated_is_in_the_shard_the_index_and_the_report(corpus, tmp_path):
    recordings = corpus.recordings()
    _hide(recordings[0].edf, "Fz")
    _hide(recordings[1].edf, "C3", "T5")
    _hide(recordings[2].edf, "C3", "T5")
    settings = Preprocessing(missing="interpolate", max_interpolated=2)
    first = build_cache(corpus, tmp_path / "cache", settings, workers=Workers(jobs=1))
    again = build_cache(corpus, tmp_path / "cache", settings, workers=Workers(jobs=1))
    assert again.n_reused == 5
    for report in (first, again):
        assert report.interpolated == {("C3", "T5"): 2, ("Fz",): 1}
    index = CacheIndex.load(tmp_path / "cache")
    assert [index.interpolated_in(row) for row in range(4)] == [
        ("Fz",), ("C3", "T5"), ("C3", "T5"), (),
    ]  # fmt: skip
    assert CacheIndex.rebuild(tmp_path / "cache").interpolated.tolist().count("C3,T5") == 2
    shard = read_shard(tmp_path / "cache" / str(index.file[1]))
    assert shard.meta["interpolated"] == ["C3", "T5"]
    assert shard.meta["preprocessing"]["max_interpolated"] == 2
    strict = build_cache(
        corpus, tmp_path / "strict", Preprocessing(missing="refuse"), workers=Workers(jobs=1)
    )
    assert len(strict.failures) == 3
    assert strict.index.channel_names == CANONICAL_19


def test_what_is_masked_is_in_the_shard_the_index_and_the_report(corpus, tmp_path):
    recordings = corpus.recordings()
    _hide(recordings[0].edf, "Fz")
    _hide(recordings[1].edf, "C3", "T5")
    settings = Preprocessing(missing="mask")
    first = build_cache(corpus, tmp_path / "cache", settings, workers=Workers(jobs=1))
    again = build_cache(corpus, tmp_path / "cache", settings, workers=Workers(jobs=1))
    assert again.n_reused == 5
    for report in (first, again):
        assert report.masked == {("Fz",): 1, ("C3", "T5"): 1}
        assert not report.interpolated
    index = CacheIndex.load(tmp_path / "cache")
    assert [index.masked_in(row) for row in range(3)] == [("Fz",), ("C3", "T5"), ()]
    rebuilt = CacheIndex.rebuild(tmp_path / "cache")
    assert sorted(rebuilt.masked) == sorted(index.masked) == ["", "", "", "C3,T5", "Fz"]
    present = index.present()
    assert present.shape == (5, 19)
    assert present.sum(1).tolist() == [18, 17, 19, 19, 19]
    shard = read_shard(tmp_path / "cache" / str(index.file[1]))
    assert shard.meta["masked"] == ["C3", "T5"]
    assert not shard.signal[[CANONICAL_19.index("C3"), CANONICAL_19.index("T5")]].any()


def test_an_index_written_before_there_were_masks_has_none(corpus, tmp_path):
    report = build_cache(corpus, tmp_path / "cache", Preprocessing(), workers=Workers(jobs=1))
    path = tmp_path / "cache" / "index.npz"
    with np.load(path, allow_pickle=False) as archive:
        kept = {name: archive[name] for name in archive.files if name != "column_masked"}
    np.savez(path, **kept)
    index = CacheIndex.load(path)
    assert index.equals(report.index)
    assert index.present() is None


def test_settings_that_came_later_count_only_where_they_differ():
    default = preprocessing_hash(Preprocessing())
    assert default == preprocessing_hash(Preprocessing(montage="referential", max_interpolated=3))
    others = [
        Preprocessing(montage="average"),
        BIPOLAR,
        Preprocessing(max_interpolated=4),
        Preprocessing(missing="interpolate"),
    ]
    assert len({default, *map(preprocessing_hash, others)}) == 5


def test_what_decides_the_events_is_in_the_fingerprint(corpus):
    edf = corpus.recordings()[0].edf
    prints = {
        fingerprint(
            EdfFolderCorpus(
                edf.parent, patient_pattern="^[a-z]+", split=SplitPlan(0, 0, 0), **changes
            ).recordings()[0],
            Preprocessing(),
        )
        for changes in ({}, {"unannotated": "background"}, {"seizure_pattern": "sz"})
    }
    assert len(prints) == 3
    tusz = TuszCorpus(corpus.root).recordings()[0]
    assert fingerprint(tusz, Preprocessing()) == fingerprint(tusz, Preprocessing())
