"""Where the seconds of an epoch go, taken from the marks that Lightning sets for its profilers."""

import time
from collections import defaultdict, deque
from typing import Any, Literal, Protocol

import torch
from lightning.pytorch.profilers import Profiler

Stage = Literal[
    "wait", "transfer", "forward", "backward", "optimiser", "logging",
    "validation", "validation_wait", "checkpoint",
]  # fmt: skip

# Lightning's names of what it does, by their ends.
_STAGE_OF = {
    "[_TrainingEpochLoop].train_dataloader_next": "wait",
    "run_training_batch": "optimiser",  # what is left of a batch without its two passes
    "save_checkpoint": "checkpoint",
    "[_EvaluationLoop].val_next": "validation_wait",
}
_STAGE_OF_STRATEGY = {
    "batch_to_device": "transfer", "training_step": "forward", "backward": "backward",
}  # fmt: skip
_KEEP = 512


class Timeline(Protocol):
    """Marks in time, and the seconds between two of them."""

    def mark(self) -> Any: ...

    def is_known(self, mark: Any) -> bool: ...

    def between_s(self, start: Any, stop: Any) -> float: ...

    def wait(self) -> None: ...


class HostTimeline:
    """The processor's clock: right where nothing runs behind it."""

    def mark(self) -> float:
        """Now."""
        return time.perf_counter()

    def is_known(self, mark: float) -> bool:
        """Always."""
        return True

    def between_s(self, start: float, stop: float) -> float:
        """Seconds between two marks."""
        return stop - start

    def wait(self) -> None:
        """Nothing to wait for."""


class CudaTimeline:
    """Events in the order of the device's work, read once the device has passed them.

    Nothing waits for the device but the end of an epoch. A wait for data is then what the device
    waited, not the processor: what passes while earlier kernels run costs nothing.
    """

    def mark(self) -> torch.cuda.Event:
        """Now, in the device's queue."""
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def is_known(self, mark: torch.cuda.Event) -> bool:
        """Whether the device has come so far."""
        return mark.query()

    def between_s(self, start: torch.cuda.Event, stop: torch.cuda.Event) -> float:
        """Seconds between two marks."""
        return start.elapsed_time(stop) / 1000

    def wait(self) -> None:
        """Until the device has done all it was given."""
        torch.cuda.synchronize()


class StageClock(Profiler):
    """Charges every moment of a training run to one stage; passes all marks on to `inner`.

    `base` is the stage of everything that has no mark of its own.
    """

    def __init__(self, inner: Profiler, timeline: Timeline) -> None:
        super().__init__()
        self.inner = inner
        self.timeline = timeline
        self._known: dict[str, Stage | None] = {}
        self._open: list[tuple[str, Stage]] = []
        self._base: Stage = "logging"
        self._current: Stage = "logging"
        self._last = timeline.mark()
        self._spans: deque[tuple[Stage, Any, Any]] = deque()
        self._seconds: dict[Stage, float] = defaultdict(float)

    @property
    def base(self) -> Stage:
        """The stage of what Lightning sets no marks around."""
        return self._base

    @base.setter
    def base(self, stage: Stage) -> None:
        self._base = stage
        self._change()

    def restart(self, base: Stage) -> None:
        """Forget what was charged so far."""
        self.take()
        self.base = base

    def take(self) -> dict[Stage, float]:
        """Seconds by stage since the last call."""
        self._charge()
        self.timeline.wait()
        self._settle()
        taken, self._seconds = dict(self._seconds), defaultdict(float)
        return taken

    def start(self, action_name: str) -> None:
        self.inner.start(action_name)
        if action_name.endswith("on_validation_model_zero_grad"):
            # The first sign of a validation: next its workers start.
            self.base = "validation"
        stage = self._stage_of(action_name)
        if stage is not None:
            self._open.append((action_name, stage))
            self._change()

    def stop(self, action_name: str) -> None:
        if self._open and self._open[-1][0] == action_name:
            _, stage = self._open.pop()
            if stage == "wait":
                # Before the first batch workers start; between batches there is bookkeeping.
                self._base = "logging"
            self._change()
        self.inner.stop(action_name)

    def summary(self) -> str:
        return self.inner.summary()

    def describe(self) -> None:
        self.inner.describe()

    def setup(self, stage: str, local_rank: int | None = None, log_dir: str | None = None) -> None:
        self.inner.setup(stage, local_rank, log_dir)

    def teardown(self, stage: str | None) -> None:
        self.inner.teardown(stage)

    def _stage_of(self, action: str) -> Stage | None:
        if action not in self._known:
            stage = _STAGE_OF.get(action)
            if action.startswith("[Strategy]"):
                stage = _STAGE_OF_STRATEGY.get(action.rpartition(".")[2])
            self._known[action] = stage  # pyright: ignore[reportArgumentType]
        return self._known[action]

    def _change(self) -> None:
        stage = self._open[-1][1] if self._open else self._base
        if self._base == "validation" and stage not in ("validation_wait", "checkpoint"):
            stage = "validation"
        if stage != self._current:
            self._charge()
            self._current = stage

    def _charge(self) -> None:
        now = self.timeline.mark()
        self._spans.append((self._current, self._last, now))
        self._last = now
        if len(self._spans) > _KEEP:
            self._settle()

    def _settle(self) -> None:
        while self._spans and self.timeline.is_known(self._spans[0][2]):
            stage, start, stop = self._spans.popleft()
            self._seconds[stage] += self.timeline.between_s(start, stop)
