"""Stops a run at the first loss or gradient that is not finite, and keeps what shows why."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from seizure.callbacks.nonfinite import Finding, first_nonfinite
from seizure.callbacks.reproduction import Reproduction
from seizure.learning.module import DetectionModule
from seizure.windows.dataset import WindowBatch


class NonFinite(RuntimeError):
    """Training broke; the message names the layer, the windows and the file that replays it."""


class Guard(pl.Callback):
    """Raises `NonFinite` after the first batch whose loss or gradient is not finite.

    A batch costs one look at its loss and at the norm of the gradient, together: on a GPU one wait
    for the device. Under a loss scaler a gradient beyond float16 is no fault, the scaler skips that
    step and lowers the scale; it is one once the scale is down to 1. All ranks stop together, each
    with a file of its own batch in `folder`. Place it after `RandomState`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._batch: WindowBatch | None = None
        self._number = 0
        self._loss = torch.zeros(())
        self._random: dict[str, Tensor | None] = {}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        on_cuda = trainer.strategy.root_device.type == "cuda"
        self._batch, self._number = batch, batch_idx
        self._random = {
            "cpu": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state() if on_cuda else None,
        }

    def on_before_backward(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor
    ) -> None:
        self._loss = loss.detach()

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        is_fine = bool(torch.isfinite(self._loss) & torch.isfinite(norm))
        if trainer.world_size > 1:
            is_fine = trainer.strategy.reduce_boolean_decision(is_fine)
        if is_fine:
            return
        scale = loss_scale(trainer)
        if scale > 1 and bool(torch.isfinite(self._loss)):
            return
        assert isinstance(pl_module, DetectionModule)
        raise NonFinite(self._keep(trainer, pl_module, scale))

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._batch = None

    def _keep(self, trainer: pl.Trainer, module: DetectionModule, scale: float) -> str:
        """Write the reproduction, find the layer, and say both."""
        assert self._batch is not None
        place = (trainer.current_epoch, self._number, trainer.global_rank)
        windows = windows_in_words(trainer, self._batch)
        broken = "gradient" if bool(torch.isfinite(self._loss)) else "loss"
        weights = {name: t.clone() for name, t in module.network.state_dict().items()}
        put_back(self._random)
        precision = trainer.precision_plugin.train_step_context()
        finding = first_nonfinite(module, self._batch, place, precision, scale)
        found = in_words(finding, broken)
        rank = f"-rank{trainer.global_rank}" if trainer.world_size > 1 else ""
        path = self.folder / f"nonfinite{rank}.pt"
        Reproduction(
            configuration=settled(module),
            weights=weights,
            batch=self._batch,
            place=place,
            random=self._random,
            precision=str(trainer.precision),
            device=trainer.strategy.root_device.type,
            loss_scale=scale,
            windows=windows,
            found=found,
        ).save(path)
        return (
            f"epoch {place[0] + 1}, batch {place[1] + 1}: the {broken} is not finite, training "
            f"stops. {found} Windows of the batch: {'; '.join(windows)}. Kept in {path}; to run it "
            f"again: python -m seizure.doctor replay={path}"
        )


def replay(path: Path, rebuild: Callable[[Mapping[str, Any]], DetectionModule]) -> str:
    """Runs the batch of a reproduction file again and says in plain lines where it breaks now.

    `rebuild` makes the module of a stored configuration, see `seizure.build.replay`. Raises
    `ReproductionError` if the file is none.
    """
    kept = Reproduction.load(path)
    on_cuda = kept.device == "cuda" and torch.cuda.is_available()
    device = torch.device("cuda" if on_cuda else "cpu")
    batch = kept.batch.mapped(lambda t: t.to(device))
    with torch.random.fork_rng():
        module = rebuild(kept.configuration).to(device).train()
        module.network.load_state_dict(kept.weights)
        put_back(kept.random)
        precision = _precision(kept.precision, device.type)
        finding = first_nonfinite(module, batch, kept.place, precision, kept.loss_scale)
    epoch, number, rank = kept.place
    now = f"now: {in_words(finding, 'loss')}" if finding else "now: everything is finite."
    elsewhere = "" if device.type == kept.device else f", here on {device.type}"
    return "\n".join(
        (
            f"epoch {epoch + 1}, batch {number + 1}, rank {rank}, in {kept.precision} on "
            f"{kept.device}{elsewhere}",
            f"windows: {'; '.join(kept.windows)}",
            f"then: {kept.found}",
            now,
        )
    )


def loss_scale(trainer: pl.Trainer) -> float:
    """What the loss is multiplied by before the backward pass: 1 without a scaler."""
    scaler = getattr(trainer.precision_plugin, "scaler", None)
    return 1.0 if scaler is None else float(scaler.get_scale())


def in_words(finding: Finding | None, broken: str) -> str:
    """Where it broke; a search that finds nothing is said too."""
    if finding is None:
        return (
            f"Run again, every layer and gradient of this batch is finite: the {broken} of another "
            "process, or a norm beyond the largest float32."
        )
    return f"The first thing that is not finite is {finding.where}."


def settled(module: DetectionModule) -> dict[str, Any]:
    """The run's configuration, with the weight of seizures that followed from its data."""
    configuration = dict(module.hparams.get("configuration", {}))
    objective = dict(configuration.get("objective", {}))
    for part in module.loss.modules():
        for name in ("pos_weight", "alpha"):
            weight = getattr(part, name, None)
            if objective.get(name, 1.0) is None and isinstance(weight, float):
                objective[name] = weight
    return {**configuration, "objective": objective}


def windows_in_words(trainer: pl.Trainer, batch: WindowBatch) -> tuple[str, ...]:
    """Each window of a batch as recording and seconds, `aaaaaaac_s001_t000 120-180 s`."""
    index = getattr(getattr(trainer, "datamodule", None), "index", None)
    assert index is not None, "a run has a WindowDataModule"
    window_s = batch.eeg.shape[-1] / index.rate_hz
    starts_s = (batch.start / index.rate_hz).tolist()
    return tuple(
        f"{index.stem[row]} {start_s:g}-{start_s + window_s:g} s"
        for row, start_s in zip(batch.row.tolist(), starts_s, strict=True)
        if row >= 0
    )


def put_back(random: Mapping[str, Tensor | None]) -> None:
    """Set torch's generators to what they were."""
    if random["cpu"] is not None:
        torch.set_rng_state(random["cpu"])
    if random["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(random["cuda"])


def _precision(name: str, device: str) -> torch.autocast:
    """The autocast of a training step in Lightning's precision `name`."""
    dtype = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(name)
    return torch.autocast(device, dtype=dtype, enabled=dtype is not None, cache_enabled=False)
