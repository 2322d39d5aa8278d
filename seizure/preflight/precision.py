"""Precision: whether what is asked for is what the device computes in, and whether it can."""

from dataclasses import dataclass

import torch

from seizure.callbacks.precision import FORMATS, precision_fault
from seizure.preflight.check import Check

# Of the cards that a profile may name, those older than Ampere.
_NO_BF16 = ("T4", "V100", "P100")


@dataclass(frozen=True)
class InForce:
    """`asked` by the configuration, `used` by the trainer, the format of a `product` under it.

    `kind` of device ("cpu", "cuda", "mps") is the one asked for, which `is_there` or not, and then
    nothing could be tried; `has_bf16` is the CUDA device's, as its own units.
    """

    asked: str
    used: str
    kind: str
    is_there: bool
    has_bf16: bool
    product: torch.dtype | None


def check_precision(found: InForce, card_of_profile: str | None) -> Check:
    """Whether 16 bits are really in force where they are asked for, on a device that has them."""
    name = "precision"
    card = (card_of_profile or "").partition(":")[0]
    has_bf16 = found.has_bf16 if found.is_there else card not in _NO_BF16
    fault = precision_fault(found.used, found.kind, has_bf16)
    if fault is not None:
        what, _, fix = fault.partition("; ")
        return Check(name, "fail", what, fix)
    asked = f"{found.used}{' (auto)' if found.asked == 'auto' else ''}"
    if found.product is None:
        return Check(name, "ok", f"{asked}, which {card or found.kind} has; not tried here")
    product = str(found.product).removeprefix("torch.")
    if found.product != FORMATS[found.used]:
        return Check(
            name,
            "fail",
            f"{asked}: a product of matrices on {found.kind} comes out as {product}",
            "trainer.precision=32-true, or another device",
        )
    said = f"{asked}: a product of matrices on {found.kind} comes out as {product}"
    if found.kind == "cpu" and found.used != "32-true":
        return Check(
            name,
            "warn",
            f"{said}; a processor is slower so than in float32",
            "trainer.precision=32-true",
        )
    if found.kind == "cuda" and found.used == "32-true":
        better = "bf16-mixed" if found.has_bf16 else "16-mixed"
        return Check(
            name,
            "warn",
            f"{said}; most cards are several times faster in 16 bits",
            f"trainer.precision={better}",
        )
    return Check(name, "ok", said)
