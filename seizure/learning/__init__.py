"""How a network is trained: loss, optimiser, metrics and the LightningModule."""
