"""Several machines prepare a corpus: each its own recordings, together what one would."""

import logging

import pytest

from seizure import prepare
from seizure.cache.build import build_cache, build_part
from seizure.cache.index import INDEX_FILE
from seizure.cache.shard import read_shard
from seizure.cache.workers import Part, Workers
from seizure.cli.command import load
from seizure.config import PrepareConfig
from seizure.eeg.filtering import Preprocessing
from seizure.schema import ConfigError

SETTINGS = Preprocessing()
ONE = Workers(jobs=1)


@pytest.mark.parametrize("n", [1, 2, 7, 12])
def test_parts_are_apart_and_together_everything(n):
    recordings = list(range(11))
    parts = [list(Part(number, n).of(recordings)) for number in range(1, n + 1)]
    assert sorted(place for part in parts for place in part) == recordings
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/3", "1/0", "-1/3", "1/3/5", "1.0/3"])
def test_a_part_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="which of how many"):
        Part.read(text)


def test_parts_give_what_one_build_gives(corpus, tmp_path):
    cache = tmp_path / "parts"
    reports = [build_part(corpus, cache, SETTINGS, Part(number, 3), ONE) for number in (3, 1, 2)]
    assert [report.n_built for report in reports] == [1, 2, 2]
    assert not (cache / INDEX_FILE).exists()
    together = build_cache(corpus, cache, SETTINGS, ONE)
    assert (together.n_built, together.n_reused) == (0, 5)
    assert together.index.equals(build_cache(corpus, tmp_path / "one", SETTINGS, ONE).index)
    for file in together.index.file.tolist():
        one, other = read_shard(cache / file), read_shard(tmp_path / "one" / file)
        assert (one.signal == other.signal).all()


def test_a_part_that_is_done_again_does_nothing(corpus, tmp_path):
    build_part(corpus, tmp_path / "cache", SETTINGS, Part(1, 2), ONE)
    again = build_part(corpus, tmp_path / "cache", SETTINGS, Part(1, 2), ONE)
    assert (again.n_built, again.n_reused, again.failures) == (0, 3, ())


def told(corpus, tmp_path, *more):
    return load(
        "prepare",
        PrepareConfig,
        ["corpus=tusz", f"corpus.root={corpus.root}", f"paths.data={tmp_path}", *more],
    )


def test_a_recording_that_fails_is_reported_by_its_part_and_by_the_whole(corpus, tmp_path, caplog):
    broken = corpus.recordings()[1].edf
    broken.write_text("this is a letter, not an EEG\n")
    caplog.set_level(logging.INFO, "seizure")
    configs = [told(corpus, tmp_path, f"part={k}/2", "prepare.jobs=1") for k in (1, 2)]
    assert [prepare.main(config) for config in configs] == [0, 1]
    assert f"left out: {broken.stem}" in caplog.text
    assert prepare.main(told(corpus, tmp_path, "prepare.jobs=1")) == 1


def test_a_part_without_a_usable_recording_is_reported_too(corpus, tmp_path):
    for recording in corpus.recordings():
        recording.edf.write_text("no EEG")
    report = build_part(corpus, tmp_path / "cache", SETTINGS, Part(2, 2), ONE)
    assert (report.n_built, len(report.failures)) == (0, 2)
    empty = build_part(corpus, tmp_path / "cache", SETTINGS, Part(9, 9), ONE)
    assert (empty.n_built, empty.n_reused, empty.failures) == (0, 0, ())


def test_a_part_is_not_verified(corpus, tmp_path):
    with pytest.raises(ConfigError, match="without part="):
        told(corpus, tmp_path, "part=1/2", "prepare.verify=true")
