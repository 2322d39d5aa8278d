"""What a run computes on, and in which precision: checked before anything is prepared."""

import torch
from lightning.pytorch.strategies import StrategyRegistry

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


def check_strategy(strategy: str) -> None:
    """Raises `ConfigError` for a strategy that Lightning does not know."""
    if strategy not in ("auto", *StrategyRegistry.available_strategies()):
        raise ConfigError(
            f"trainer.strategy: found {strategy!r}, expected auto (one device), ddp (several), or "
            "another strategy of Lightning's"
        )


def check_trainer(settings: TrainerSettings) -> None:
    """Raises `ConfigError` for what this machine or its packages cannot do, before any work."""
    check_accelerator(settings.accelerator)
    check_precision(settings)
    check_strategy(settings.strategy)
    check_backend(settings.compile)


def check_accelerator(accelerator: str) -> None:
    """Raises `ConfigError` for a CUDA device that is asked for and not there."""
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise ConfigError(
            f"accelerator={accelerator} needs a CUDA device and this machine shows none (torch "
            f"{torch.__version__}); give accelerator=auto, or +hw=local for training"
        )


def check_backend(backend: str | None) -> None:
    """Raises `ConfigError` for a backend that `torch.compile` does not know; None is no backend."""
    if backend is not None and backend not in torch.compiler.list_backends(exclude_tags=()):
        raise ConfigError(
            f"trainer.compile: found {backend!r}, expected null or a backend of torch.compile: "
            "inductor, or for a look eager or aot_eager"
        )
