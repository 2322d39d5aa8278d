"""Two corpora whose folders have one name never share a cache; one that moves keeps its own."""

import pytest

from seizure.cache.origin import ORIGIN_FILE, claim
from seizure.cache.shard import CacheError


def test_another_corpus_of_the_same_name_is_refused_with_both_folders(tmp_path):
    first, second = tmp_path / "a/eeg", tmp_path / "b/eeg"
    first.mkdir(parents=True)
    second.mkdir(parents=True)
    cache = tmp_path / "cache/eeg"
    for _ in range(2):
        claim(cache, first)
    with pytest.raises(CacheError, match=r"found the cache of .*a/eeg, .* b?.*b/eeg.*paths\.cache"):
        claim(cache, second)


def test_a_corpus_that_was_moved_or_is_reached_by_a_link_keeps_its_cache(tmp_path):
    first, moved, link = tmp_path / "eeg", tmp_path / "moved/eeg", tmp_path / "link"
    first.mkdir()
    claim(tmp_path / "cache", first)
    link.symlink_to(first)
    claim(tmp_path / "cache", link)
    link.unlink()
    moved.parent.mkdir()
    first.rename(moved)
    claim(tmp_path / "cache", moved)
    # From then on it is the moved one's.
    first.mkdir()
    with pytest.raises(CacheError, match=r"found the cache of .*moved/eeg"):
        claim(tmp_path / "cache", first)


def test_a_cache_on_a_disk_that_cannot_be_written_is_used_by_a_corpus_that_was_moved(
    tmp_path, monkeypatch
):
    (tmp_path / "moved").mkdir()
    claim(tmp_path / "cache", tmp_path / "gone")
    monkeypatch.setattr("os.access", lambda *_: False)
    before = (tmp_path / "cache" / ORIGIN_FILE).read_bytes()
    claim(tmp_path / "cache", tmp_path / "moved")
    assert (tmp_path / "cache" / ORIGIN_FILE).read_bytes() == before
