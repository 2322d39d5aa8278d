"""Claim: 2000 steps at ten times the default learning rate, on hostile EEG, without a lost number.

    python benchmarks/stability.py

Windows hold 5 mV electrode pops, flat channels and disconnected electrodes, scaled as in training.
Both detectors, in float32 and in bfloat16 autocast, by the default recipe (AdamW, schedule,
clipping); the first loss or gradient that is not finite ends the run and is named.
"""

import argparse
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seizure import build
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19
from seizure.learning.optimiser import make_optimiser, make_schedule
from seizure.windows.normalisation import gain_of_windows

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
STEP_UV = 0.2  # so that 5 mV fit into 16 bits


def hostile_windows(draw: np.random.Generator, n_windows: int, n_samples: int) -> Tensor:
    """Normalised windows (window, 19, time) of noise, each with every kind of broken electrode."""
    time_s = np.arange(n_samples) / 256
    eeg_uv = draw.normal(0, 20, (n_windows, 19, n_samples))
    for window in eeg_uv:
        popping, flat, loose, dead = draw.permutation(19)[:4]
        for _ in range(3):
            start_s = draw.uniform(0, time_s[-1])
            decay = np.exp(-np.maximum(time_s - start_s, 0) / 0.3) * (time_s >= start_s)
            window[popping] += draw.choice([-5000, 5000]) * decay
        window[flat] = 0
        window[loose] = 3000 * np.sin(2 * np.pi * 50 * time_s) + draw.normal(0, 300, n_samples)
        window[dead] = draw.normal(0, 0.05, n_samples)  # quantised to nothing
    eeg = np.clip(np.rint(eeg_uv / STEP_UV), -32767, 32767).astype(np.int16)
    n_present = np.full(n_windows, n_samples)
    step_uv, even = np.full(eeg.shape[:2], STEP_UV, np.float32), np.zeros(eeg.shape[:2], np.float32)
    gain = gain_of_windows(eeg, n_present, step_uv, even)
    return torch.from_numpy(eeg * gain.scale[..., None] + gain.offset[..., None])


def with_rhythm(draw: np.random.Generator, eeg: Tensor) -> tuple[Tensor, Tensor]:
    """The windows with 3 Hz in a part of each, and which samples hold it (window, time)."""
    n_samples = eeg.shape[-1]
    start = torch.from_numpy(draw.integers(0, n_samples // 2, (len(eeg), 1)))
    place = torch.arange(n_samples)
    target = ((place >= start) & (place < start + n_samples // 3)).float()
    wave = 3 * torch.sin(2 * torch.pi * 3 / 256 * place)
    return eeg + (target * wave).unsqueeze(1), target


def finite_step(
    detector: nn.Module,
    optimiser: torch.optim.Optimizer,
    eeg: Tensor,
    target: Tensor,
    autocast: torch.dtype | None,
    clip: float | None,
) -> tuple[float, float]:
    """Loss and gradient norm of one training step; raises where a value is not finite."""
    with torch.autocast("cpu", autocast, enabled=autocast is not None):
        logits = detector(eeg)
    loss = F.binary_cross_entropy_with_logits(logits.float(), target)
    optimiser.zero_grad()
    loss.backward()
    lost = [
        name
        for name, p in detector.named_parameters()
        if p.grad is None or not p.grad.isfinite().all()
    ]
    if lost or not loss.isfinite():
        raise FloatingPointError(f"loss {loss.item()}; gradients not finite: {lost}")
    norm = nn.utils.clip_grad_norm_(detector.parameters(), clip or float("inf"))
    optimiser.step()
    return loss.item(), norm.item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=["pico", "electrode_pico"])
    parser.add_argument("--precisions", nargs="*", default=["float32", "bfloat16"])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--factor", type=float, default=10.0, help="times the default rate")
    parser.add_argument("--window-s", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for model in options.models:
        config = load("train", TrainConfig, [f"model={model}"])
        recipe = replace(config.optimisation, lr=options.factor * config.optimisation.lr)
        n_samples = round(256 * options.window_s)
        for precision in options.precisions:
            torch.manual_seed(0)
            draw = np.random.default_rng(0)
            detector = build.network(config.model, build.input_spec(config, CANONICAL_19))
            optimiser = make_optimiser(detector, recipe)
            schedule = make_schedule(optimiser, recipe, options.steps)
            steps = []
            for _ in range(options.steps):
                eeg, target = with_rhythm(draw, hostile_windows(draw, 2, n_samples))
                clip = config.trainer.gradient_clip_val
                autocast = PRECISIONS[precision]
                steps.append(finite_step(detector, optimiser, eeg, target, autocast, clip))
                schedule.step()
            loss, norm = np.array(steps).T
            print(
                f"{model}, {precision}: {options.steps} steps at a rate of {recipe.lr:g}, all "
                f"finite; loss {loss[:20].mean():.3f} to {loss[-100:].mean():.3f}, highest "
                f"{loss.max():.3g}; gradient norm {np.median(norm):.3g}, highest {norm.max():.3g}",
                flush=True,
            )


if __name__ == "__main__":
    main()
