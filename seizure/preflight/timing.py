"""Time: one step of each stage, on the device of a run and with its batches."""

import io
import itertools
import time
from dataclasses import dataclass

import torch
from lightning.pytorch.plugins.precision import Precision
from torch.utils.data import DataLoader

from seizure.learning.module import DetectionModule
from seizure.learning.optimiser import make_optimiser
from seizure.preflight.check import Check
from seizure.windows.dataset import WindowBatch

# A step on a large batch may take minutes on a processor: no more windows than fit into this.
_STEP_BUDGET_S = 6.0


@dataclass(frozen=True)
class StepTimes:
    """Seconds of one batch in each stage, for the batch sizes of the loader.

    Measured with `n_windows` of them and scaled up where these are fewer. `load_s` is in one
    process, with the cache as warm as it is, `load_busy` the share of it that a core works;
    `step_busy` is how many cores the step keeps at work, `first_batch_s` how long the loader takes
    to its first batch, workers started. `checkpoint_s` writes into memory, not to the disk.
    """

    n_windows: int
    load_s: float
    load_busy: float
    first_batch_s: float
    transfer_s: float
    forward_s: float
    backward_s: float
    optimiser_s: float
    step_busy: float
    scoring_load_s: float
    scoring_s: float
    checkpoint_s: float
    checkpoint_bytes: int
    device_gib: float | None

    @property
    def compute_s(self) -> float:
        """One step on the device."""
        return self.forward_s + self.backward_s + self.optimiser_s


def measure(
    module: DetectionModule,
    train: DataLoader[WindowBatch],
    scored: DataLoader[WindowBatch],
    plugin: Precision,
    device: torch.device,
    window_s: float,
    clip: float | None,
) -> StepTimes:
    """Time one step of each stage, after one that is not counted; the weights change.

    `window_s` is about how long one window takes forwards; fewer than a whole batch are timed where
    that would take long. Raises `torch.OutOfMemoryError`.
    """
    module.to(device).train()
    plugin.convert_module(module)
    optimiser = make_optimiser(module.network, module.optimisation)
    batch, load_s, load_busy, first_batch_s = _load(train)
    scored_batch, scoring_load_s, *_ = _load(scored)
    sizes = len(batch.row), len(scored_batch.row)
    n_windows = sizes[0]
    if device.type == "cpu":
        n_windows = max(1, min(n_windows, int(_STEP_BUDGET_S / (3 * max(window_s, 1e-6)))))
    batch = batch.mapped(lambda t: t[:n_windows])
    scored_batch = scored_batch.mapped(lambda t: t[:n_windows])
    scale, scoring_scale = sizes[0] / n_windows, sizes[1] / len(scored_batch.row)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    _step(module, optimiser, batch, plugin, device, clip)  # finds its kernels and its memory
    worked_s = time.process_time()
    transfer_s, forward_s, backward_s, optimiser_s = _step(
        module, optimiser, batch, plugin, device, clip
    )
    worked_s = time.process_time() - worked_s
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None
    module.eval()
    watch = _Stopwatch(device)
    with torch.no_grad(), plugin.forward_context():
        module.predict_step(_moved(scored_batch, plugin, device))
    scoring_s = watch.lap()
    memory = io.BytesIO()
    torch.save({"state": module.state_dict(), "optimiser": optimiser.state_dict()}, memory)
    return StepTimes(
        n_windows=n_windows,
        load_s=load_s,
        load_busy=load_busy,
        first_batch_s=first_batch_s,
        transfer_s=transfer_s * scale,
        forward_s=forward_s * scale,
        backward_s=backward_s * scale,
        optimiser_s=optimiser_s,
        step_busy=worked_s / (transfer_s + forward_s + backward_s + optimiser_s),
        scoring_load_s=scoring_load_s,
        scoring_s=scoring_s * scoring_scale,
        checkpoint_s=watch.lap(),
        checkpoint_bytes=memory.getbuffer().nbytes,
        device_gib=peak,
    )


def check_step(step: StepTimes, batch_size: int) -> Check:
    """What one step of each stage takes."""
    parts = (
        ("load a batch", step.load_s),
        ("to the device", step.transfer_s),
        ("forward", step.forward_s),
        ("backward", step.backward_s),
        ("optimiser", step.optimiser_s),
        ("validation batch", step.scoring_s),
        ("checkpoint", step.checkpoint_s),
    )
    found = ", ".join(f"{what} {1e3 * seconds:.0f} ms" for what, seconds in parts)
    if step.n_windows < batch_size:
        found += f"; timed with {step.n_windows} of the {batch_size} windows of a batch, scaled up"
    if step.device_gib is not None:
        found += f"; at most {step.device_gib:.1f} GiB of the device"
    return Check("one step", "ok", f"{found}; first batch after {step.first_batch_s:.1f} s")


def _step(
    module: DetectionModule,
    optimiser: torch.optim.Optimizer,
    batch: WindowBatch,
    plugin: Precision,
    device: torch.device,
    clip: float | None,
) -> tuple[float, float, float, float]:
    """Seconds to the device, forward, backward and of the optimiser, as in a training step."""
    watch = _Stopwatch(device)
    there = _moved(batch, plugin, device)
    transfer_s = watch.lap()
    with plugin.forward_context():
        loss = module.loss(module.network(there.normalised()), there.target, there.learnt)
    forward_s = watch.lap()
    scaler = getattr(plugin, "scaler", None)
    (loss if scaler is None else scaler.scale(loss)).backward()
    backward_s = watch.lap()
    if scaler is not None:
        scaler.unscale_(optimiser)
    if clip is not None:
        torch.nn.utils.clip_grad_norm_(module.network.parameters(), clip)
    if scaler is None:
        optimiser.step()
    else:
        scaler.step(optimiser)
        scaler.update()
    optimiser.zero_grad()
    return transfer_s, forward_s, backward_s, watch.lap()


def _moved(batch: WindowBatch, plugin: Precision, device: torch.device) -> WindowBatch:
    return plugin.convert_input(batch.mapped(lambda t: t.to(device)))


def _load(loader: DataLoader[WindowBatch]) -> tuple[WindowBatch, float, float, float]:
    """A batch; seconds one takes in this process, the share of them at work, and to the first."""
    watch = _Stopwatch(torch.device("cpu"))
    batch = next(iter(loader))
    first_s = watch.lap()
    # The second batch of the epoch where there is one: nobody has read its windows yet.
    *_, windows = itertools.islice(loader.sampler, 2)
    watch.lap()
    worked_s = time.process_time()
    loader.dataset[windows]
    load_s = watch.lap()
    return batch, load_s, min(1.0, (time.process_time() - worked_s) / load_s), first_s


class _Stopwatch:
    """Seconds since the last lap, with all that the device had to do by then."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._wait()
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last call."""
        self._wait()
        now = time.perf_counter()
        taken, self._last = now - self._last, now
        return taken

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
