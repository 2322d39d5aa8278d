"""Nothing looks ahead, and pieces of a recording give what the whole gives."""

import gc
from itertools import accumulate

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seizure import build
from seizure.cli.command import conf_folder, load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19
from seizure.models.dual_stream import DualStream
from seizure.models.electrode_stream import ElectrodeStream
from seizure.models.spec import (
    BandsSpec,
    EdgeSpec,
    EncoderSpec,
    GraphSpec,
    InputSpec,
    StreamSpec,
)
from seizure.models.streaming import StreamingDetector

FRAME = 16 * 4 * 2  # samples
EVERY = 3  # frames
N_SAMPLES = FRAME * EVERY * 4
KINDS = ["electrode", "dual"]
STREAMING_SIZES = sorted(path.stem for path in (conf_folder() / "model").glob("*_causal.yaml"))


def detector(kind="electrode", causal=True, n_channels=5, encoding="laplacian", encoding_every=1):
    torch.manual_seed(0)
    inputs = InputSpec(CANONICAL_19[:n_channels], 256.0, N_SAMPLES / 256)
    streams = (
        StreamSpec(8, 2, 4, 4, 2, 2),
        EdgeSpec(8, 2, 4, 4, 1, 1, every=EVERY),
        GraphSpec(2, 0.05, 2, 2, 1e-4, 3, encoding=encoding, encoding_every=encoding_every),
    )
    if kind == "electrode":
        bands = BandsSpec(6, 1.0, 60.0, stride=16, n_strides=9, pool=4)
        encoder = EncoderSpec((8,), (2,), 5, ((1, 2),))
        model = ElectrodeStream(inputs, bands, encoder, *streams, prior=0.5, causal=causal)
    else:
        encoder = EncoderSpec((8, 12), (8, 16), 17, ((1,), (1, 2)))
        model = DualStream(inputs, encoder, *streams, prior=0.5, causal=causal)
    return varied(model)


def varied(model):
    # Statistics that are not those of a fresh norm, so that a misplaced one shows.
    for name, statistic in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            statistic.copy_(statistic + 0.3 * torch.rand_like(statistic))
    # Graphs and probabilities that vary, as a trained detector's do.
    torch.nn.init.normal_(model.edge_stream.to_weight.weight)
    last = model.readout if isinstance(model, ElectrodeStream) else model.to_logits
    torch.nn.init.normal_(last.to_logit.weight, std=3.0)
    torch.nn.init.zeros_(last.to_logit.bias)
    return model.eval()


def configured(size):
    config = load("train", TrainConfig, [f"model={size}"])
    torch.manual_seed(0)
    return varied(build.network(config.model, build.input_spec(config, CANONICAL_19)))


@pytest.fixture
def eeg():
    return torch.randn(5, N_SAMPLES, generator=torch.Generator().manual_seed(1))


def whole(model, eeg):
    with torch.no_grad():
        return model(eeg.unsqueeze(0)).squeeze(0).sigmoid()


