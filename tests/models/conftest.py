import pytest
import torch

from seizure.eeg.channels import CANONICAL_19
from seizure.models.dual_stream import DualStream
from seizure.models.spec import EdgeSpec, EncoderSpec, GraphSpec, InputSpec, StreamSpec

SIZES = {
    "pico": {
        "encoder": EncoderSpec((16, 32, 64), (4, 4, 4), 7, ((1,), (2,), (4,))),
        "node": StreamSpec(16, 2, 8, 4, 2, 4),
        "edge": EdgeSpec(8, 1, 8, 4, 2, 2, every=4),
    },
    "base": {
        "encoder": EncoderSpec((64, 128, 256, 512), (2, 2, 2, 2), 7, ((1,), (2,), (4,), (16,))),
        "node": StreamSpec(64, 6, 16, 4, 2, 8),
        "edge": EdgeSpec(16, 2, 8, 4, 2, 4, every=4),
    },
}


@pytest.fixture
def make_detector():
    """A function that builds a seeded detector of a named size; keywords replace its parts."""

    def make(size="pico", seed=0, **changes):
        torch.manual_seed(seed)
        parts = {
            "inputs": InputSpec(CANONICAL_19, rate_hz=256.0, window_s=60.0),
            "graph": GraphSpec(2, alpha=0.05, n_hops=2, top_k=3, threshold=1e-4, n_encoding=16),
            **SIZES[size],
        }
        return DualStream(**{**parts, **changes})

    return make
