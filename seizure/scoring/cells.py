"""Tables as Markdown, and figures as text; an undefined one says so."""

from collections.abc import Iterable, Sequence
from math import isfinite

from seizure.scoring.bootstrap import Interval


def table(header: Sequence[str], rows: Iterable[Sequence[str]], n_text: int = 1) -> str:
    """A Markdown table; cells after the first `n_text` columns are aligned right.

    >>> print(table(["a", "b"], [["x", "1"]]))
    | a | b |
    | :--- | ---: |
    | x | 1 |
    """
    rule = [*[":---"] * n_text, *["---:"] * (len(header) - n_text)]
    escaped = ([cell.replace("|", "\\|") for cell in cells] for cells in (header, rule, *rows))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in escaped)


def number(value: float | None, decimals: int = 3) -> str:
    """A figure with fixed decimals, or "undefined"."""
    return f"{value:.{decimals}f}" if value is not None and isfinite(value) else "undefined"


def percent(value: float | None) -> str:
    """A share in percent, or "undefined"."""
    return f"{100 * value:.1f} %" if value is not None and isfinite(value) else "undefined"


def percent_range(interval: Interval) -> str:
    """The ends of an interval of a share, in percent, or "undefined".

    >>> percent_range(Interval(0.5, 0.25, 0.75))
    '25.0 to 75.0 %'
    """
    return _range(percent(interval.low).removesuffix(" %"), percent(interval.high))


def number_range(interval: Interval, decimals: int = 3) -> str:
    """The ends of an interval, or "undefined"."""
    return _range(number(interval.low, decimals), number(interval.high, decimals))


def count(value: float) -> str:
    """A count; TAES counts fractions."""
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _range(low: str, high: str) -> str:
    return low if low == high == "undefined" else f"{low} to {high}"
