"""AdamW with decay where it belongs; a learning rate that warms up, then follows a cosine."""

import math

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from seizure.learning.spec import Optimisation
from seizure.nn.decay import takes_decay


def make_optimiser(network: nn.Module, settings: Optimisation) -> AdamW:
    """AdamW that decays the parameters marked so, whatever their rank."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {
            "params": [p for p in parameters if takes_decay(p)],
            "weight_decay": settings.weight_decay,
        },
        {"params": [p for p in parameters if not takes_decay(p)], "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=settings.lr)


def make_schedule(optimiser: AdamW, settings: Optimisation, n_steps: int) -> LambdaLR:
    """Linear warm-up, then a half cosine down to `final_lr_fraction`, stepped once a batch."""
    return LambdaLR(optimiser, lambda step: lr_fraction(step, n_steps, settings))


def lr_fraction(step: int, n_steps: int, settings: Optimisation) -> float:
    """Share of the full learning rate at a step.

    >>> settings = Optimisation(lr=1e-3, warmup_fraction=0.1, final_lr_fraction=0.0)
    >>> [round(lr_fraction(step, 100, settings), 2) for step in (0, 9, 10, 55, 100)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    n_warmup = round(settings.warmup_fraction * n_steps)
    if step < n_warmup:
        return (step + 1) / n_warmup
    progress = min(1.0, (step - n_warmup) / max(1, n_steps - n_warmup))
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return settings.final_lr_fraction + (1 - settings.final_lr_fraction) * cosine
