"""Windows are views of the stored samples, without descriptors and without shipping arrays."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from seizure.cache.index import CacheIndex
from seizure.cache.mapping import MappedSignals
from seizure.cache.shard import CacheError, write_shard


@pytest.fixture
def signals(tmp_path, prepared):
    write_shard(tmp_path / "train" / "a.npz", prepared)
    return MappedSignals(tmp_path, CacheIndex.rebuild(tmp_path))


def test_a_window_is_the_stored_samples(signals, prepared):
    window = signals.window(0, 100, 400)
    assert window.dtype == torch.int16
    np.testing.assert_array_equal(window.numpy(), prepared.signal[:, 100:400])
    assert signals.window(0, 0, 1001).shape == (3, 1001)


def test_a_window_is_a_view_and_writing_to_it_leaves_the_file(signals):
    first = signals.window(0, 0, 10)
    assert first.data_ptr() == signals.window(0, 0, 20).data_ptr()
    path = signals.folder / "train" / "a.npz"
    before = path.read_bytes()
    first.fill_(7)
    assert path.read_bytes() == before


def test_no_descriptor_stays_open(signals):
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("this system does not list open descriptors in /proc")
    n_open = len(list(descriptors.iterdir()))
    signals.window(0, 0, 10)
    assert len(list(descriptors.iterdir())) == n_open


def test_asking_ahead_changes_nothing(signals, prepared):
    signals.will_need(0, 100, 400)
    np.testing.assert_array_equal(signals.window(0, 100, 400).numpy(), prepared.signal[:, 100:400])


def test_it_pickles_without_its_signals(signals):
    signals.window(0, 0, 10)
    content = pickle.dumps(signals)
    assert len(content) < 4000
    again = pickle.loads(content)
    assert torch.equal(again.window(0, 5, 9), signals.window(0, 5, 9))


@pytest.mark.parametrize(("start", "stop"), [(-1, 10), (0, 1002), (20, 10)])
def test_a_window_outside_the_recording_is_refused(signals, start, stop):
    with pytest.raises(IndexError, match="expected it within"):
        signals.window(0, start, stop)


def test_a_shard_of_another_size_or_none_is_refused(signals):
    path = signals.folder / "train" / "a.npz"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(CacheError, match=r"bytes, expected .*seizure\.prepare"):
        signals.window(0, 0, 10)
    path.unlink()
    with pytest.raises(CacheError, match="no such shard"):
        signals.window(0, 0, 10)
