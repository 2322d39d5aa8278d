"""The LightningModule: one shared step around a network, a loss and an optimiser."""

from typing import Any, NamedTuple

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from seizure.events.decide import Postprocessing
from seizure.learning.augmentation import Augmenter
from seizure.learning.metrics import detection_metrics
from seizure.learning.optimiser import make_optimiser, make_schedule
from seizure.learning.spec import Optimisation
from seizure.learning.tracks import (
    NothingToScoreError,
    WindowFrames,
    frames_of,
    of_all_ranks,
    stitched,
)
from seizure.windows.dataset import WindowBatch


class StepResult(NamedTuple):
    """Loss of a batch (a scalar) and its logits (batch, time)."""

    loss: Tensor
    logits: Tensor


class DetectionModule(pl.LightningModule):
    """Trains a network that maps EEG (batch, channel, time) to logits (batch, time).

    Validation scores whole stitched recordings: `val/loss` (mean over samples), `val/auroc` (per
    frame), `val/sensitivity_at_10fa` and `val/mean_sensitivity`, see `detection_metrics`; a test
    does the same as `test/…`. With several processes each of them sees a part of the windows and
    scores the recordings of all, so that the figures are those of one process.
    `augment` changes training windows, see `Augmenter`; None leaves them as they are.
    `configuration` is stored in checkpoints as plain containers, so that a checkpoint alone is
    enough to build the network again.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module,
        optimisation: Optimisation,
        postprocessing: Postprocessing,
        rate_hz: float = 256.0,
        track_rate_hz: float = 16.0,
        configuration: dict[str, Any] | None = None,
        augment: Augmenter | None = None,
    ) -> None:
        super().__init__()
        self.augment = augment
        self.network = network
        self.loss = loss
        self.optimisation = optimisation
        self.postprocessing = postprocessing
        self.rate_hz = rate_hz
        self.track_rate_hz = track_rate_hz
        self.scored_loss = MeanMetric()
        self._frames: list[WindowFrames] = []
        self.save_hyperparameters({"configuration": configuration or {}}, logger=False)

    def forward(self, eeg: Tensor) -> Tensor:
        """Normalised EEG (batch, channel, time) to logits (batch, time)."""
        return self.network(eeg)

    def training_step(self, batch: WindowBatch, batch_idx: int) -> Tensor:
        """The batch's loss."""
        return self.learn(batch, (self.current_epoch, batch_idx, self.global_rank))

    def learn(self, batch: WindowBatch, place: tuple[int, int, int]) -> Tensor:
        """The loss of a training batch; augmentation is drawn from its (epoch, number, rank)."""
        eeg, present = batch.normalised(), batch.present
        if self.augment is not None:
            eeg, present = self.augment.change(eeg, present, batch.valid, *place)
        return self._step(batch, eeg, present).loss

    def validation_step(self, batch: WindowBatch) -> Tensor:
        """The batch's loss; its frames are kept until the recordings are complete."""
        return self._scoring_step(batch, "val")

    def test_step(self, batch: WindowBatch) -> Tensor:
        """The same for a split that nothing was chosen on."""
        return self._scoring_step(batch, "test")

    def on_validation_epoch_end(self) -> None:
        """Score the stitched recordings."""
        # The sanity check sees a few windows of one recording: nothing that could be scored.
        if self.trainer.sanity_checking:
            self._frames = []
        else:
            self._score("val")

    def on_test_epoch_end(self) -> None:
        """Score the stitched recordings."""
        self._score("test")

    def predict_step(self, batch: WindowBatch) -> WindowFrames:
        """Probabilities of each window at the track's rate."""
        return self._frames_of(batch, self._logits(batch.normalised(), batch.present))

    def configure_optimizers(self) -> Any:
        """AdamW and a schedule over the whole training, stepped once a batch."""
        optimiser = make_optimiser(self.network, self.optimisation)
        n_steps = int(self.trainer.estimated_stepping_batches)
        schedule = make_schedule(optimiser, self.optimisation, n_steps)
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _logits(self, eeg: Tensor, present: Tensor | None) -> Tensor:
        # Only a detector of single electrodes knows masks; others are never given one.
        return self.network(eeg) if present is None else self.network(eeg, present)

    def _step(self, batch: WindowBatch, eeg: Tensor, present: Tensor | None) -> StepResult:
        logits = self._logits(eeg, present)
        return StepResult(self.loss(logits, batch.target, batch.learnt), logits)

    def _scoring_step(self, batch: WindowBatch, stage: str) -> Tensor:
        step = self._step(batch, batch.normalised(), batch.present)
        self._frames.append(self._frames_of(batch, step.logits))
        # Weighted by samples, the mean does not depend on how windows fall into batches and ranks;
        # Lightning's own mean over ranks would round the numbers of samples.
        self.scored_loss.update(step.loss, weight=batch.valid.sum())
        self.log(f"{stage}/loss", self.scored_loss)
        return step.loss

    def _score(self, stage: str) -> None:
        frames, self._frames = self._frames, []
        if self.trainer.world_size > 1:
            frames = [of_all_ranks(frames, self.all_gather)]  # pyright: ignore[reportArgumentType]
        index = self.trainer.datamodule.index  # pyright: ignore[reportAttributeAccessIssue]
        result = stitched(frames, index, self.track_rate_hz)
        if not result.recordings:
            raise NothingToScoreError(
                f"{stage}: saw {result.n_partly_seen} recordings in part and none whole, so "
                f"there is nothing to score; raise trainer.limit_{stage}_batches"
            )
        figures = detection_metrics(result.recordings, self.postprocessing)
        self.log_dict({f"{stage}/{name}": value for name, value in figures.items()}, sync_dist=True)

    def _frames_of(self, batch: WindowBatch, logits: Tensor) -> WindowFrames:
        return frames_of(torch.sigmoid(logits.float()), batch, self.rate_hz, self.track_rate_hz)
