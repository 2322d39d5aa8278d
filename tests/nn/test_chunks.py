import torch

from seizure.nn.chunks import CHUNK_LENGTHS, RANGES, Chunks


def fit(rate, time):
    return Chunks.fitting(torch.full((2, 3, time), -float(rate)), RANGES[torch.float32])


def test_chunks_cover_time_with_the_least_padding():
    for time in range(1, 200):
        chunks = fit(0.1, time)
        assert 0 <= chunks.length * chunks.count - time < chunks.count
        assert chunks.length <= CHUNK_LENGTHS[0]


def test_faster_decay_makes_shorter_chunks():
    lengths = [fit(rate, 960).length for rate in (1, 4, 9, 20)]
    assert lengths == [32, 16, 8, 4]


def test_no_chunk_decays_out_of_range():
    limits = RANGES[torch.float32]
    for rate in (0.1, 2.4, 2.6, 5, 10, limits.step):
        assert rate * fit(rate, 961).length <= limits.chunk


def test_a_calm_chunk_beside_one_burst_keeps_its_length():
    log_decay = torch.full((1, 1, 96), -0.1)
    log_decay[..., 40] = -20
    assert Chunks.fitting(log_decay, RANGES[torch.float32]).length == 32


def test_time_cut_and_joined_is_unchanged():
    t = torch.randn(5, 3, 100)
    chunks = fit(0.1, 100)
    assert torch.equal(chunks.join(chunks.cut(chunks.pad(t)))[..., :100], t)
