"""A recording predicted by itself gets the track that scoring from the cache gives it."""

import numpy as np
import pytest
import torch
from torch import nn

from seizure.cache.shard import read_shard
from seizure.events.decide import Postprocessing
from seizure.learning.inference import track_of
from seizure.learning.module import DetectionModule
from seizure.learning.spec import Optimisation
from seizure.learning.tracks import stitched
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading, Windowing


@pytest.mark.parametrize("normalisation", ["robust", "standard"])
@pytest.mark.parametrize("normalised_per", ["recording", "window"])
def test_the_track_is_that_of_scoring_whatever_the_normalisation(
    tiny_cache, normalisation, normalised_per
):
    folder, index = tiny_cache
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv1d(19, 1, 9, padding=4), nn.Flatten(1))
    module = DetectionModule(network, nn.Identity(), Optimisation(), Postprocessing()).eval()
    windowing = Windowing(normalisation=normalisation, normalised_per=normalised_per)
    data = WindowDataModule(folder, index, windowing, Balance(), Loading(), seed=0)
    with torch.inference_mode():
        frames = [module.predict_step(batch) for batch in data.scoring_dataloader("dev")]
    for recording, row in zip(
        stitched(frames, index, 16.0).recordings, index.rows("dev"), strict=True
    ):
        prepared = read_shard(folder / str(index.file[row]))
        track = track_of(module, prepared, windowing, recording.stem, batch_size=2)
        np.testing.assert_allclose(track.probability, recording.track.probability, atol=1e-6)
