"""The overview's numbers: sums that agree with the index, a wrong unit and a mains leak visible."""

import os
from pathlib import Path
from types import SimpleNamespace

import edfio
import numpy as np
import pytest

from seizure.cache.build import build_cache
from seizure.cache.index import CacheIndex
from seizure.cache.mapping import MappedSignals
from seizure.cache.overview import survey
from seizure.cache.overview_figure import OVERVIEW_FILE, draw_overview, leave_overview
from seizure.cache.workers import Workers
from seizure.corpus.edf_folder import EdfFolderCorpus
from seizure.corpus.split import SplitPlan
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.channels import CANONICAL_19
from seizure.eeg.filtering import Preprocessing

HELSINKI = Path(__file__).parents[3] / "shared" / "data" / "helsinki_neonatal_30s" / "edf"
HEAD = "# duration = 40.0 secs\n#\nchannel,start_time,stop_time,label,confidence\n"
ALONE = Workers(jobs=1)


def write(root, split, patient, dimension="uV", leak_uv=0.0, rows="TERM,5.0,9.5,seiz,1\n"):
    """A recording of 40 s of noise with a standard deviation of 20 in the stated unit."""
    folder = root / "edf" / split / patient / "s001" / "01_tcp_ar"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(list(patient.encode()))
    leak = leak_uv * np.sin(2 * np.pi * 50 * np.arange(40 * 256) / 256)
    signals = [
        edfio.EdfSignal(
            np.clip(rng.normal(0, 20, 40 * 256) + leak, -490, 490),
            256,
            label=f"EEG {name.upper()}-REF",
            physical_dimension=dimension,
            physical_range=(-500, 500),
        )
        for name in CANONICAL_19
    ]
    path = folder / f"{patient}_s001_t000.edf"
    edfio.Edf(signals).write(path)
    path.with_suffix(".csv_bi").write_text(HEAD + rows)


def cache_of(root):
    """The cache of what was written below a folder."""
    cache = root / "cache"
    index = build_cache(TuszCorpus(root), cache, Preprocessing(), ALONE).index
    return cache, index


def overview_of(root, **more):
    cache, index = cache_of(root)
    return survey(MappedSignals(cache, index), **more)


def median_power(overview, split, frequency_hz):
    """Median power of a split at one frequency."""
    part = next(part for part in overview.splits if part.split == split)
    return part.power_uv2_hz[1, np.argmin(np.abs(overview.frequency_hz - frequency_hz))]


def amplitudes(overview):
    return {part.split: part.amplitude_uv for part in overview.splits}


def texts_of(figure):
    return {text.get_text() for axes in figure.axes for text in axes.texts}


def test_numbers_agree_with_the_index(tiny_cache):
    folder, index = tiny_cache
    overview = survey(MappedSignals(folder, index))
    assert [part.split for part in overview.splits] == ["train", "dev", "eval"]
    for part in overview.splits:
        rows = index.rows(part.split)
        assert part.hours.sum() == pytest.approx(index.hours(part.split))
        assert np.all(np.diff(part.hours) <= 0)
        assert set(part.patients) == set(index.patient[rows])
        assert part.n_seizures.tolist() == [1] * len(rows)
        assert sorted(part.durations_s["fnsz"]) == [15, 25, 35]
        assert part.stems == tuple(index.stem[rows])


def test_amplitude_and_power_of_noise_are_in_microvolts(tmp_path):
    write(tmp_path, "train", "aaaaaaaa")
    overview = overview_of(tmp_path)
    kept = 119.5 / 128  # of white noise, by the band-pass
    assert amplitudes(overview)["train"] == pytest.approx(20 * np.sqrt(kept), rel=0.05)
    # White noise of 20 µV over the 128 Hz below half the rate.
    assert median_power(overview, "train", 30.0) == pytest.approx(20**2 / 128, rel=0.2)


def test_a_unit_wrong_by_1000_is_a_thousandfold_amplitude(tmp_path):
    write(tmp_path, "train", "aaaaaaaa")
    # The same numbers, with the unit that the exporting program did not convert.
    write(tmp_path, "eval", "aaaaaaac", dimension="mV")
    overview = overview_of(tmp_path)
    found = amplitudes(overview)
    assert found["eval"][0] / found["train"][0] == pytest.approx(1000, rel=0.05)
    ratio = median_power(overview, "eval", 30.0) / median_power(overview, "train", 30.0)
    assert ratio == pytest.approx(1e6, rel=0.2)
    low, high = draw_overview(overview).axes[3].get_ylim()
    assert low < found["train"][0] < found["eval"][0] < high


def test_a_recording_far_from_the_others_of_its_split_is_named(tmp_path):
    for patient, dimension in (("aaaaaaaa", "uV"), ("aaaaaaab", "uV"), ("aaaaaaac", "mV")):
        write(tmp_path, "train", patient, dimension)
    texts = texts_of(draw_overview(overview_of(tmp_path)))
    assert "aaaaaaac_s001_t000" in texts
    assert not texts & {"aaaaaaaa_s001_t000", "aaaaaaab_s001_t000"}


