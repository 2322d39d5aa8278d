"""Which number format a run computes in, proved, and what a loss scaler does in it."""

import logging
from typing import Any

import lightning.pytorch as pl
import torch

from seizure.callbacks.guard import loss_scale

log = logging.getLogger("seizure")

# What a product of matrices comes out as, in each of Lightning's precisions.
FORMATS = {
    "32-true": torch.float32,
    "64-true": torch.float64,
    "bf16-mixed": torch.bfloat16,
    "16-mixed": torch.float16,
}
# A scaler looks for its scale once in a while; beyond this share of an epoch something is wrong.
_OFTEN = 0.1


class PrecisionError(ValueError):
    """A precision that the device lacks, or that is not in force; the message names another."""


def precision_fault(precision: str, device: str, has_bf16: bool) -> str | None:
    """Why a device ("cpu", "cuda", "mps") cannot compute in a precision, and what it can.

    >>> precision_fault("bf16-mixed", "cuda", has_bf16=False)
    'trainer.precision=bf16-mixed: this card has no bfloat16 of its own; set 16-mixed'
    """
    asked = f"trainer.precision={precision}"
    if precision == "16-mixed" and device == "cpu":
        return (
            f"{asked} needs a GPU, on a processor Lightning would silently take bf16-mixed; set "
            "trainer.precision=32-true, or bf16-mixed to see what 16 bits do to the numbers"
        )
    if precision == "bf16-mixed" and device == "cuda" and not has_bf16:
        return f"{asked}: this card has no bfloat16 of its own; set 16-mixed"
    if precision == "64-true" and device == "mps":
        return f"{asked}: Apple's GPUs have no float64; set trainer.precision=32-true"
    return None


def has_bf16() -> bool:
    """Whether the CUDA device computes bfloat16 itself; without one, False."""
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)


class PrecisionWatch(pl.Callback):
    """Says and proves at the start which precision is in force, and watches a loss scaler.

    The proof is the format in which a product of matrices comes out under the Trainer's own
    autocast. Under a scaler each epoch says its scale and how many steps were skipped because a
    gradient was not finite, and logs `precision/loss_scale` and `precision/skipped_steps`;
    `precision/product_bits` is logged always. Without a scaler a value that is not finite stops the
    run, see `Guard`. Raises `PrecisionError` where the device lacks the precision `asked` for, or
    something else is in force.
    """

    def __init__(self, asked: str) -> None:
        self.asked = asked
        self._scale = 1.0
        self._n_skipped = 0
        self._n_steps = 0

    def state_dict(self) -> dict[str, Any]:
        """The counts of the epoch so far."""
        return {"n_skipped": self._n_skipped, "n_steps": self._n_steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self._n_skipped, self._n_steps = state_dict["n_skipped"], state_dict["n_steps"]

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        fault = precision_fault(self.asked, trainer.strategy.root_device.type, has_bf16())
        if fault is not None:
            raise PrecisionError(fault)
        found, expected = product_format(trainer), FORMATS[self.asked]
        if found != expected:
            raise PrecisionError(
                f"trainer.precision={self.asked}: a product of matrices comes out as "
                f"{_name(found)}, expected {_name(expected)}; Lightning runs {trainer.precision}"
            )
        weights = {p.dtype for p in pl_module.parameters() if p.is_floating_point()}
        kept = torch.float64 if self.asked == "64-true" else torch.float32
        if stage == "fit" and weights - {kept, torch.float32}:
            raise PrecisionError(
                f"trainer.precision={self.asked}: weights are {sorted(map(_name, weights))}, "
                f"expected {_name(kept)}"
            )
        if trainer.is_global_zero:
            islands = (
                "; weights, scans, norms, graphs and loss stay in float32"
                if self.asked.endswith("mixed")
                else ""
            )
            log.info(
                "precision %s: a probe product of matrices came out as %s%s",
                self.asked,
                _name(found),
                islands,
            )

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._scale = loss_scale(trainer)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if not has_scaler(trainer):
            return
        self._n_steps += 1
        # A scaler lowers its scale exactly when it has skipped a step.
        scale, before = loss_scale(trainer), self._scale
        self._n_skipped += scale < before
        self._scale = scale

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        figures = {"precision/product_bits": float(torch.finfo(FORMATS[self.asked]).bits)}
        if has_scaler(trainer):
            figures["precision/loss_scale"] = self._scale
            figures["precision/skipped_steps"] = float(self._n_skipped)
            self._say(trainer)
        for logger in trainer.loggers:
            logger.log_metrics({**figures, "epoch": trainer.current_epoch}, trainer.global_step - 1)
        self._n_skipped = self._n_steps = 0

    def _say(self, trainer: pl.Trainer) -> None:
        if not trainer.is_global_zero:
            return
        often = ""
        if self._n_skipped > max(1, _OFTEN * self._n_steps):
            instead = "; bf16-mixed, which this card has, needs no scaler" if has_bf16() else ""
            often = f", which is often{instead}"
        log.info(
            "precision, epoch %d: loss scale %g, %d of %d steps skipped for gradients beyond %s%s",
            trainer.current_epoch + 1,
            self._scale,
            self._n_skipped,
            self._n_steps,
            _name(FORMATS[self.asked]),
            often,
        )


def product_format(trainer: pl.Trainer) -> torch.dtype:
    """In what a product of matrices comes out in a training step of this Trainer."""
    with trainer.precision_plugin.train_step_context():
        matrix = torch.ones(8, 8, device=trainer.strategy.root_device)
        return (matrix @ matrix).dtype


def has_scaler(trainer: pl.Trainer) -> bool:
    """Whether the loss is scaled before the backward pass."""
    return getattr(trainer.precision_plugin, "scaler", None) is not None


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
