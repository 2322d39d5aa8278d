"""Losses agree with plain formulas, look only at valid samples and stay finite."""

import math

import pytest
import torch
import torch.nn.functional as F

from seizure.learning.loss import (
    CoarserTargets,
    FocalLoss,
    WeightedCrossEntropy,
    balanced_pos_weight,
)

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


@pytest.mark.parametrize("loss", [FocalLoss(), WeightedCrossEntropy(3.0)])
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


@pytest.mark.parametrize("loss", [FocalLoss(), WeightedCrossEntropy(3.0)])
def test_half_precision_logits_are_summed_in_float32(loss):
    value = loss(LOGITS.bfloat16(), TARGET, VALID)
    assert value.dtype == torch.float32


def test_the_weight_of_a_balanced_set_is_one():
    assert balanced_pos_weight(0.5) == 1.0
    with pytest.raises(ValueError, match="share of seizure"):
        balanced_pos_weight(0.0)


@pytest.mark.parametrize("loss", [FocalLoss(), WeightedCrossEntropy(3.0)])
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
