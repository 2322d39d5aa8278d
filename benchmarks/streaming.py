"""How far a stream's probabilities are from the whole recording's, and how much faster than EEG.

    python benchmarks/streaming.py [minutes of EEG]

Untrained weights at the size of model=electrode_pico_causal, white noise, chunks of 1/8 s.
"""

import sys
import time

import torch

from seizure import build
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19
from seizure.models.electrode_stream import ElectrodeStream
from seizure.models.streaming import StreamingDetector

CHUNK = 32  # samples


def main(minutes: float) -> None:
    """Print both ratios."""
    config = load("train", TrainConfig, ["model=electrode_pico_causal"])
    inputs = build.input_spec(config, CANONICAL_19)
    torch.manual_seed(0)
    detector = build.network(config.model, inputs).eval()
    assert isinstance(detector, ElectrodeStream)
    # An untrained detector claims 5 % of everything; weights like these make it vary.
    torch.nn.init.normal_(detector.readout.to_logit.weight, std=3.0)
    n_samples = int(minutes * 60 * inputs.rate_hz) // detector.downsampling * detector.downsampling
    eeg = torch.randn(inputs.n_channels, n_samples)
    stream = StreamingDetector(detector)
    started = time.perf_counter()
    found = torch.cat([stream.push(chunk) for chunk in eeg.split(CHUNK, dim=1)])
    took_s = time.perf_counter() - started
    with torch.no_grad():
        expected = detector(eeg.unsqueeze(0)).squeeze(0).sigmoid()
    eeg_s = n_samples / inputs.rate_hz
    print(f"{eeg_s:.0f} s of EEG, probabilities {expected.min():.3f} to {expected.max():.3f}")
    print(f"largest difference of stream and whole {(found - expected).abs().max():.1e}")
    print(f"{took_s:.1f} s on {torch.get_num_threads()} threads, {eeg_s / took_s:.0f} times faster")
    print(f"latency of a probability: at most {detector.samples_per_frame / inputs.rate_hz:g} s")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
