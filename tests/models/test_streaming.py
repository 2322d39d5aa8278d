"""Nothing looks ahead, and pieces of a recording give what the whole gives."""

import gc
from itertools import accumulate

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seizure.eeg.channels import CANONICAL_19
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


def detector(causal=True, n_channels=5, every=EVERY, encoding="laplacian", encoding_every=1):
    torch.manual_seed(0)
    model = ElectrodeStream(
        InputSpec(CANONICAL_19[:n_channels], 256.0, N_SAMPLES / 256),
        BandsSpec(6, 1.0, 60.0, stride=16, n_strides=9, pool=4),
        EncoderSpec((8,), (2,), 5, ((1, 2),)),
        StreamSpec(8, 2, 4, 4, 2, 2),
        EdgeSpec(8, 2, 4, 4, 1, 1, every=every),
        GraphSpec(2, 0.05, 2, 2, 1e-4, 3, encoding=encoding, encoding_every=encoding_every),
        prior=0.5,
        causal=causal,
    )
    # Statistics that are not those of a fresh norm, so that a misplaced one shows.
    for name, statistic in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            statistic.copy_(statistic + 0.3 * torch.rand_like(statistic))
    # Graphs and probabilities that vary, as a trained detector's do.
    torch.nn.init.normal_(model.edge_stream.to_weight.weight)
    torch.nn.init.normal_(model.readout.to_logit.weight, std=3.0)
    return model.eval()


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


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 3 * FRAME), max_size=30))
def test_however_a_recording_is_cut_the_stream_gives_what_the_whole_gives(lengths):
    model = detector()
    eeg = torch.randn(5, N_SAMPLES, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(streamed(model, eeg, lengths), whole(model, eeg), rtol=0, atol=1e-5)


@pytest.mark.parametrize("encoding", ["random_walk", "dynamic"])
def test_encodings_of_the_learned_graphs_stream_too(eeg, encoding):
    model = detector(encoding=encoding)
    expected = whole(model, eeg)
    torch.testing.assert_close(streamed(model, eeg, [50] * 40), expected, rtol=0, atol=1e-5)


def test_one_sample_at_a_time_over_ten_windows():
    model = detector(n_channels=4)
    eeg = torch.randn(4, 10 * N_SAMPLES, generator=torch.Generator().manual_seed(2))
    stream = StreamingDetector(model)
    assert whole(model, eeg).std() > 0.05
    found = torch.cat([stream.push(eeg[:, i : i + 1]) for i in range(eeg.shape[1])])
    torch.testing.assert_close(found, whole(model, eeg), rtol=0, atol=1e-5)


@pytest.mark.parametrize("changed_from", [FRAME * 5, FRAME * 5 + 1, FRAME * 6 - 1])
def test_no_probability_depends_on_samples_after_its_frame(eeg, changed_from):
    model = detector()
    later = eeg.clone()
    later[:, changed_from:] += 5
    # Chunks of the scan are cut by what is in them, which rounds differently.
    moved = (whole(model, eeg) - whole(model, later)).abs()
    assert moved[: FRAME * 5].max() < 1e-6
    assert moved[FRAME * 5 : FRAME * 6].min() > 1e-4
    ahead = detector(causal=False)
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


def test_what_a_stream_keeps_does_not_grow(eeg):
    def held():
        gc.collect()
        tensors = [o for o in gc.get_objects() if type(o) is torch.Tensor]
        storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
        return sum(storages.values())

    stream = StreamingDetector(detector())
    for _ in range(3):
        stream.push(eeg)
    early = held()
    for _ in range(30):
        stream.push(eeg)
    assert held() == early


def test_a_reset_stream_is_a_new_one(eeg):
    model = detector()
    stream = StreamingDetector(model)
    first = stream.push(eeg)
    stream.push(eeg[:, :77])
    stream.reset()
    assert torch.equal(stream.push(eeg), first)


def test_every_parameter_of_the_causal_detector_learns(eeg):
    model = detector().train()
    model(eeg.unsqueeze(0)).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_the_causal_detector_has_the_other_s_weights_but_the_backward_scans():
    causal = set(detector().state_dict())
    both = set(detector(causal=False).state_dict())
    assert causal == {name for name in both if ".backwards." not in name}


def test_a_subset_of_electrodes_streams(eeg):
    model = detector().for_channels(CANONICAL_19[1:4])
    expected = whole(model, eeg[1:4])
    torch.testing.assert_close(streamed(model, eeg[1:4], [99, 500]), expected, rtol=0, atol=1e-5)


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
