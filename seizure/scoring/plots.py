"""The figures of a report, each written as one PNG without touching matplotlib's global state."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from seizure.scoring.breakdown import PatientRow
from seizure.scoring.calibration import Reliability
from seizure.scoring.curve import Curve, OperatingPoint
from seizure.scoring.drawing import BLUE, GREEN, GREY, INK, ORANGE, RED, STYLE, grid_of, save

_RATES = (1.0, 2.5, 5.0, 10.0)


@rc_context(STYLE)
def plot_curves(
    path: str | Path,
    curves: Sequence[tuple[str, Curve]],
    points: Sequence[tuple[str, OperatingPoint]] = (),
    title: str = "",
) -> Path:
    """Sensitivity against false alarms per 24 h, log scale; best within each rate.

    `curves` and `points` come with the names that the legend shows. What lies left of one false
    alarm in all hours is drawn at half of one, above the tick "0".
    """
    figure, (axes,) = grid_of((6.4, 5.0))
    floor = min(0.5 * 24 / curve.hours for _, curve in curves)
    top = max(max(float(curve.fa_per_24h.max()) for _, curve in curves), 20.0)
    for (name, curve), colour in zip(curves, (BLUE, ORANGE, GREEN, GREY), strict=False):
        rate, best = _envelope(curve)
        axes.step(np.maximum(rate, floor), 100 * best, where="post", color=colour, label=name)
        raw_rate = np.maximum(curve.fa_per_24h, floor)
        axes.plot(raw_rate, 100 * curve.sensitivity, ".", ms=2.5, color=colour, alpha=0.45)
    for (name, point), marker in zip(points, ("o", "D", "s", "^"), strict=False):
        axes.plot(
            max(point.fa_per_24h, floor), 100 * point.sensitivity, marker, ms=7,
            mfc="white", mec=INK, mew=1.4, ls="none", label=name, zorder=5,
        )  # fmt: skip
    for rate in _RATES:
        axes.axvline(rate, color=GREY, lw=0.6, ls=":", zorder=0)
    axes.set(xscale="log", xlim=(floor / 1.25, top * 1.25), ylim=(-2, 102), title=title)
    axes.set(xlabel="false alarms per 24 h", ylabel="sensitivity (%)")
    _plain_log_ticks(axes, floor, top)
    figure.legend(loc="outside lower left", ncols=2)
    return save(figure, path)


@rc_context(STYLE)
def plot_reliability(
    path: str | Path,
    lines: Sequence[tuple[str, Reliability]],
    seizure_share: float,
    title: str = "",
) -> Path:
    """Observed share of seizure against stated probability, and how many frames state it.

    `lines` come with the names that the legend shows; the numbers below are those of the first.
    """
    figure, (axes, count) = grid_of((4.6, 5.2), (3, 1))
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls="--", label="calibrated")
    axes.axhline(seizure_share, color=GREY, lw=0.6, ls=":", label="share of seizure")
    looks = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"))
    for (name, bins), (colour, marker) in zip(lines, looks, strict=False):
        label = f"{name}, ECE {bins.ece:.3f}"
        axes.plot(
            bins.mean_probability, bins.seizure_share, f"{marker}-",
            ms=4, lw=1.0, color=colour, label=label, clip_on=False,
        )  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of frames in a seizure", title=title)
    axes.set(xticklabels=[])
    axes.legend(loc="upper left")
    shown = lines[0][1]
    count.bar(shown.mean_probability, shown.n, width=0.02, color=BLUE)
    count.set(xlim=(0, 1), yscale="log", xlabel="stated probability", ylabel="frames")
    count.set_ylim(bottom=0.5)
    return save(figure, path)


@rc_context(STYLE)
def plot_patients(path: str | Path, patients: Sequence[PatientRow], title: str = "") -> Path:
    """A pair of bars for each patient, in the order given: seizures found, and false alarms."""
    size = (8.0, 1.0 + 0.19 * len(patients))
    figure, (found, false) = grid_of(size, widths=(1, 1))
    place = np.arange(len(patients))
    for axes, values, texts, colour in (
        (
            found,
            [100 * row.n_found / row.n_reference if row.n_reference else 0.0 for row in patients],
            [
                f"{row.n_found} of {row.n_reference}" if row.n_reference else "no seizure"
                for row in patients
            ],
            BLUE,
        ),
        (
            false,
            [row.fa_per_24h for row in patients],
            [f"{row.n_false} in {row.hours:.2g} h" for row in patients],
            RED,
        ),
    ):
        axes.barh(place, values, height=0.72, color=colour)
        for y, (value, text) in enumerate(zip(values, texts, strict=True)):
            axes.annotate(
                text, (value, y), xytext=(3, 0), textcoords="offset points",
                va="center", fontsize=6.5, color=INK,
            )  # fmt: skip
        axes.set_ylim(len(patients) - 0.4, -0.6)
        axes.margins(x=0.0)
    found.set(xlim=(0, 125), xticks=range(0, 101, 25), xlabel="seizures found (%)")
    false.set_xlim(0, 1.35 * max(1.0, *(row.fa_per_24h for row in patients)))
    false.set(xlabel="false alarms per 24 h")
    found.set_yticks(place, [row.patient for row in patients], fontsize=7)
    false.set_yticks([])
    found.set_title(title)
    return save(figure, path)


@rc_context(STYLE)
def plot_latency(path: str | Path, latency_s: NDArray[np.float64], title: str = "") -> Path:
    """How long after the annotated start each found seizure was detected, early ones included."""
    figure, (axes,) = grid_of((5.6, 3.0))
    spread_s = max(float(latency_s[-1]), 0.0) - min(float(latency_s[0]), 0.0)
    width_s = next((w for w in (0.5, 1, 2, 5, 10, 20, 30, 60) if spread_s / w <= 30), 120.0)
    # Zero is an edge, so that no bar holds both early and late detections.
    first, last = np.floor(latency_s[0] / width_s), np.floor(latency_s[-1] / width_s) + 1
    edges_s = width_s * np.arange(min(first, 0), max(last, 1) + 1)
    counts, _ = np.histogram(latency_s, edges_s)
    colours = [GREEN if left < 0 else BLUE for left in edges_s[:-1]]
    axes.bar(edges_s[:-1], counts, width=0.94 * width_s, align="edge", color=colours)
    median_s = float(np.median(latency_s))
    axes.axvline(0, color=INK, lw=1.0)
    axes.axvline(median_s, color=ORANGE, lw=1.2, ls="--", label=f"median {median_s:.1f} s")
    axes.set(xlabel="detection after annotated start (s)", title=title)
    axes.set(ylabel=f"seizures per {width_s:g} s")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return save(figure, path)


@rc_context(STYLE)
def plot_losses(
    metrics_csv: str | Path,
    path: str | Path,
    train: str = "train/loss_epoch",
    validation: str = "val/loss",
    x: str = "epoch",
    title: str = "",
) -> Path:
    """Training and validation loss from the columns of a Lightning `metrics.csv`.

    Raises `ValueError` when a column is missing or holds no number.
    """
    with Path(metrics_csv).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0]) if rows else []
    missing = [name for name in (train, validation, x) if name not in columns]
    if missing:
        raise ValueError(
            f"{metrics_csv}: no column {', '.join(missing)}; found {', '.join(columns) or 'none'}"
        )
    figure, (axes,) = grid_of((5.2, 3.4))
    for name, label, colour in ((train, "training", BLUE), (validation, "validation", ORANGE)):
        filled = [(float(row[x]), float(row[name])) for row in rows if row[name] and row[x]]
        if not filled:
            raise ValueError(f"{metrics_csv}: the column {name} holds no number yet")
        marker = "o" if len(filled) < 30 else ""
        axes.plot(*zip(*filled, strict=True), marker=marker, ms=3.5, color=colour, label=label)
    axes.set(xlabel=x, ylabel="loss", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return save(figure, path)


def _envelope(curve: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The best sensitivity within each rate: what `sensitivity_at` answers, for all rates."""
    order = np.lexsort((-curve.tp, curve.fp))
    return curve.fa_per_24h[order], np.maximum.accumulate(curve.sensitivity[order])


def _plain_log_ticks(axes: Axes, floor: float, top: float) -> None:
    marks = (0.01, 0.1, 1, 2.5, 5, 10, 30, 100, 300, 1000, 10_000)
    # A mark too near the one for zero would print over it.
    ticks = [floor, *(mark for mark in marks if 1.5 * floor < mark <= top)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: "0" if value == floor else f"{value:g}")
    )
