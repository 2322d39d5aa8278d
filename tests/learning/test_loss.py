"""Losses agree with plain formulas, look only at valid samples and stay finite."""

import math

import pytest
import torch
import torch.nn.functional as F

from seizure import build
from seizure.learning.loss import (
    CoarserTargets,
    FocalLoss,
    SoftBorders,
    TverskyLoss,
    WeightedCrossEntropy,
    balanced_alpha,
    balanced_pos_weight,
)
from seizure.learning.spec import CrossEntropy, Focal
from seizure.models.detector import claim
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading, Windowing

TORCH = torch.Generator().manual_seed(0)
LOGITS = torch.randn(3, 50, generator=TORCH) * 3
TARGET = (torch.rand(3, 50, generator=TORCH) > 0.7).to(torch.uint8)
VALID = torch.rand(3, 50, generator=TORCH) > 0.2


def test_focal_loss_is_lin_s_equation_5():
    p = LOGITS.double().sigmoid()
    p_t = torch.where(TARGET == 1, p, 1 - p)
    alpha_t = torch.where(TARGET == 1, 0.3, 0.7).double()
    expected = (-alpha_t * (1 - p_t) ** 2 * p_t.log())[VALID].mean()
    assert torch.allclose(FocalLoss(0.3, 2.0)(LOGITS, TARGET, VALID).double(), expected, atol=1e-6)


def test_cross_entropy_is_torch_s_on_the_valid_samples():
    expected = F.binary_cross_entropy_with_logits(
        LOGITS[VALID], TARGET[VALID].float(), pos_weight=torch.tensor(2.5)
    )
    assert torch.allclose(WeightedCrossEntropy(2.5)(LOGITS, TARGET, VALID), expected)


@pytest.mark.parametrize("loss", [FocalLoss(), WeightedCrossEntropy(3.0), TverskyLoss()])
def test_padded_samples_change_neither_loss_nor_gradient(loss):
    logits = LOGITS.clone().requires_grad_()
    value = loss(logits, TARGET, VALID)
    value.backward()
    assert logits.grad is not None
    assert (logits.grad[~VALID] == 0).all()
    other = torch.where(VALID, LOGITS, 100.0)
    assert torch.equal(loss(other, TARGET, VALID), value.detach())


@pytest.mark.parametrize("loss", [FocalLoss(), WeightedCrossEntropy(3.0)])
def test_certain_and_wrong_is_costly_but_finite(loss):
    logits = torch.full((1, 4), 500.0, requires_grad=True)
    value = loss(logits, torch.zeros(1, 4), torch.ones(1, 4, dtype=torch.bool))
    value.backward()
    assert math.isfinite(value.item())
    assert value > 50
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("loss", [FocalLoss(), WeightedCrossEntropy(3.0), TverskyLoss()])
def test_half_precision_logits_are_summed_in_float32(loss):
    value = loss(LOGITS.bfloat16(), TARGET, VALID)
    assert value.dtype == torch.float32


def test_the_weight_of_a_balanced_set_is_one():
    assert balanced_pos_weight(0.5) == 1.0
    with pytest.raises(ValueError, match="share of seizure"):
        balanced_pos_weight(0.0)


@pytest.mark.parametrize("loss", [FocalLoss(), WeightedCrossEntropy(3.0), TverskyLoss()])
def test_a_batch_of_padding_alone_costs_nothing(loss):
    assert loss(LOGITS, TARGET, torch.zeros_like(VALID)) == 0


@pytest.mark.parametrize("loss", [FocalLoss(0.3, 2.0), WeightedCrossEntropy(2.5)])
def test_a_coarser_target_is_the_majority_of_the_samples_that_count(loss):
    logits, targets, counts = [], [], []
    for window in range(len(LOGITS)):
        for first in range(0, 50, 5):
            block = slice(first, first + 5)
            counting = TARGET[window, block][VALID[window, block]].tolist()
            logits.append(sum(LOGITS[window, block].tolist()) / 5)
            targets.append(int(2 * sum(counting) >= len(counting) > 0 and sum(counting) > 0))
            counts.append(len(counting) > 0)
    expected = loss(torch.tensor([logits]), torch.tensor([targets]), torch.tensor([counts]))
    assert torch.allclose(CoarserTargets(loss, 5)(LOGITS, TARGET, VALID), expected, atol=1e-6)


@pytest.mark.parametrize("loss", [FocalLoss(0.3, 2.0), WeightedCrossEntropy(2.5)])
def test_one_target_a_sample_is_the_loss_itself(loss):
    assert torch.equal(CoarserTargets(loss, 1)(LOGITS, TARGET, VALID), loss(LOGITS, TARGET, VALID))


