"""Score annotation files against each other, whoever made them, without a model."""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seizure.cli.command import Verb, run
from seizure.schema import ConfigError
from seizure.scoring.folders import Missing, pair_folders
from seizure.scoring.leaderboard import leaderboard, write_leaderboard
from seizure.scoring.scores import score_pairs, write_scores

log = logging.getLogger("seizure")

_ROWS = (
    ("NEDC OVLP", "nedc", "ovlp"),
    ("NEDC TAES", "nedc", "taes"),
    ("NEDC epoch (0.25 s)", "nedc", "epoch"),
    ("NEDC DP", "nedc", "dp"),
    ("SzCORE event", "szcore", "event"),
    ("SzCORE sample (s)", "szcore", "sample"),
)


@dataclass(frozen=True)
class ScoreConfig:
    """Everything that `python -m seizure.score` can be told."""

    reference: Path
    hypothesis: Path
    output: Path
    missing: Missing
    patient_pattern: str
    leaderboard: Path | None

    def __post_init__(self) -> None:
        for name in ("output", "leaderboard"):
            path = getattr(self, name)
            if path is not None and path.is_dir():
                raise ValueError(f"{name}: {path} is a folder; give the name of a file")
        try:
            re.compile(self.patient_pattern)
        except re.error as error:
            raise ValueError(f"patient_pattern: no regular expression ({error})") from error


def main(config: ScoreConfig) -> int:
    """Score what can be paired and say what cannot; 1 if anything could not."""
    paired = pair_folders(
        config.reference, config.hypothesis, config.missing, config.patient_pattern
    )
    n_all = len(paired.pairs) + len(paired.failures)
    for stem, reason in paired.failures.items():
        log.info("failed: %s: %s", stem, reason)
    if not paired.pairs:
        log.info("none of %d recordings could be scored; nothing was written", n_all)
        return 1
    scores = score_pairs(paired.pairs)
    for line in table(scores["total"]):
        log.info("%s", line)
    if paired.failures:
        scores["failures"] = paired.failures
        log.info(
            "these totals hold %d of %d recordings; the %d that failed are in none of them",
            len(paired.pairs),
            n_all,
            len(paired.failures),
        )
    try:
        write_scores(config.output, scores)
        log.info("%d recordings scored, written to %s", len(paired.pairs), config.output)
        if config.leaderboard is not None:
            write_leaderboard(config.leaderboard, leaderboard(paired.pairs))
            log.info("results for SzCORE's leaderboard written to %s", config.leaderboard)
    except OSError as error:
        raise ConfigError(
            f"output: {error.filename} cannot be written ({error.strerror}); give another file"
        ) from error
    return 1 if paired.failures else 0


def table(total: Mapping[str, Any]) -> Iterator[str]:
    """The totals as lines of text: a row a scorer, label seiz, files pooled."""
    yield f"{total['n_recordings']} recordings, {total['n_subjects']} patients, " + (
        f"{total['hours']:.2f} h; label seiz"
    )
    yield f"{'':19}{'TP':>10}{'FP':>10}{'FN':>10}{'sens.':>9}{'prec.':>9}{'F1':>8}{'FA/24h':>10}"
    for name, family, scorer in _ROWS:
        figures = total[family][scorer]
        counts = "".join(f"{_count(figures[key]):>10}" for key in ("tp", "fp", "fn"))
        shares = f"{_percent(figures['sensitivity']):>9}{_percent(figures['precision']):>9}"
        f1, rate = _number(figures["f1"], 3), _number(figures["fa_per_24h"], 2)
        yield f"{name:19}{counts}{shares}{f1:>8}{rate:>10}"
    for scorer in ("event", "sample"):
        mean = total["szcore"][scorer]["mean"]
        yield (
            f"SzCORE {scorer}, mean over patients: F1 {_number(mean['f1_2026'], 3)} (before 2026: "
            f"{_number(mean['f1_before_2026'], 3)}), sensitivity {_percent(mean['sensitivity'])}, "
            f"{_number(mean['fa_per_24h'], 2)} FA/24h"
        )
    yield "FA/24h of epoch and sample scores are seconds of false alarm"


def _count(value: float) -> str:
    return f"{value:d}" if isinstance(value, int) else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def _number(value: float | None, n_decimals: int) -> str:
    return "-" if value is None else f"{value:.{n_decimals}f}"


VERB = Verb(
    name="score",
    schema=ScoreConfig,
    summary="Score the annotations in one folder against those in another with NEDC's and SzCORE's "
    "scorers. Files are csv_bi or BIDS events.tsv and are paired by name. A hypothesis that is "
    "missing or cannot be read is an error and named; the others are scored all the same.",
    examples=(
        "python -m seizure.score reference=ref/ hypothesis=hyp/ output=scores.json",
        "python -m seizure.score reference=bids/ hypothesis=predictions/ missing=silent",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
