"""Make a corpus of synthetic EEG of any size: so many hours, of so many patients, so difficult."""

import logging
import shlex
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from seizure.cli.command import Verb, run
from seizure.cli.progress import progress
from seizure.corpus.synthetic.corpus import MARKER, make_corpus
from seizure.corpus.synthetic.difficulty import Difficulty
from seizure.corpus.synthetic.plan import planned_recordings
from seizure.corpus.synthetic.spec import SPLITS, SyntheticSpec
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.annotation import read_csv_bi
from seizure.schema import ConfigError

log = logging.getLogger("seizure")


@dataclass(frozen=True)
class Shares:
    """The part of the hours, and of the patients, that each split has."""

    train: float
    dev: float
    eval: float

    def __post_init__(self) -> None:
        parts = (self.train, self.dev, self.eval)
        if min(parts) < 0 or abs(sum(parts) - 1) > 1e-6:
            raise ValueError(f"expected shares from 0 on whose sum is 1, found {parts}")


@dataclass(frozen=True)
class SimulateConfig:
    """Everything that `python -m seizure.simulate` can be told."""

    out: Path
    hours: float
    patients: int
    seed: int
    difficulty: Difficulty
    recording_min: float
    share: Shares
    jobs: int

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise ValueError(f"jobs must be at least 1, found {self.jobs}")
        if not 0 < self.hours < float("inf"):
            raise ValueError(f"hours must be above 0, found {self.hours}")
        _ = self.spec  # it checks itself

    @property
    def spec(self) -> SyntheticSpec:
        """The same as the generator takes it."""
        return SyntheticSpec(
            seed=self.seed,
            train_hours=round(self.hours * self.share.train, 6),
            dev_hours=round(self.hours * self.share.dev, 6),
            eval_hours=round(self.hours * self.share.eval, 6),
            recording_min=self.recording_min,
            patients=self.patients,
            lengths="tusz",
            difficulty=self.difficulty,
        )


def main(config: SimulateConfig) -> Path:
    """Make the corpus, or what is missing of it; its folder."""
    spec, root = config.spec, config.out.absolute()
    _check_is_free(root)
    n_planned = len(planned_recordings(spec))
    log.info("%d recordings of %d patients, %g h", n_planned, config.patients, config.hours)
    try:
        with progress("making synthetic recordings") as report:
            make_corpus(root, spec, config.jobs, report)
    except OSError as error:
        raise ConfigError(f"out: {root} cannot be written ({error.strerror or error})") from error
    for line in summary(TuszCorpus(root)):
        log.info("%s", line)
    log.info("synthetic EEG %s; the truth of every event is in its .truth.json files", root)
    log.info("train on it: python -m seizure.train %s", shlex.join(overrides(root, spec)))
    return root


def _check_is_free(root: Path) -> None:
    """Raise unless a folder is new, empty or a corpus: an empty `out=` means the working folder."""
    if not root.is_dir() or (root / MARKER).exists():
        return
    others = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
    if others:
        raise ConfigError(
            f"out: {root} holds other files ({', '.join(others[:3])}{', …' * (len(others) > 3)}); "
            "give the corpus a folder of its own"
        )


def summary(corpus: TuszCorpus) -> list[str]:
    """What lies in the folder, split by split, as lines of a table."""
    lines = ["split  patients  recordings     hours  seizures  seizure hours"]
    types: Counter[str] = Counter()
    for split in SPLITS:
        found = [recording for recording in corpus.recordings() if recording.split == split]
        events = [event for recording in found for event in corpus.events(recording)]
        types.update(event.label for event in events)
        lines.append(
            f"{split:<5}{len({recording.patient for recording in found}):>10}{len(found):>12}"
            f"{sum(_duration_s(recording.edf) for recording in found) / 3600:>10.2f}"
            f"{len(events):>10}{sum(event.duration_s for event in events) / 3600:>15.3f}"
        )
    by_type = ", ".join(f"{label} {count}" for label, count in types.most_common())
    return [*lines, f"seizures of type: {by_type or 'none'}"]


def overrides(root: Path, spec: SyntheticSpec) -> list[str]:
    """What any verb with `corpus=synthetic` has to be told to read this corpus as what it is."""
    values = {key: "null" if value is None else value for key, value in asdict(spec).items()}
    return [f"corpus.root={root}", *(f"corpus.spec.{key}={value}" for key, value in values.items())]


def _duration_s(edf: Path) -> float:
    return read_csv_bi(edf.with_suffix(".csv_bi")).duration_s


VERB = Verb(
    name="simulate",
    schema=SimulateConfig,
    summary="Make a corpus of synthetic EEG as EDF files in the layout of TUSZ, with annotations "
    "and the truth of every event beside them: exactly so many hours of so many patients, shared "
    "out over train, dev and eval. The same keys give the same bits, whatever jobs is; the same "
    "command goes on where it was interrupted. For running, testing and ranking, never for "
    "clinical claims.",
    examples=(
        "python -m seizure.simulate out=synthetic-100h hours=100 patients=150 seed=7 jobs=2 "
        "difficulty=hard",
        "python -m seizure.simulate out=eval-only hours=5 patients=10 share.train=0 share.dev=0 "
        "share.eval=1",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