def streamed(model, eeg, lengths):
    stream = StreamingDetector(model)
    stops = [min(stop, eeg.shape[1]) for stop in accumulate(lengths)]
    pieces = [eeg[:, a:b] for a, b in zip([0, *stops], [*stops, eeg.shape[1]], strict=True)]
    return torch.cat([stream.push(piece) for piece in pieces])


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(KINDS), st.lists(st.integers(0, 3 * FRAME), max_size=30))
def test_however_a_recording_is_cut_the_stream_gives_what_the_whole_gives(kind, lengths):
    model = detector(kind)
    eeg = torch.randn(5, N_SAMPLES, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(streamed(model, eeg, lengths), whole(model, eeg), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", STREAMING_SIZES)
def test_sizes_for_streams_answer_within_a_tenth_of_a_second_what_the_whole_gives(size):
    model = configured(size)
    eeg = torch.randn(19, 20 * 256, generator=torch.Generator().manual_seed(1))
    assert 0 < model.latency_s <= 0.1
    assert whole(model, eeg).std() > 0.05
    found = streamed(model, eeg, [7, 500, 1, 30])
    torch.testing.assert_close(found, whole(model, eeg), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", STREAMING_SIZES)
def test_nothing_later_than_the_stated_latency_has_a_part(size):
    model = configured(size)
    eeg = torch.randn(19, 20 * 256, generator=torch.Generator().manual_seed(1))
    wait = round(model.latency_s * 256)
    for changed_from in (4000, 4001, 4000 + wait):
        later = eeg.clone()
        later[:, changed_from:] += 20
        moved = (whole(model, eeg) - whole(model, later)).abs()
        assert moved[: changed_from - wait].max() < 1e-6
        assert moved[changed_from:].max() > 1e-3
    # The bound is met: a frame's first sample waits for its last one.
    assert moved[4000] > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_a_probability_has_come_by_the_stated_latency(kind, eeg):
    stream = StreamingDetector(detector(kind))
    wait = round(stream.latency_s * 256)
    n_come = 0
    for n_pushed in range(1, 3 * FRAME):
        n_come += len(stream.push(eeg[:, n_pushed - 1 : n_pushed]))
        assert n_come >= n_pushed - wait


def test_a_detector_that_looks_ahead_has_no_latency_to_state():
    assert detector(causal=False).latency_s == float("inf")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoding", ["random_walk", "dynamic"])
def test_encodings_of_the_learned_graphs_stream_too(eeg, kind, encoding):
    model = detector(kind, encoding=encoding)
    expected = whole(model, eeg)
    torch.testing.assert_close(streamed(model, eeg, [50] * 40), expected, rtol=0, atol=1e-6)


def test_one_sample_at_a_time_over_ten_windows():
    model = detector(n_channels=4)
    eeg = torch.randn(4, 10 * N_SAMPLES, generator=torch.Generator().manual_seed(2))
    stream = StreamingDetector(model)
    assert whole(model, eeg).std() > 0.05
    found = torch.cat([stream.push(eeg[:, i : i + 1]) for i in range(eeg.shape[1])])
    torch.testing.assert_close(found, whole(model, eeg), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changed_from", [FRAME * 5, FRAME * 5 + 1, FRAME * 6 - 1])
def test_no_probability_depends_on_samples_after_its_frame(eeg, kind, changed_from):
    model = detector(kind)
    later = eeg.clone()
    later[:, changed_from:] += 20
    # Chunks of the scan are cut by what is in them, which rounds differently.
    moved = (whole(model, eeg) - whole(model, later)).abs()
    assert moved[: FRAME * 5].max() < 1e-6
    assert moved[FRAME * 5 : FRAME * 6].min() > 1e-4
    ahead = detector(kind, causal=False)
    moved = (whole(ahead, eeg) - whole(ahead, later)).abs()
    assert moved[: FRAME * 4].max() > 1e-4


def test_edges_are_heard_in_the_step_after_their_own(eeg):
    model = detector()
    deaf = detector()
    # Without these two the edges reach no node.
    deaf.edges_to_nodes.linear.weight.data.zero_()
    deaf.edge_stream.threshold = float("inf")
    first = EVERY * FRAME
    differ = (whole(model, eeg) - whole(deaf, eeg)).abs()
    assert differ[:first].max() < 1e-6
    assert differ[first : first + FRAME].min() > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_stream_keeps_does_not_grow(eeg, kind):
    def held():
        gc.collect()
        tensors = [o for o in gc.get_objects() if type(o) is torch.Tensor]
        storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
        return sum(storages.values())

    stream = StreamingDetector(detector(kind))
    for _ in range(3):
        stream.push(eeg)
    early = held()
    for _ in range(10):
        stream.push(eeg)
    assert held() == early


def test_a_reset_stream_is_a_new_one(eeg):
    model = detector()
    stream = StreamingDetector(model)
    first = stream.push(eeg)
    stream.push(eeg[:, :77])
    stream.reset()
    assert torch.equal(stream.push(eeg), first)


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_of_the_causal_detector_learns(eeg, kind):
    model = detector(kind).train()
    model(eeg.unsqueeze(0)).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("kind", KINDS)
def test_the_causal_detector_has_the_other_s_weights_but_the_backward_scans(kind):
    causal = set(detector(kind).state_dict())
    both = set(detector(kind, causal=False).state_dict())
    assert causal == {name for name in both if ".backwards." not in name}


def test_a_subset_of_electrodes_streams(eeg):
    model = detector().for_channels(CANONICAL_19[1:4])
    expected = whole(model, eeg[1:4])
    torch.testing.assert_close(streamed(model, eeg[1:4], [99, 500]), expected, rtol=0, atol=1e-6)


def test_what_cannot_stream_is_refused(eeg):
    with pytest.raises(ValueError, match="looks ahead"):
        StreamingDetector(detector(causal=False))
    with pytest.raises(ValueError, match="training mode"):
        StreamingDetector(detector().train())
    with pytest.raises(ValueError, match="encoding_every=2 cannot stream"):
        StreamingDetector(detector(encoding="random_walk", encoding_every=2))
    with pytest.raises(ValueError, match=r"found \(4, 9\)"):
        StreamingDetector(detector()).push(eeg[:4, :9])
    eeg[2, 40] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        StreamingDetector(detector()).push(eeg)