def test_tversky_s_index_is_that_of_the_counts_where_the_detector_is_certain():
    target = torch.tensor([[1, 1, 1, 1, 0, 0, 0, 0]])
    logits = torch.tensor([[99.0, 99.0, 99.0, -99.0, 99.0, 99.0, -99.0, -99.0]])
    value = TverskyLoss(0.3, 0.7)(logits, target, torch.ones(1, 8, dtype=torch.bool))
    assert float(value) == pytest.approx(1 - (3 + 1) / (3 + 0.3 * 2 + 0.7 * 1 + 1))


def softened_by_hand(target, valid, n_side):
    soft = torch.zeros(target.shape)
    for window in range(target.shape[0]):
        for t in range(target.shape[1]):
            near = slice(max(0, t - n_side), t + n_side + 1)
            counting = target[window, near][valid[window, near]].float()
            soft[window, t] = counting.mean() if len(counting) else 0
    return soft


@pytest.mark.parametrize("n_side", [1, 4, 60])
def test_a_soft_target_is_the_mean_of_those_around_it_that_count(n_side):
    expected = softened_by_hand(TARGET, VALID, n_side)
    soft = SoftBorders(WeightedCrossEntropy(), n_side)
    torch.testing.assert_close(soft.softened(TARGET, VALID), expected)
    torch.testing.assert_close(
        soft(LOGITS, TARGET, VALID),
        F.binary_cross_entropy_with_logits(LOGITS[VALID], expected[VALID]),
    )


def test_a_border_is_soft_over_the_seconds_asked_for_and_the_rest_as_annotated(tiny_cache):
    windowing = Windowing(soft_border_s=2.0, target_rate_hz=16.0)
    data = WindowDataModule(*tiny_cache, windowing, Balance(), Loading(), seed=0)
    loss = build.loss(CrossEntropy(pos_weight=1.0), data)
    target = torch.zeros(1, 60 * 16)
    target[:, 20 * 16 : 40 * 16] = 1
    soft = loss.loss.softened(target, torch.ones(1, 60 * 16, dtype=torch.bool))[0]
    between = ((soft > 0) & (soft < 1)).nonzero().flatten() / 16
    onset = between[between < 30]
    assert float(onset.min()) == pytest.approx(19.0, abs=0.1)
    assert float(onset.max()) == pytest.approx(21.0, abs=0.1)
    assert float(soft.sum()) == pytest.approx(20 * 16, rel=1e-4)


# The class prior has one home


def constant_learnt(loss, share, claimed):
    """The probability that a detector of one number ends with, from what it claims untrained."""
    layer = torch.nn.Linear(1, 1)
    claim(claimed, layer)
    optimiser = torch.optim.LBFGS([layer.bias], max_iter=200, line_search_fn="strong_wolfe")
    target = (torch.arange(1000) < 1000 * share).unsqueeze(0)
    counts = torch.ones_like(target)

    def closure():
        optimiser.zero_grad()
        value = loss(layer.bias.expand(1, 1000), target, counts)
        value.backward()
        return value

    optimiser.step(closure)
    return float(layer.bias.detach().sigmoid())


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_what_an_untrained_detector_claims_has_no_part_in_what_it_learns(share):
    loss = WeightedCrossEntropy(balanced_pos_weight(share))
    # Weighted by √((1 − r)/r), odds of r/(1 − r) become their root: the prior enters once.
    odds = math.sqrt(share / (1 - share))
    for claimed in (0.01, 0.05, 0.5):
        assert constant_learnt(loss, share, claimed) == pytest.approx(odds / (1 + odds), abs=2e-3)


def test_the_weights_follow_from_what_is_drawn_and_not_from_the_corpus_again(tiny_cache):
    windowing = Windowing(window_s=20, scoring_stride_s=20)
    weights = []
    for ratio in (0.5, 1.5):
        balance = Balance(background_ratio=ratio)
        data = WindowDataModule(*tiny_cache, windowing, balance, Loading(batch_size=1), seed=0)
        batches = list(data.train_dataloader())
        n_seizure = sum(int((batch.target * batch.valid).sum()) for batch in batches)
        share = n_seizure / sum(int(batch.valid.sum()) for batch in batches)
        weights.append(build.loss(CrossEntropy(), data).pos_weight)
        assert weights[-1] == pytest.approx(balanced_pos_weight(share), rel=0.1)
        alpha = build.loss(Focal(alpha=None), data).alpha
        assert alpha / (1 - alpha) == pytest.approx(weights[-1])
        assert alpha == balanced_alpha(data.drawn_seizure_share())
    # More background drawn, more weight: balance and weight share the work between them.
    assert weights[0] < weights[1]


def test_the_share_of_seizure_depends_on_no_seed_and_on_no_epoch_s_length(tiny_cache):
    windowing = Windowing(window_s=20, scoring_stride_s=20)
    shares = {
        WindowDataModule(*tiny_cache, windowing, balance, Loading(), seed).drawn_seizure_share()
        for seed in (0, 1)
        for balance in (Balance(0.3, 1), Balance(0.3, 1, 12), Balance(0.3, 1, 12, repeats=5))
    }
    assert len(shares) == 1
