"""Every check of a training configuration, on this machine; nothing is written."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import joblib
import torch

from seizure import build
from seizure.cache.index import CacheIndex
from seizure.cache.origin import ORIGIN_FILE, claim
from seizure.cache.shard import CacheError
from seizure.callbacks.precision import FORMATS, has_bf16, product_format
from seizure.callbacks.verdict import Circumstances
from seizure.cli.command import conf_folder
from seizure.cli.progress import progress
from seizure.config import SyntheticCorpus, TrainConfig
from seizure.corpus.entry import CorpusError
from seizure.corpus.synthetic.corpus import is_made
from seizure.eeg.montage import channels_of
from seizure.hardware import card_memory_gib, read_prices
from seizure.learning.module import DetectionModule
from seizure.nn.mamba import scan_backend
from seizure.preflight import cache, epoch, machine, model, precision, storage, timing
from seizure.preflight.check import Check
from seizure.preflight.remedy import prepare_command
from seizure.prepare import cache_of, reader_of, split_faults
from seizure.schema import to_plain
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.sampler import EmptyDraw

# With imports and one step of each stage, all stays below a minute.
CHECKSUM_BUDGET_S = 15.0
# Best, last, and one that is being written.
_CHECKPOINTS_AT_ONCE = 3
# Where none could be measured: more than the largest size needs, with its optimiser.
_CHECKPOINT_BYTES = 200 * 2**20


class Examination:
    """Gathers facts about what a configuration rests on, and has them judged.

    `step` and `epoch` are what was measured, None where it could not be.
    """

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.step: timing.StepTimes | None = None
        self.epoch: epoch.Epoch | None = None
        self._missing_bytes = 0  # of recordings that are still to be prepared
        self.machine = machine.this_machine()
        self.kind = self.machine.resolve(config.trainer.accelerator)
        self.used = build.precision(config.trainer)
        self.inputs = build.input_spec(config, channels_of(config.preprocess.montage))
        self.folder = cache_of(config.corpus, config.preprocess, config.paths.cache)
        self.command = prepare_command(config)
        self.prices = read_prices(conf_folder() / "prices.yaml")

    @property
    def is_there(self) -> bool:
        """Whether the device that is asked for is."""
        return {"cuda": bool(self.machine.cards), "mps": self.machine.has_mps}.get(self.kind, True)

    @property
    def n_processes(self) -> int:
        """Training processes on this machine."""
        settings = self.config.trainer
        return self.machine.n_processes(settings.accelerator, settings.devices)

    def checks(self) -> list[Check]:
        """Every check, what a run would meet first coming first."""
        index = self._index()
        facts = model.examine(
            build.network(self.config.model, self.inputs),
            self.inputs,
            self._autocast(),
            self.config.model.graph,
        )
        before = [*self._machine(index), *self._network(facts)]
        # Before the checksums, which would bring all of the cache into memory.
        time_taken = self._time(index, facts, before)
        price = epoch.check_price(self.config.hw, self.prices)
        return [*before, *self._cache(index), price, *time_taken]

    def _machine(self, index: CacheIndex | Check) -> list[Check]:
        settings, loading = self.config.trainer, self.config.loader
        window_bytes = 2 * self.inputs.n_channels * self.inputs.n_samples
        n, card = self.n_processes, self.config.hw.gpu
        read_bytes = (
            0 if isinstance(index, Check) else int(index.size_bytes[index.split != "eval"].sum())
        )
        return [
            machine.check_device(
                self.machine, settings.accelerator, settings.devices, self.config.hw
            ),
            precision.check_precision(self._precision(), card),
            machine.check_cores(self.machine, loading, n, self.kind == "cuda"),
            machine.check_memory(self.machine, loading, n, window_bytes, read_bytes),
            machine.check_shared_memory(self.machine, loading, n, window_bytes),
        ]

    def _cache(self, index: CacheIndex | Check) -> list[Check]:
        place = storage.place_of(self.folder)
        runs = storage.place_of(self.config.paths.runs)
        checkpoint_bytes = self.step.checkpoint_bytes if self.step else _CHECKPOINT_BYTES
        found = [storage.check_local(place)]
        if isinstance(index, Check):
            found.append(index)
        else:
            coverage = self._coverage(index)
            if isinstance(coverage, Check):
                found.append(coverage)
            else:
                self._missing_bytes = coverage.missing_bytes
                found.append(cache.check_complete(coverage, self.config.corpus.name, self.command))
            with progress("comparing checksums") as report:
                compared = cache.compare(self.folder, index, CHECKSUM_BUDGET_S, report)
            misplaced = cache.misplaced(self.folder, index)
            faults = split_faults(self.config.corpus.name, index)
            found.append(cache.check_intact(misplaced, compared, self.command))
            found.append(cache.check_splits(index, faults))
        if self._missing_bytes:
            found.append(storage.check_room("cache", place, self._missing_bytes))
        return [
            *found,
            storage.check_writable("runs", runs),
            storage.check_room("runs", runs, _CHECKPOINTS_AT_ONCE * checkpoint_bytes),
        ]

    def _network(self, facts: model.NetworkFacts) -> list[Check]:
        batch_size, memory = self.config.loader.batch_size, self._device_memory()
        return [
            model.check_scans(
                facts, scan_backend(self.kind), on_cuda=self.kind == "cuda" and self.is_there
            ),
            model.check_graphs(facts),
            model.check_encoding(facts),
            model.check_batch(facts, batch_size, *memory, is_exact=self.kind == "cpu"),
        ]

    def _time(
        self, index: CacheIndex | Check, facts: model.NetworkFacts, before: Sequence[Check]
    ) -> list[Check]:
        config, name = self.config, "one step"
        # Starved workers are slow, everything else would end the step.
        faults = [c.name for c in before if c.status == "fail" and c.name != machine.CORES]
        if faults:
            why = f"it could not work here, for {' and '.join(faults)}"
            return [Check(name, "warn", f"not timed: {why}", "first what is said of these, above")]
        if isinstance(index, Check):
            return [Check(name, "warn", "not timed: no cache to load a batch from", self.command)]
        data = WindowDataModule(
            self.folder, index, config.windows, config.balance, config.loader, config.seed
        )
        try:
            module = build.module(config, data, to_plain(config))
            self.step, n_train, n_val = self._measured(module, data, facts)
        except CacheError as error:
            return [Check(name, "fail", str(error), f"{self.command} prepare.verify=true")]
        except EmptyDraw as error:
            what, _, fix = str(error).partition("; ")
            return [Check(name, "fail", what, fix)]
        except ValueError as error:
            return [Check(name, "fail", str(error), f"see {cache.SPLITS}, and balance.…")]
        except torch.OutOfMemoryError as error:
            fix = model.smaller_batch(facts, config.loader.batch_size, self._device_memory()[0])
            return [Check(name, "fail", _first_line(error), fix)]
        except RuntimeError as error:  # what a kernel or a device cannot do
            fix = "trainer.precision=32-true, or report it with the whole error of seizure.train"
            return [Check(name, "fail", _first_line(error), fix)]
        self.epoch = epoch.estimate(
            self.step, config.loader, n_train, n_val, config.trainer.check_val_every_n_epoch
        )
        return [
            timing.check_step(self.step, config.loader.batch_size),
            epoch.check_bottleneck(self.epoch, self._circumstances(self.step)),
            epoch.check_epoch(self.epoch, config.trainer.max_epochs, config.hw, self.prices, n_val),
        ]

    def _measured(
        self, module: DetectionModule, data: WindowDataModule, facts: model.NetworkFacts
    ) -> tuple[timing.StepTimes, int, int]:
        settings = self.config.trainer
        train, scored = data.train_dataloader(), data.val_dataloader()
        trainer = build.scoring_trainer(settings.accelerator, self.used)
        step = timing.measure(
            module,
            train,
            scored,
            trainer.precision_plugin,
            trainer.strategy.root_device,
            facts.forward_s,
            settings.gradient_clip_val,
        )
        n_ranks = self.n_processes * settings.num_nodes
        n_train = max(1, len(train) // n_ranks)
        n_val = -(-len(scored) // n_ranks)
        return (
            step,
            _limited(n_train, settings.limit_train_batches),
            _limited(n_val, settings.limit_val_batches),
        )

    def _index(self) -> CacheIndex | Check:
        """The index of the cache, or that there is none."""
        try:
            return CacheIndex.load(self.folder)
        except CacheError as error:
            what = str(error).partition("; run ")[0]
        try:
            self._missing_bytes = self._source_bytes()
        except CorpusError as error:  # then there is nothing to prepare either
            fix = f"corpus.root=… of the folder where it is; then {self.command}"
            return Check("cache complete", "fail", f"{what}, and {error}", fix)
        return Check("cache complete", "fail", what, self.command)

    def _source_bytes(self) -> int:
        """What the recordings to prepare take as they are, about as much as they will."""
        corpus = self.config.corpus
        if isinstance(corpus, SyntheticCorpus) and not is_made(corpus.root, corpus.spec):
            return 0
        return sum(recording.edf.stat().st_size for recording in reader_of(corpus).recordings())

    def _coverage(self, index: CacheIndex) -> cache.Coverage | Check:
        """The corpus beside its cache, or why it cannot be listed."""
        corpus = self.config.corpus
        try:
            if (self.folder / ORIGIN_FILE).exists():
                claim(self.folder, corpus.root.absolute())
            if isinstance(corpus, SyntheticCorpus) and not is_made(corpus.root, corpus.spec):
                found = f"{corpus.root} holds no finished synthetic corpus"
                return Check("cache complete", "fail", found, self.command)
            return cache.cover(reader_of(corpus), index, self.folder, self.config.preprocess)
        except (CorpusError, CacheError, OSError) as error:
            found = f"its corpus cannot be listed: {error}"
            fix = "corpus.root=… of the folder where it is, or of a new one for a synthetic corpus"
            return Check("cache complete", "fail", found, fix)

    def _precision(self) -> precision.InForce:
        product = None
        # A processor has no 16-mixed: Lightning would take another, and say so at length.
        if self.is_there and (self.kind, self.used) != ("cpu", "16-mixed"):
            product = product_format(build.scoring_trainer(self.kind, self.used))
        return precision.InForce(
            asked=self.config.trainer.precision,
            used=self.used,
            kind=self.kind,
            is_there=self.is_there,
            has_bf16=has_bf16(),
            product=product,
        )

    def _autocast(self) -> AbstractContextManager[Any]:
        """The precision's, as far as a processor has it: what a window keeps is then as large."""
        if not self.used.endswith("mixed"):
            return nullcontext()
        return torch.autocast("cpu", dtype=FORMATS[self.used])

    def _device_memory(self) -> tuple[float, str]:
        """What a batch has to fit into."""
        if self.kind == "cpu":
            return self.machine.memory_free_gib, "free memory"
        if self.kind == "cuda" and self.machine.cards:
            return self.machine.cards[0].memory_gib, self.machine.cards[0].name
        card_gib = card_memory_gib(self.config.hw.gpu)
        if card_gib is not None:  # the card of a profile, which is not here
            return card_gib, str(self.config.hw.gpu)
        return self.machine.memory_free_gib, "free memory"

    def _circumstances(self, step: timing.StepTimes) -> Circumstances:
        settings, n_workers = self.config.trainer, self.config.loader.num_workers
        total = self.machine.cards[0].memory_gib if self.machine.cards else None
        used = step.device_gib
        return Circumstances(
            n_workers=n_workers,
            n_processes=self.n_processes,
            n_cores=joblib.cpu_count(),
            busy_cores=step.step_busy + step.load_busy * n_workers * self.n_processes,
            device=self.kind,
            precision=self.used,
            check_val_every_n_epoch=settings.check_val_every_n_epoch,
            log_every_n_steps=settings.log_every_n_steps,
            device_memory_share=None if used is None or total is None else used / total,
        )


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _limited(n_batches: int, limit: float) -> int:
    """Batches under Lightning's limit: a number of them, or a share."""
    return min(n_batches, limit) if isinstance(limit, int) else max(1, int(n_batches * limit))
