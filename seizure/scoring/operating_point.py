"""The operating point: chosen on one set of recordings, then frozen and applied to another."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from seizure.events.decide import Postprocessing
from seizure.events.export import write_atomically
from seizure.scoring.curve import Curve, OperatingPoint, sensitivity_at

# Any-overlap counting has a floor: on short recordings, calling each of them one long seizure finds
# everything at one false alarm a recording (38 a day on the synthetic corpus). A detector whose
# alarms take a fifth of the time is of no use, whatever its counts.
MAX_ALARM_SHARE = 0.2


class OperatingPointError(ValueError):
    """An operating point that cannot be chosen, or was changed after it was."""


@dataclass(frozen=True)
class Choice:
    """Settings chosen at a false-alarm target, with what they gave where they were chosen.

    `reached` is false when every threshold gave more false alarms than the target, or called more
    than `max_alarm_share` of all EEG seizure; the settings are then those with the fewest.
    `n_tried` is how many settings of the other steps were compared.
    """

    settings: Postprocessing
    target_fa_per_24h: float
    reached: bool
    chosen_on: str
    point: OperatingPoint
    # None in a file from before there was a bound.
    max_alarm_share: float | None = None
    n_tried: int = 1

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits that change with any setting."""
        return fingerprint(self.settings)


def fingerprint(settings: Postprocessing) -> str:
    """Eight hexadecimal digits that change with any setting.

    >>> fingerprint(Postprocessing()) == fingerprint(Postprocessing(on_threshold=0.5))
    False
    """
    text = json.dumps(asdict(settings), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def choose(
    curve: Curve,
    settings: Postprocessing,
    target_fa_per_24h: float,
    chosen_on: str = "dev",
    max_alarm_share: float = MAX_ALARM_SHARE,
) -> Choice:
    """The most sensitive threshold within a false-alarm target and a share of time in alarm.

    Where none is within both, the one with fewest false alarms of those within the share, and
    `reached` says so. Raises `OperatingPointError` for a curve without reference seizures: nothing
    can be chosen there.
    """
    if curve.n_reference == 0:
        raise OperatingPointError(
            f"{chosen_on} holds no reference seizure, so no threshold can be chosen on it"
        )
    point = sensitivity_at(curve, target_fa_per_24h, max_alarm_share)
    reached = point is not None
    if point is None:
        too_long = curve.alarm_share > max_alarm_share
        fewest = np.lexsort((curve.thresholds, curve.tp, -curve.fp, ~too_long))[-1]
        point = curve.point(int(fewest))
    chosen = replace(settings, on_threshold=point.threshold)
    return Choice(chosen, target_fa_per_24h, reached, chosen_on, point, max_alarm_share)


def write_choice(path: str | Path, choice: Choice) -> Path:
    """Write a choice as JSON with its fingerprint."""
    content = {**asdict(choice), "fingerprint": choice.fingerprint}
    return write_atomically(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_choice(path: str | Path) -> Choice:
    """Read a choice; raises `OperatingPointError` when it was edited after it was made."""
    return parse_choice(Path(path).read_text(encoding="utf-8"), str(path))


def parse_choice(text: str, source: str) -> Choice:
    """A choice from its JSON; `source` names it in an error."""
    content = json.loads(text)
    stated = content.pop("fingerprint")
    choice = Choice(
        **{
            **content,
            "settings": Postprocessing(**content["settings"]),
            "point": OperatingPoint(**content["point"]),
        }
    )
    if choice.fingerprint != stated:
        raise OperatingPointError(
            f"{source}: the settings have fingerprint {choice.fingerprint}, the file states "
            f"{stated}; choose the operating point again instead of editing it"
        )
    return choice
