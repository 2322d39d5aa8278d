"""A profile is of training steps alone, and leaves a trace and a table."""

import json

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader

from seizure.callbacks.step_profile import StepProfile


class Small(pl.LightningModule):
    """Multiplies matrices in training and sorts in validation."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch):
        return self.layer(batch).mean()

    def validation_step(self, batch):
        return batch.sort().values.mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_the_steps_after_the_first_three_are_profiled(tmp_path):
    loader = DataLoader(torch.randn(40, 4), batch_size=4)
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        callbacks=[StepProfile(tmp_path / "profile", n_steps=5)],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(Small(), loader, loader)
    events = json.loads((tmp_path / "profile" / "trace.json").read_text())["traceEvents"]
    steps = {e["name"] for e in events if str(e.get("name", "")).startswith("ProfilerStep#")}
    assert steps == {f"ProfilerStep#{number}" for number in range(3, 8)}
    names = {e.get("name") for e in events}
    assert "aten::linear" in names
    assert "aten::sort" not in names
    table = (tmp_path / "profile" / "top10.txt").read_text()
    rows = [
        line for line in table.splitlines() if line and not line.startswith(("-", "Self", " Name"))
    ]
    assert "Self CPU" in table
    assert 5 < len(rows) <= 12