def test_a_mains_leak_is_a_line_in_the_spectrum_of_its_split_alone(tmp_path):
    write(tmp_path, "train", "aaaaaaaa")
    write(tmp_path, "dev", "aaaaaaab", leak_uv=15.0)
    overview = overview_of(tmp_path)

    def line(split):
        return median_power(overview, split, 50.0) / median_power(overview, split, 46.0)

    assert line("dev") > 100
    assert 0.5 < line("train") < 2
    # The robust amplitude hardly shows it.
    assert amplitudes(overview)["dev"][0] / amplitudes(overview)["train"][0] < 1.5


@pytest.mark.skipif(not HELSINKI.is_dir(), reason=f"no real EEG in {HELSINKI}")
def test_european_mains_show_in_real_eeg_that_is_prepared_for_american_ones(tmp_path):
    for edf in sorted(HELSINKI.glob("*.edf"))[:8]:
        (tmp_path / edf.name).symlink_to(edf)
    corpus = EdfFolderCorpus(tmp_path, "^eeg..", SplitPlan(), unannotated="background")
    ratios = {}
    for mains_hz in (50.0, 60.0):
        cache = tmp_path / f"cache-{mains_hz:g}"
        index = build_cache(corpus, cache, Preprocessing(mains_hz=mains_hz), ALONE).index
        overview = survey(MappedSignals(cache, index))
        power = [median_power(overview, "train", at_hz) for at_hz in (50.0, 46.0)]
        ratios[mains_hz] = power[0] / power[1]
    assert ratios[60.0] > 5
    assert ratios[50.0] < 1


def test_notched_mains_leave_a_gap(tmp_path):
    write(tmp_path, "train", "aaaaaaaa")
    overview = overview_of(tmp_path)
    assert median_power(overview, "train", 60.0) < median_power(overview, "train", 56.0) / 10


def test_a_sample_is_bounded_and_the_same_for_the_same_seed(tiny_cache):
    folder, index = tiny_cache
    read = []

    class Counting(MappedSignals):
        def window(self, row, start, stop):
            read.append((row, start, stop))
            return super().window(row, start, stop)

    first = survey(Counting(folder, index), n_sampled=2, sample_s=20)
    drawn = list(read)
    assert len(drawn) == 3 * 2
    assert all(stop - start == 20 * 256 for _, start, stop in drawn)
    assert len({row for row, _, _ in drawn}) == 6
    assert [part.n_sampled for part in first.splits] == [2, 2, 2]
    assert [part.sampled_min for part in first.splits] == pytest.approx([2 / 3] * 3)
    survey(Counting(folder, index), n_sampled=2, sample_s=20)
    assert read[6:] == drawn
    survey(Counting(folder, index), n_sampled=2, sample_s=20, seed=1)
    assert read[12:] != drawn


@pytest.mark.filterwarnings("error")
def test_what_is_absent_is_no_fault(tiny_cache):
    """No seizures, one split, constant channels, recordings shorter than a segment."""
    folder, index = tiny_cache
    rows = index.rows("train")
    bare = SimpleNamespace(**vars(index))
    bare.event_start = np.zeros_like(index.event_start)
    bare.event_samples, bare.event_type = index.event_samples[:0], index.event_type[:0]
    bare.n_samples = np.full_like(index.n_samples, 500)
    bare.iqr_uv = np.zeros_like(index.iqr_uv)
    bare.rows = lambda split: rows if split == "train" else rows[:0]
    for name in ("events_of", "event_types_of"):
        setattr(bare, name, getattr(CacheIndex, name).__get__(bare))
    overview = survey(MappedSignals(folder, bare))
    (part,) = overview.splits
    assert part.n_sampled == 0
    assert np.all(np.isnan(part.power_uv2_hz))
    assert not part.durations_s
    assert "no seizure is annotated" in texts_of(draw_overview(overview, "odd $name", 60.0))


def test_a_picture_is_drawn_again_only_for_another_index(tmp_path):
    write(tmp_path, "train", "aaaaaaaa")
    cache, index = cache_of(tmp_path)
    path = leave_overview(cache, index, "first", 60.0)
    assert path == cache / OVERVIEW_FILE
    assert path.read_bytes().startswith(b"\x89PNG")
    assert not list(cache.glob(".*"))
    before = path.stat().st_mtime_ns
    cache, index = cache_of(tmp_path)
    leave_overview(cache, index, "second", 60.0)
    assert path.stat().st_mtime_ns == before
    write(tmp_path, "eval", "aaaaaaab")
    cache, index = cache_of(tmp_path)
    os.utime(path, ns=(before - 10**9, before - 10**9))  # clocks of file systems are coarse
    leave_overview(cache, index, "third", 60.0)
    assert path.stat().st_mtime_ns > before
