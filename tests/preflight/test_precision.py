"""Precision: what a device lacks is refused, what is in force is shown."""

import torch

from seizure.preflight.precision import InForce, check_precision


def on(kind: str, used: str, product: torch.dtype | None, has_bf16: bool = True) -> InForce:
    return InForce(used, used, kind, product is not None, has_bf16, product)


def test_bfloat16_on_a_card_without_it_fails_here_and_before_it_is_rented() -> None:
    old = on("cuda", "bf16-mixed", torch.bfloat16, has_bf16=False)
    for found in (
        check_precision(old, None),
        check_precision(on("cuda", "bf16-mixed", None), "T4"),
    ):
        assert found.status == "fail"
        assert "16-mixed" in found.fix
    assert check_precision(on("cuda", "bf16-mixed", None), "A100-80GB:8").status == "ok"


def test_sixteen_bits_that_are_not_in_force_fail() -> None:
    found = check_precision(on("cuda", "bf16-mixed", torch.float32), None)
    assert found.status == "fail"
    assert "comes out as float32" in found.found
    assert check_precision(on("cuda", "bf16-mixed", torch.bfloat16), None).status == "ok"


def test_full_precision_on_a_card_is_a_warning_and_on_a_processor_is_right() -> None:
    found = check_precision(on("cuda", "32-true", torch.float32), None)
    assert found.status == "warn"
    assert found.fix == "trainer.precision=bf16-mixed"
    assert check_precision(on("cpu", "32-true", torch.float32), None).status == "ok"
    assert check_precision(on("cpu", "bf16-mixed", torch.bfloat16), None).status == "warn"
    assert check_precision(on("cpu", "16-mixed", None), None).status == "fail"
