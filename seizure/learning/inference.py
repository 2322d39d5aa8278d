"""The probability track of one prepared recording, without a cache."""

import copy
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from seizure.cache.shard import STATISTICS, PreparedRecording
from seizure.events.stitch import Stitcher, Track
from seizure.learning.module import DetectionModule
from seizure.learning.tracks import samples_per_frame
from seizure.models.detector import Detector
from seizure.models.electrode_stream import ElectrodeStream
from seizure.models.spec import SpecError
from seizure.windows.dataset import WindowBatch
from seizure.windows.grid import whole_samples, window_starts
from seizure.windows.normalisation import gain_of, gain_of_windows
from seizure.windows.spec import Windowing


@torch.inference_mode()
def track_of(
    module: DetectionModule,
    prepared: PreparedRecording,
    windowing: Windowing,
    stem: str,
    batch_size: int = 16,
) -> Track:
    """The stitched track of a recording, equal to what scoring from the cache gives.

    `module` is on the device to use and in evaluation mode. Raises `SpecError` for a recording of
    other channels, in another order, or at another rate than the detector reads.
    """
    rate_hz = module.rate_hz
    if isinstance(module.network, Detector):
        module.network.check_source(prepared.meta["channel_names"], prepared.meta["rate_hz"])
    n_channels, n_samples = prepared.signal.shape
    window = whole_samples(windowing.window_s, rate_hz)
    stride = whole_samples(windowing.scoring_stride_s, rate_hz)
    starts = window_starts(n_samples, window, stride)
    gain = gain_of(prepared, windowing.normalisation)
    n_per_frame = samples_per_frame(rate_hz, module.track_rate_hz)
    stitcher = Stitcher(module.track_rate_hz, -(-n_samples // n_per_frame))
    for first in range(0, len(starts), batch_size):
        some = starts[first : first + batch_size]
        eeg = np.zeros((len(some), n_channels, window), np.int16)
        valid = np.zeros((len(some), window), np.bool_)
        stretch = np.tile(prepared.stretch, (len(some), 1))
        for place, start in enumerate(some.tolist()):
            piece = prepared.signal[:, start : start + window]
            eeg[place, :, : piece.shape[1]] = piece
            valid[place, : piece.shape[1]] = True
        if windowing.normalised_per == "window":
            scale_uv = np.broadcast_to(prepared.scale_uv, (len(some), n_channels))
            gain = gain_of_windows(eeg, valid.sum(1), scale_uv, stretch, windowing.normalisation)
        batch = WindowBatch(
            eeg=torch.from_numpy(eeg),
            stretch=torch.from_numpy(stretch[..., None]),
            gain=torch.from_numpy(np.atleast_2d(gain.scale)[..., None]),
            offset=torch.from_numpy(np.atleast_2d(gain.offset)[..., None]),
            target=torch.zeros(valid.shape, dtype=torch.uint8),
            valid=torch.from_numpy(valid),
            learnt=torch.from_numpy(valid),
            row=torch.zeros(len(some), dtype=torch.int32),
            start=torch.from_numpy(some),
        )
        frames = module.predict_step(WindowBatch(*(part.to(module.device) for part in batch)))
        for start_frame, probability in zip(frames.start_frame, frames.probability, strict=True):
            stitcher.add(int(start_frame), probability)
    return stitcher.track(stem, n_samples / rate_hz)


def reader_of_some(network: nn.Module) -> ElectrodeStream:
    """The same network; raises `SpecError` for one that needs all of its channels."""
    if not isinstance(network, ElectrodeStream):
        raise SpecError(
            f"missing=masked: {type(network).__name__} mixes all electrodes and needs each of "
            f"them; only a detector of single electrodes, as model=electrode_pico, can go without"
        )
    return network


def without_estimates(
    module: DetectionModule, prepared: PreparedRecording
) -> tuple[DetectionModule, PreparedRecording]:
    """Detector and recording without the channels that an interpolated electrode has a part in.

    Raises `SpecError` for a detector that needs all of its channels.
    """
    network = reader_of_some(module.network)
    estimated = set(prepared.meta["interpolated"])
    names = prepared.meta["channel_names"]
    kept = [i for i, name in enumerate(names) if not set(name.split("-")) & estimated]
    kept_names = [names[i] for i in kept]
    fewer = copy.deepcopy(module)
    fewer.network = network.for_channels(kept_names)
    rows = {name: getattr(prepared, name)[kept] for name in ("signal", *STATISTICS)}
    meta = prepared.meta | {"channel_names": kept_names}
    return fewer, replace(prepared, **rows, meta=meta)
