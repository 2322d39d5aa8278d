"""What a recording is scored against is what was annotated, types included."""

from dataclasses import replace

import numpy as np
import pytest

from seizure.cache.index import CacheIndex
from seizure.cache.shard import read_shard, write_shard
from seizure.eeg.annotation import SEIZURE_TYPES, Event
from seizure.learning.tracks import StitchedInOrder, WindowFrames, reference_of, stitched


def test_every_type_of_seizure_reaches_the_scorer_with_its_interval(tiny_cache, tmp_path):
    folder, index = tiny_cache
    prepared = read_shard(folder / str(index.file[0]))
    codes = np.arange(len(SEIZURE_TYPES))
    events = np.stack([256 * codes, 256 * codes + 128], axis=1)
    typed = replace(prepared, events=events, event_type=codes.astype(np.uint8))
    write_shard(tmp_path / "train" / "typed.npz", typed)
    reference = reference_of(CacheIndex.rebuild(tmp_path), 0)
    assert reference == tuple(Event(c, c + 0.5, label) for c, label in enumerate(SEIZURE_TYPES))


def windows_of(index, rows, n_frames, stride_frames):
    """Every window of some recordings with random probabilities at 16 frames a second."""
    rng = np.random.default_rng(0)
    for row in rows:
        whole = -(-int(index.n_samples[row]) // 16)
        for start in range(0, whole, stride_frames):
            yield row, start, rng.random(n_frames).astype(np.float32)


def in_batches(windows, size):
    windows = list(windows)
    for first in range(0, len(windows), size):
        row, start, probability = zip(*windows[first : first + size], strict=True)
        yield WindowFrames(np.array(row), np.array(start), np.stack(probability))


@pytest.mark.parametrize("stride_frames", [160, 100])
def test_recordings_stitched_one_after_another_are_those_stitched_at_once(
    tiny_cache, tmp_path, stride_frames
):
    _, index = tiny_cache
    batches = list(in_batches(windows_of(index, index.rows("dev"), 160, stride_frames), 7))
    # The last batch is filled up with padding.
    batches.append(WindowFrames(np.array([-1]), np.array([0]), np.zeros((1, 160), np.float32)))
    in_order = StitchedInOrder(index, 16.0, tmp_path)
    for batch in batches:
        in_order.add(batch)
    at_once = stitched(batches, index, 16.0).recordings
    assert len(at_once) == 3
    for found, expected in zip(in_order.recordings(), at_once, strict=True):
        np.testing.assert_array_equal(found.track.probability, expected.track.probability)
        assert (found.stem, found.patient, found.reference, found.duration_s) == (
            expected.stem,
            expected.patient,
            expected.reference,
            expected.duration_s,
        )


def test_a_recording_that_was_left_with_gaps_is_named(tiny_cache, tmp_path):
    _, index = tiny_cache
    first, second = index.rows("dev")[:2].tolist()
    (batch,) = in_batches(windows_of(index, [first, second], 160, 200), 100)
    with pytest.raises(ValueError, match=rf"{index.stem[first]}: \d+ of \d+ frames"):
        StitchedInOrder(index, 16.0, tmp_path).add(batch)
