"""Ctrl-C and SIGTERM as a request: finish what is on, write the last checkpoint, then leave."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import lightning.pytorch as pl

from seizure.callbacks.checkpoint import steps_are_complete

log = logging.getLogger("seizure")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(RuntimeError):
    """The run was asked to stop and has written its last checkpoint."""


class Interruption(pl.Callback):
    """On SIGINT or SIGTERM stops after the batch, or after the validation, with a checkpoint.

    Call `trainer.fit` within `listening()`; it then raises `Interrupted`. A second signal stops at
    once, and `last.ckpt` stays what it was.
    """

    def __init__(self, last_checkpoint: Path) -> None:
        self.last_checkpoint = last_checkpoint
        self._asked = False
        self._is_listening = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes the signals while the block, the call of `trainer.fit`, runs.

        Lightning puts handlers of its own around these and restores them out of order, so the
        handlers from before are put back here, from outside.
        """
        before = {number: signal.signal(number, self._ask) for number in _SIGNALS}
        self._is_listening = True
        try:
            yield
        finally:
            self._is_listening = False
            for number, handler in before.items():
                signal.signal(number, handler)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Lightning's own answer to SIGTERM, by now in place, leaves after the batch: also between
        # the batches of one step, without a checkpoint.
        if self._is_listening:
            signal.signal(signal.SIGTERM, self._ask)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if self._any_was_asked(trainer) and steps_are_complete(trainer, batch_idx):
            trainer.save_checkpoint(self.last_checkpoint)
            raise Interrupted

    def on_validation_batch_start(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if self._asked and trainer.sanity_checking:
            raise Interrupted

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._any_was_asked(trainer):
            trainer.save_checkpoint(self.last_checkpoint)
            raise Interrupted

    def _any_was_asked(self, trainer: pl.Trainer) -> bool:
        """The processes of a run stop together: a checkpoint is written by all of them."""
        return trainer.strategy.reduce_boolean_decision(self._asked, all=False)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        log.info(
            "%s received: stopping after this batch or validation; once more stops at once",
            signal.Signals(number).name,
        )
