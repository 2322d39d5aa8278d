"""What a run computes on, and in which precision: checked before anything is prepared."""

import torch

from seizure.callbacks.precision import has_bf16, precision_fault
from seizure.config import TrainerSettings
from seizure.schema import ConfigError


def device_type(accelerator: str) -> str:
    """What Lightning takes for an accelerator: cuda, mps or cpu.

    >>> device_type("cpu")
    'cpu'
    """
    if accelerator == "auto":
        on_mps = torch.backends.mps.is_available()
        return "cuda" if torch.cuda.is_available() else "mps" if on_mps else "cpu"
    return "cuda" if accelerator == "gpu" and torch.cuda.is_available() else accelerator


def precision(settings: TrainerSettings) -> str:
    """The precision in force: bf16-mixed where `auto` finds a CUDA device that has it."""
    if settings.precision != "auto":
        return settings.precision
    on_cuda = device_type(settings.accelerator) == "cuda"
    return "bf16-mixed" if on_cuda and has_bf16() else "32-true"


def check_precision(settings: TrainerSettings) -> None:
    """Raises `ConfigError` for a precision that the device lacks, with the one to take."""
    fault = precision_fault(precision(settings), device_type(settings.accelerator), has_bf16())
    if fault is not None:
        raise ConfigError(fault)


def check_accelerator(accelerator: str) -> None:
    """Raises `ConfigError` for a CUDA device that is asked for and not there."""
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise ConfigError(
            f"accelerator={accelerator} needs a CUDA device and this machine shows none (torch "
            f"{torch.__version__}); give accelerator=auto, or +hw=local for training"
        )
