"""The probability track of one prepared recording, without a cache."""

import numpy as np
import torch
from torch import nn

from seizure.cache.shard import PreparedRecording
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
    masked = prepared.meta.get("masked", ())
    present = ~torch.from_numpy(np.isin(prepared.meta["channel_names"], masked)) if masked else None
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
            present=None if present is None else present.expand(len(some), -1),
        )
        frames = module.predict_step(batch.mapped(lambda part: part.to(module.device)))
        for start_frame, probability in zip(frames.start_frame, frames.probability, strict=True):
            stitcher.add(int(start_frame), probability)
    return stitcher.track(stem, n_samples / rate_hz)


def refuse_masks(network: nn.Module) -> None:
    """Raise `SpecError` for a network that needs all of its channels."""
    if not isinstance(network, ElectrodeStream):
        raise SpecError(
            f"missing=mask: {type(network).__name__} mixes all electrodes and needs each of "
            f"them; only a detector of single electrodes, as model=electrode_pico, can go without"
        )
