"""What a recording is scored against is what was annotated, types included."""

from dataclasses import replace

import numpy as np

from seizure.cache.index import CacheIndex
from seizure.cache.shard import read_shard, write_shard
from seizure.eeg.annotation import SEIZURE_TYPES, Event
from seizure.learning.tracks import reference_of


def test_every_type_of_seizure_reaches_the_scorer_with_its_interval(tiny_cache, tmp_path):
    folder, index = tiny_cache
    prepared = read_shard(folder / str(index.file[0]))
    codes = np.arange(len(SEIZURE_TYPES))
    events = np.stack([256 * codes, 256 * codes + 128], axis=1)
    typed = replace(prepared, events=events, event_type=codes.astype(np.uint8))
    write_shard(tmp_path / "train" / "typed.npz", typed)
    reference = reference_of(CacheIndex.rebuild(tmp_path), 0)
    assert reference == tuple(Event(c, c + 0.5, label) for c, label in enumerate(SEIZURE_TYPES))
