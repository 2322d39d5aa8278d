"""Several processes on processors leave their group together, so that none dies at its exit."""

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from torch import distributed


class LeaveTogether(Callback):
    """Closes a gloo group once every process is done with it.

    Lightning closes NCCL's groups at exit, but not gloo's; its threads then end the process with
    SIGABRT now and then, after everything was done.
    """

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if distributed.is_available() and distributed.is_initialized():
            if distributed.get_backend() != "gloo":
                return
            distributed.barrier()
            distributed.destroy_process_group()
