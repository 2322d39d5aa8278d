"""Who is in which split, and the proof that no patient and no recording is in two."""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from seizure.corpus.entry import SPLITS, CorpusError

_NAMED_AT_MOST = 5


class SplitLeak(CorpusError):
    """The splits of a corpus share something that they must not share."""


class PatientLeak(SplitLeak):
    """A patient is in two splits."""


class RecordingLeak(SplitLeak):
    """A recording, by name or by content, is in two splits."""


@dataclass(frozen=True)
class SplitPlan:
    """How the patients of a corpus without official splits are shared out; the rest is train.

    `dev_patients` and `eval_patients` name them; where both are empty, they are drawn: the same
    patients and `seed` give the same draw everywhere, and a share above 0 at least one patient.
    """

    seed: int = 0
    dev_share: float = 0.15
    eval_share: float = 0.15
    dev_patients: tuple[str, ...] = ()
    eval_patients: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shares = (self.dev_share, self.eval_share)
        if min(shares) < 0 or sum(shares) > 1:
            raise ValueError(
                f"split: found dev_share {self.dev_share} and eval_share {self.eval_share}, "
                "expected at least 0 each and at most 1 together"
            )
        both = sorted(set(self.dev_patients) & set(self.eval_patients))
        if both:
            raise ValueError(f"split: found {', '.join(both)} in dev_patients and eval_patients")


def assign_splits(patients: Iterable[str], plan: SplitPlan) -> dict[str, str]:
    """The split of each patient.

    A draw sorts the patients by a hash of seed and name, so that one patient more leaves nearly all
    others where they were.

    Raises:
        CorpusError: a patient is named who is not there, or there are too few for the draw.

    >>> assign_splits(["a", "b", "c"], SplitPlan(dev_patients=("b",)))
    {'a': 'train', 'b': 'dev', 'c': 'train'}
    """
    everyone = sorted(set(patients))
    if plan.dev_patients or plan.eval_patients:
        return _named_splits(everyone, plan)
    order = sorted(everyone, key=lambda p: hashlib.sha256(f"{plan.seed}:{p}".encode()).digest())
    n_dev, n_eval = (
        max(1, round(share * len(order))) if share > 0 else 0
        for share in (plan.dev_share, plan.eval_share)
    )
    has_train = plan.dev_share + plan.eval_share < 1
    if not has_train:
        n_dev = min(n_dev, len(order) - n_eval)
    if n_dev + n_eval + has_train > len(order) or (n_dev < 1 and plan.dev_share > 0):
        raise CorpusError(
            f"found {len(order)} patients ({', '.join(order[:_NAMED_AT_MOST])}), expected at least "
            f"one in each split for dev_share={plan.dev_share} and eval_share={plan.eval_share}; "
            "set a share to 0, or check how patients are told apart"
        )
    held_out = ["eval"] * n_eval + ["dev"] * n_dev
    splits = held_out + ["train"] * (len(order) - len(held_out))
    return dict(sorted(zip(order, splits, strict=True)))


def _named_splits(everyone: Sequence[str], plan: SplitPlan) -> dict[str, str]:
    splits = dict.fromkeys(everyone, "train")
    for split, named in (("dev", plan.dev_patients), ("eval", plan.eval_patients)):
        unknown = sorted(set(named) - set(everyone))
        if unknown:
            raise CorpusError(
                f"split: found {', '.join(unknown)} in {split}_patients, expected patients of the "
                f"corpus: {', '.join(everyone)}"
            )
        splits.update(dict.fromkeys(named, split))
    return splits


class HasSplit(Protocol):
    """A recording as far as the audit looks at it."""

    @property
    def stem(self) -> str: ...
    @property
    def patient(self) -> str: ...
    @property
    def split(self) -> str: ...


@dataclass(frozen=True, slots=True)
class SplitCount:
    """How much one split holds; `hours` is None where nobody has measured it."""

    split: str
    n_patients: int
    n_recordings: int
    hours: float | None


@dataclass(frozen=True, slots=True)
class SplitAudit:
    """An audit that has passed; printing it gives a short table."""

    counts: tuple[SplitCount, ...]

    def __str__(self) -> str:
        lines = ["split  patients  recordings     hours"]
        for count in self.counts:
            hours = "-" if count.hours is None else f"{count.hours:.2f}"
            lines.append(
                f"{count.split:<5}  {count.n_patients:>8}  {count.n_recordings:>10}  {hours:>8}"
            )
        return "\n".join([*lines, "no patient and no recording is in two splits"])


def audit_splits(
    recordings: Sequence[HasSplit],
    hours: Sequence[float] | None = None,
    contents: Sequence[Hashable] | None = None,
) -> SplitAudit:
    """What each split holds, once it is certain that no two share a patient or a recording.

    `hours` and `contents` run along `recordings`; `contents` are checksums of the signals, which
    find one recording under two names.

    Raises:
        PatientLeak: names the patients and the splits they are in.
        RecordingLeak: the same for recordings.

    >>> from pathlib import Path
    >>> from seizure.corpus.entry import CorpusRecording
    >>> one = CorpusRecording("a_s001_t000", "a", "s001", "train", Path("a.edf"), None)
    >>> audit_splits([one]).counts
    (SplitCount(split='train', n_patients=1, n_recordings=1, hours=None),)
    """
    _refuse_shared(PatientLeak, "patient", ((r.patient, r.split, r.patient) for r in recordings))
    _refuse_shared(RecordingLeak, "recording", ((r.stem, r.split, r.stem) for r in recordings))
    if contents is not None:
        rows = zip(contents, recordings, strict=True)
        _refuse_shared(RecordingLeak, "signal", ((c, r.split, r.stem) for c, r in rows))
    lengths = [None] * len(recordings) if hours is None else list(hours)
    counts = []
    for split in SPLITS:
        members = [(r, h) for r, h in zip(recordings, lengths, strict=True) if r.split == split]
        if members:
            total = None if hours is None else sum(h for _, h in members if h is not None)
            patients = {recording.patient for recording, _ in members}
            counts.append(SplitCount(split, len(patients), len(members), total))
    return SplitAudit(tuple(counts))


def _refuse_shared(
    leak: type[SplitLeak], what: str, rows: Iterable[tuple[Hashable, str, str]]
) -> None:
    """Raise if one key occurs with two splits; `rows` are (key, split, name to print)."""
    splits: defaultdict[Hashable, set[str]] = defaultdict(set)
    names: defaultdict[Hashable, set[str]] = defaultdict(set)
    for key, split, name in rows:
        splits[key].add(split)
        names[key].add(name)
    shared = [key for key, found in splits.items() if len(found) > 1]
    if not shared:
        return
    examples = "; ".join(
        f"{' = '.join(sorted(names[key]))} in {' and '.join(sorted(splits[key]))}"
        for key in shared[:_NAMED_AT_MOST]
    )
    more = f"; and {len(shared) - _NAMED_AT_MOST} more" if len(shared) > _NAMED_AT_MOST else ""
    raise leak(
        f"found {len(shared)} {what}{'s' if len(shared) > 1 else ''} in two splits: {examples}"
        f"{more}; expected none: move all recordings of a patient into one split"
    )
