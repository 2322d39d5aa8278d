import subprocess
import sys
from dataclasses import replace

import pytest

from seizure.models.choice import ElectrodeStreamModel
from seizure.models.spec import (
    BandsSpec,
    EdgeSpec,
    EncoderSpec,
    GraphSpec,
    InputSpec,
    SpecError,
    StreamSpec,
    check_sizes_fit,
)

STREAM = StreamSpec(d_model=64, n_layers=6, d_state=16, d_conv=4, expand=2, headdim=8)
GRAPH = GraphSpec(2, alpha=0.05, n_hops=2, top_k=3, threshold=1e-4, n_encoding=16)


def test_specs_need_no_torch():
    code = "import seizure.models.choice, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"d_model": 60}, "d_model=32 or 64 with headdim=8, or headdim=5 or 15 with d_model=60"),
        ({"headdim": 24}, "d_model=96 with headdim=24, or headdim=16 with d_model=64"),
        ({"headdim": 32}, "d_model=128 with headdim=32, or headdim=16 with d_model=64"),
        ({"d_state": 10}, "nearest legal: 8 or 12"),
        ({"d_conv": 5}, r"one of \(2, 3, 4\)"),
        ({"n_layers": 0}, "n_layers=0 must be positive"),
    ],
)
def test_illegal_streams_name_the_nearest_legal_values(changes, advice):
    with pytest.raises(SpecError, match=advice):
        replace(STREAM, **changes)


def test_advice_is_itself_legal():
    for d_model, headdim in [(32, 8), (64, 8), (60, 5), (60, 15), (96, 24), (64, 16), (128, 32)]:
        replace(STREAM, d_model=d_model, headdim=headdim)


def test_edge_stream_obeys_the_same_rules():
    with pytest.raises(SpecError, match="Nearest legal"):
        EdgeSpec(12, 2, 8, 4, 2, 4)
    with pytest.raises(SpecError, match="every=0"):
        EdgeSpec(16, 2, 8, 4, 2, 4, every=0)
    with pytest.raises(SpecError, match="'cosine' or 'correlation'"):
        EdgeSpec(16, 2, 8, 4, 2, 4, similarity="mutual")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"kernel": 6}, "nearest legal: 5 or 7"),
        ({"kernel": 3}, "nearest legal: 5"),
        ({"strides": (4,)}, "one entry per stage"),
        ({"dilations": ((1,), (0,))}, r"dilations\[1\]"),
    ],
)
def test_illegal_encoders_say_why(changes, advice):
    with pytest.raises(SpecError, match=advice):
        replace(EncoderSpec((8, 16), (4, 4), 7, ((1,), (2,))), **changes)


def test_lists_from_configuration_become_tuples():
    encoder = EncoderSpec([8, 16], [4, 4], 7, [[1], [2]])  # type: ignore[arg-type]
    assert hash(encoder) == hash(EncoderSpec((8, 16), (4, 4), 7, ((1,), (2,))))


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"alpha": 1.5}, "alpha=1.5"),
        ({"backend": "dgl"}, "'dense' or 'pyg'"),
        ({"threshold": -1.0}, "negative"),
        ({"encoding": "sine"}, "'laplacian', 'random_walk' or 'dynamic'"),
        ({"encoding": "random_walk", "n_encoding": 0}, "n_encoding=0 must be positive"),
        ({"encoding_every": 0}, "encoding_every=0"),
    ],
)
def test_illegal_graphs_say_why(changes, advice):
    with pytest.raises(SpecError, match=advice):
        replace(GRAPH, **changes)


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"channel_names": ("C3", "C3")}, "C3 more than once"),
        ({"channel_names": ("C3",)}, "at least 2"),
        ({"window_s": 60.001}, "nearest window_s=60.0"),
        ({"rate_hz": 0.0}, "rate_hz=0.0"),
    ],
)
def test_illegal_inputs_say_why(changes, advice):
    with pytest.raises(SpecError, match=advice):
        replace(InputSpec(("C3", "C4"), 256.0, 60.0), **changes)


def test_windows_must_hold_whole_edge_steps():
    inputs = InputSpec(tuple("abcdefghijklmnopqrs"), rate_hz=256.0, window_s=60.0)
    check_sizes_fit(inputs, 16 * 4, GRAPH)
    with pytest.raises(SpecError, match=r"window_s=59\.9375 or 60\.375"):
        check_sizes_fit(inputs, 16 * 7, GRAPH)


def test_encoding_needs_more_electrodes_than_vectors():
    inputs = InputSpec(("C3", "Cz", "C4"), rate_hz=256.0, window_s=60.0)
    with pytest.raises(SpecError, match="at most 2 exist"):
        check_sizes_fit(inputs, 4, GRAPH)
    check_sizes_fit(inputs, 4, replace(GRAPH, encoding="random_walk"))


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"n_strides": 8}, "7 or 9"),
        ({"low_hz": 60.0}, "below high_hz=60"),
        ({"stride": 0}, "stride=0 must be positive"),
    ],
)
def test_illegal_bands_say_why(changes, advice):
    with pytest.raises(SpecError, match=advice):
        replace(BandsSpec(12, 1.0, 60.0, stride=16, n_strides=9, pool=4), **changes)


def test_bands_stay_below_half_the_rate():
    bands = BandsSpec(12, 1.0, 60.0, stride=16, n_strides=9, pool=4)
    encoder = EncoderSpec((8,), (2,), 5, ((1,),))
    edge = EdgeSpec(8, 1, 8, 4, 1, 1, every=8)
    model = ElectrodeStreamModel("electrode_stream", "x", bands, encoder, STREAM, edge, GRAPH, 0.1)
    names = tuple("abcdefghijklmnopqrs")
    inputs = InputSpec(names, rate_hz=256.0, window_s=60.0)
    model.check(inputs)
    with pytest.raises(SpecError, match=r"coherence.*edge.similarity=cosine"):
        replace(model, edge=replace(edge, similarity="correlation")).check(inputs)
    with pytest.raises(SpecError, match="below half the rate of the EEG, 50 Hz"):
        model.check(InputSpec(names, rate_hz=100.0, window_s=61.44))
