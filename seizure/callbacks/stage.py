"""One loop of a run, a training epoch or a validation, as it is spoken of."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass
class Stage:
    """What is known of the loop that runs now; written by the run, read by the timer's thread.

    The loss leaves the device when the run itself asks for it, at most every `read_every_s`: the
    timer's thread must not wait for a device that hangs.
    """

    name: str
    n_batches: float
    started_at: float
    last_batch_at: float
    read_every_s: float = 0.0
    n_before: int = 0
    n_done: int = 0
    mean_loss: float | None = None
    _total: Tensor | None = None
    _n_losses: int = 0
    _read_at: float = 0.0

    def count(self, loss: Tensor | None, now: float) -> None:
        """One batch more."""
        self.n_done += 1
        self.last_batch_at = now
        if loss is None:
            return
        self._total = loss if self._total is None else self._total + loss
        self._n_losses += 1
        if self.is_done or now - self._read_at >= self.read_every_s:
            self._read_at = now
            self.mean_loss = float(self._total) / self._n_losses

    @property
    def is_done(self) -> bool:
        """Whether every batch was counted."""
        return self.n_done >= self.n_batches

    def line(self, now: float) -> str:
        """One line of progress: batches, rate, time left and loss, or how long it has waited."""
        of = f"{self.n_done} of {self.n_batches:g} batches"
        waited_s = now - self.last_batch_at
        if self.is_done:
            return f"{self.name}: all {self.n_batches:g} batches done {duration(waited_s)} ago"
        if self.n_done == self.n_before:
            return f"{self.name}: no batch yet after {now - self.started_at:.0f} s"
        # Judged by its own pace: three of its mean batches without a sign is worth a word.
        mean_s = (self.last_batch_at - self.started_at) / (self.n_done - self.n_before)
        if waited_s > max(5.0, 3 * mean_s):
            return f"{self.name}: no batch for {waited_s:.0f} s ({of} done)"
        left_s = (self.n_batches - self.n_done) * mean_s
        rate = f"{1 / mean_s:.3g} batches/s" if mean_s else "fast"
        return f"{self.name}: {of}, {rate}, {duration(left_s)} left{self.loss_in_words()}"

    def done(self, now: float, metrics: dict[str, float] | None = None) -> str:
        """How long it took, the average loss, and the metrics.

        A loss among these is over all processes and samples: it is the better average.
        """
        others = dict(metrics or {})
        self.mean_loss = others.pop("loss", self.mean_loss)
        listed = "".join(f", {name} {value:.4f}" for name, value in sorted(others.items()))
        took = duration(now - self.started_at)
        return f"{self.name} done in {took}{self.loss_in_words()}{listed}"

    def loss_in_words(self) -> str:
        """The average loss of the batches so far, where they have one."""
        return "" if self.mean_loss is None else f", average loss {self.mean_loss:.4f}"


def amount(n_batches: float, loaders: Any, world_size: int) -> str:
    """Batches of one process, and the windows that all processes see in them.

    >>> from torch.utils.data import DataLoader
    >>> amount(3, DataLoader([0.0] * 10, batch_size=4), world_size=1)
    '3 batches, 10 windows'
    """
    n_windows = 0
    for loader in loaders if isinstance(loaders, list | tuple) else [loaders]:
        # A loader of ready batches leaves their size to its sampler.
        sampler = loader.batch_sampler or loader.sampler
        size = loader.batch_size or getattr(sampler, "batch_size", 1)
        n_windows += min(n_batches * size * world_size, len(loader.dataset))
    return f"{n_batches:g} batches, {n_windows:g} windows"


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(8.2), duration(125), duration(7260)
    ('8 s', '2 min 05 s', '2 h 01 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
