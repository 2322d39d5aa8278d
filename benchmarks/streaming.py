"""How far a stream's probabilities are from the whole recording's, and how much faster than EEG.

    python benchmarks/streaming.py [minutes of EEG]

Every size of conf/model for streams, with untrained weights, on white noise in pieces of one frame
(the most calls that a stream can need), and of 1 s. One thread; processor time beside the clock's,
since other programs may be running.
"""

import sys
import time
from collections.abc import Iterator

import torch

from seizure import build
from seizure.cli.command import conf_folder, load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19
from seizure.models.electrode_stream import ElectrodeStream
from seizure.models.streaming import StreamingDetector
from seizure.models.streams import TwoStreams


def untrained(size: str) -> TwoStreams:
    """A detector whose probabilities vary, as an untrained one's do not."""
    config = load("train", TrainConfig, [f"model={size}"])
    torch.manual_seed(0)
    detector = build.network(config.model, build.input_spec(config, CANONICAL_19)).eval()
    assert isinstance(detector, TwoStreams)
    last = "readout" if isinstance(detector, ElectrodeStream) else "to_logits"
    torch.nn.init.normal_(detector.get_parameter(f"{last}.to_logit.weight"), std=3.0)
    return detector


def rows(size: str, minutes: float) -> Iterator[str]:
    """A line of the table for each length of pieces."""
    detector = untrained(size)
    rate_hz = detector.inputs.rate_hz
    n_samples = int(minutes * 60 * rate_hz) // detector.downsampling * detector.downsampling
    eeg = torch.randn(detector.n_channels, n_samples)
    with torch.no_grad():
        expected = detector(eeg.unsqueeze(0)).squeeze(0).sigmoid()
    for piece in (detector.samples_per_frame, round(rate_hz)):
        stream = StreamingDetector(detector)
        stream.push(eeg[:, : detector.downsampling])  # warms up
        stream.reset()
        clock, processor = time.perf_counter(), time.process_time()
        found = torch.cat([stream.push(samples) for samples in eeg.split(piece, dim=1)])
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
        eeg_s = n_samples / rate_hz
        yield (
            f"| `{size}` | {1000 * stream.latency_s:.1f} ms | {piece} samples "
            f"| {eeg_s / processor:.0f}x | {eeg_s / clock:.0f}x "
            f"| {(found - expected).abs().max():.1e} of {expected.min():.2f} to "
            f"{expected.max():.2f} |"
        )


def main(minutes: float) -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print("| size | latency | pieces of | by processor time | by the clock | largest difference |")
    print("|---|---|---|---|---|---|")
    for path in sorted((conf_folder() / "model").glob("*_causal.yaml")):
        for row in rows(path.stem, minutes):
            print(row, flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
