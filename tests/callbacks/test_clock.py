"""Every moment of an epoch is charged to one stage, and the device's time is the device's."""

from collections import deque

import pytest
from lightning.pytorch.profilers import PassThroughProfiler, SimpleProfiler

from seizure.callbacks.clock import CudaTimeline, HostTimeline, StageClock

STRATEGY = "[Strategy]SingleDeviceStrategy."
FETCH = "[_TrainingEpochLoop].train_dataloader_next"
VALIDATION_FETCH = "[_EvaluationLoop].val_next"


class Hands(HostTimeline):
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def mark(self) -> float:
        return self.now


def clock_with_hands():
    hands = Hands()
    clock = StageClock(PassThroughProfiler(), hands)
    clock.restart("wait")

    def spend(seconds, *actions):
        for action in actions:
            clock.start(action)
        hands.now += seconds
        for action in reversed(actions):
            clock.stop(action)

    return clock, hands, spend


def step(spend, clock, hands):
    spend(1, FETCH)
    spend(2, STRATEGY + "batch_to_device")
    clock.start("run_training_batch")
    spend(4, "[LightningModule]DetectionModule.optimizer_step", STRATEGY + "training_step")
    spend(8, STRATEGY + "backward")
    spend(16, "[Callback]Guard.on_after_backward")
    clock.stop("run_training_batch")
    spend(32, "[Callback]ModelCheckpoint.on_train_batch_end", "save_checkpoint")
    spend(64, "[Callback]Heartbeat.on_train_batch_end")


def test_each_part_of_a_step_goes_where_it_belongs():
    clock, hands, spend = clock_with_hands()
    step(spend, clock, hands)
    assert clock.take() == {
        "wait": 1,
        "transfer": 2,
        "forward": 4,
        "backward": 8,
        "optimiser": 16,
        "checkpoint": 32,
        "logging": 64,
    }


def test_workers_that_start_are_a_wait_for_data():
    clock, hands, spend = clock_with_hands()
    hands.now += 5  # the loader makes its workers
    spend(1, FETCH)
    hands.now += 3  # after the first batch, the rest is bookkeeping
    assert clock.take() == {"wait": 6, "logging": 3}


def test_a_validation_is_one_thing_but_for_its_waits_and_checkpoints():
    clock, hands, spend = clock_with_hands()
    spend(0, FETCH)
    clock.start("[LightningModule]DetectionModule.on_validation_model_zero_grad")
    clock.stop("[LightningModule]DetectionModule.on_validation_model_zero_grad")
    hands.now += 1  # its workers start
    spend(2, VALIDATION_FETCH)
    spend(4, STRATEGY + "batch_to_device")
    spend(8, STRATEGY + "validation_step")
    spend(16, "[Callback]ModelCheckpoint.on_validation_end", "save_checkpoint")
    clock.base = "logging"
    hands.now += 32
    taken = {stage: seconds for stage, seconds in clock.take().items() if seconds}
    assert taken == {"validation": 13, "validation_wait": 2, "checkpoint": 16, "logging": 32}


def test_nothing_is_lost_and_nothing_is_charged_twice():
    clock, hands, spend = clock_with_hands()
    for _ in range(600):  # more spans than are kept open
        step(spend, clock, hands)
    assert sum(clock.take().values()) == hands.now
    assert clock.take().keys() == {"logging"}


def test_another_profiler_still_gets_its_marks():
    inner = SimpleProfiler()
    clock = StageClock(inner, HostTimeline())
    with clock.profile("run_training_batch"), clock.profile("anything else"):
        pass
    assert set(inner.recorded_durations) == {"run_training_batch", "anything else"}
    assert "run_training_batch" in clock.summary()


class Card:
    """Stands for a CUDA device: kernels run in order, behind the processor's clock."""

    def __init__(self) -> None:
        self.host_s = 0.0
        self.free_at_s = 0.0
        self.queue: deque = deque()

    def launch(self, seconds: float) -> None:
        self.free_at_s = max(self.free_at_s, self.host_s) + seconds

    def event(self, enable_timing: bool):
        card = self

        class Event:
            def record(self):
                # An event is passed when all before it is done, or at once on an idle device.
                self.at_s = max(card.free_at_s, card.host_s)

            def query(self):
                return self.at_s <= card.host_s

            def elapsed_time(self, other):
                return 1000 * (other.at_s - self.at_s)

        return Event()

    def synchronize(self) -> None:
        self.n_waits = getattr(self, "n_waits", 0) + 1
        self.host_s = max(self.host_s, self.free_at_s)


@pytest.mark.parametrize(("load_s", "wait_s"), [(3.0, 0.0), (14.0, 4.0)])
def test_what_loads_while_the_device_works_costs_nothing(monkeypatch, load_s, wait_s):
    card = Card()
    monkeypatch.setattr("torch.cuda.Event", card.event)
    monkeypatch.setattr("torch.cuda.synchronize", card.synchronize)
    clock = StageClock(PassThroughProfiler(), CudaTimeline())
    for _ in range(10):
        clock.start(FETCH)
        card.host_s += load_s
        clock.stop(FETCH)
        clock.start("run_training_batch")
        for action, seconds in (("training_step", 3.0), ("backward", 7.0)):
            clock.start(STRATEGY + action)
            card.launch(seconds)
            clock.stop(STRATEGY + action)
        clock.stop("run_training_batch")
    assert not hasattr(card, "n_waits")
    taken = clock.take()
    assert card.n_waits == 1
    # The first batch finds the device idle.
    assert taken["wait"] == pytest.approx(load_s + 9 * wait_s)
    assert taken["forward"] == pytest.approx(30)
    assert taken["backward"] == pytest.approx(70)
