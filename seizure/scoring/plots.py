"""The figures of a report, each written as one PNG without touching matplotlib's global state."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from seizure.eeg.annotation import Event
from seizure.events.stitch import Track
from seizure.scoring.calibration import Reliability
from seizure.scoring.curve import Curve, OperatingPoint

_INK, _GREY = "#222222", "#8a8a8a"
_BLUE, _ORANGE, _GREEN, _RED = "#0b6cb3", "#d9730d", "#2a8a4a", "#c0392b"
_STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _INK,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.grid": False,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "savefig.dpi": 160.0,
    "legend.borderaxespad": 0.3,
}
_RATES = (1.0, 2.5, 5.0, 10.0)


@rc_context(_STYLE)
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
    figure, (axes,) = _figure(1, (6.0, 4.0))
    floor = min(0.5 * 24 / curve.hours for _, curve in curves)
    top = max(max(float(curve.fa_per_24h.max()) for _, curve in curves), 20.0)
    for (name, curve), colour in zip(curves, (_BLUE, _ORANGE, _GREEN, _GREY), strict=False):
        rate, best = _envelope(curve)
        axes.step(np.maximum(rate, floor), 100 * best, where="post", color=colour, label=name)
        raw_rate = np.maximum(curve.fa_per_24h, floor)
        axes.plot(raw_rate, 100 * curve.sensitivity, ".", ms=2.5, color=colour, alpha=0.45)
    for (name, point), marker in zip(points, ("o", "D", "s", "^"), strict=False):
        axes.plot(
            max(point.fa_per_24h, floor), 100 * point.sensitivity, marker, ms=7,
            mfc="white", mec=_INK, mew=1.4, ls="none", label=name, zorder=5,
        )  # fmt: skip
    for rate in _RATES:
        axes.axvline(rate, color=_GREY, lw=0.6, ls=":", zorder=0)
    axes.set(xscale="log", xlim=(floor / 1.25, top * 1.25), ylim=(-2, 102), title=title)
    axes.set(xlabel="false alarms per 24 h", ylabel="sensitivity (%)")
    _plain_log_ticks(axes, floor, top)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return _save(figure, path)


@rc_context(_STYLE)
def plot_reliability(
    path: str | Path,
    equal_width: Reliability,
    equal_mass: Reliability,
    seizure_share: float,
    title: str = "",
) -> Path:
    """Observed share of seizure against stated probability, and how many frames state it."""
    figure, (axes, count) = _figure(2, (4.6, 5.2), heights=(3, 1))
    axes.plot([0, 1], [0, 1], color=_GREY, lw=0.8, ls="--", label="calibrated")
    axes.axhline(seizure_share, color=_GREY, lw=0.6, ls=":", label="share of seizure")
    for bins, name, colour, marker in (
        (equal_width, "equal width", _BLUE, "o"),
        (equal_mass, "equal mass", _ORANGE, "s"),
    ):
        label = f"{name}, ECE {bins.ece:.3f}"
        axes.plot(
            bins.mean_probability, bins.seizure_share, f"{marker}-",
            ms=4, lw=1.0, color=colour, label=label, clip_on=False,
        )  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of frames in a seizure", title=title)
    axes.set(xticklabels=[])
    axes.legend(loc="upper left")
    count.bar(equal_width.mean_probability, equal_width.n, width=0.02, color=_BLUE)
    count.set(xlim=(0, 1), yscale="log", xlabel="stated probability", ylabel="frames")
    count.set_ylim(bottom=0.5)
    return _save(figure, path)


@rc_context(_STYLE)
def plot_detection(
    path: str | Path,
    eeg_uv: NDArray[np.float32],
    rate_hz: float,
    channel_names: Sequence[str],
    track: Track,
    reference: Sequence[Event],
    hypothesis: Sequence[Event],
    start_s: float,
    stop_s: float,
    threshold: float | None = None,
    title: str = "",
) -> Path:
    """A stretch of EEG with the probability track below and the events of both sides marked.

    `eeg_uv` is `(channel, sample)` of the whole recording. Raises `ValueError` for a stretch
    that is empty or outside it, or names that do not fit the channels.
    """
    _check_stretch(eeg_uv, rate_hz, channel_names, start_s, stop_s)
    first, last = round(start_s * rate_hz), round(stop_s * rate_hz)
    shown = np.asarray(eeg_uv[:, first:last], dtype=np.float64)
    shown = shown - np.median(shown, axis=1, keepdims=True)
    height = 1.6 + 0.24 * len(channel_names)
    figure, (eeg, rows, chance) = _figure(3, (9.0, height + 1.9), heights=(height, 0.4, 1.1))
    # The 99th percentile keeps one artefact from flattening every trace.
    spacing_uv = max(_round_up(2.0 * float(np.percentile(np.abs(shown), 99))), 1.0)
    time_s = start_s + np.arange(shown.shape[1]) / rate_hz
    for index, trace in enumerate(shown):
        limited = np.clip(trace, -1.2 * spacing_uv, 1.2 * spacing_uv)
        eeg.plot(time_s, limited - index * spacing_uv, color=_INK, lw=0.35)
    eeg.set_yticks(-spacing_uv * np.arange(len(channel_names)), channel_names)
    eeg.set(ylim=(-spacing_uv * len(channel_names), spacing_uv), title=title)
    eeg.tick_params(axis="y", length=0)
    eeg.spines["left"].set_visible(False)
    _scale_bar(eeg, spacing_uv, stop_s + 0.008 * (stop_s - start_s))
    for row, (events, colour) in enumerate(((reference, _GREEN), (hypothesis, _RED))):
        for event in events:
            left, right = max(event.start_s, start_s), min(event.stop_s, stop_s)
            if left < right:
                rows.barh(-row, right - left, left=left, height=0.7, color=colour)
                if row == 0:
                    eeg.axvspan(left, right, color=colour, alpha=0.08, lw=0)
    rows.set_yticks([0, -1], ["annotated", "detected"])
    rows.set(ylim=(-1.6, 0.6))
    rows.tick_params(axis="y", length=0)
    for spine in rows.spines.values():
        spine.set_visible(False)
    seen = slice(int(start_s * track.rate_hz), int(np.ceil(stop_s * track.rate_hz)))
    middle_s = (np.arange(track.n_frames)[seen] + 0.5) / track.rate_hz
    chance.fill_between(middle_s, track.probability[seen], color=_BLUE, alpha=0.25, lw=0)
    chance.plot(middle_s, track.probability[seen], color=_BLUE, lw=1.0)
    if threshold is not None:
        chance.axhline(threshold, color=_GREY, lw=0.8, ls="--")
        chance.annotate(
            f"on at {threshold:.3g}", (1.006, threshold), xycoords=("axes fraction", "data"),
            color=_GREY, fontsize=7.5, va="center", annotation_clip=False,
        )  # fmt: skip
    chance.set(ylim=(0, 1.02), ylabel="probability", xlabel="time in the recording (s)")
    for axes in (eeg, rows, chance):
        axes.set_xlim(start_s, stop_s)
    for axes in (eeg, rows):
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([])
    figure.align_ylabels()
    return _save(figure, path)


@rc_context(_STYLE)
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
    figure, (axes,) = _figure(1, (5.2, 3.4))
    for name, label, colour in ((train, "training", _BLUE), (validation, "validation", _ORANGE)):
        filled = [(float(row[x]), float(row[name])) for row in rows if row[name] and row[x]]
        if not filled:
            raise ValueError(f"{metrics_csv}: the column {name} holds no number yet")
        marker = "o" if len(filled) < 30 else ""
        axes.plot(*zip(*filled, strict=True), marker=marker, ms=3.5, color=colour, label=label)
    axes.set(xlabel=x, ylabel="loss", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return _save(figure, path)


def _figure(
    n_rows: int, size_inch: tuple[float, float], heights: Sequence[float] = (1,)
) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=size_inch, layout="constrained")
    grid = figure.add_gridspec(n_rows, 1, height_ratios=heights)
    return figure, [figure.add_subplot(grid[row, 0]) for row in range(n_rows)]


def _save(figure: Figure, path: str | Path) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    FigureCanvasAgg(figure).print_figure(
        str(temporary), format="png", bbox_inches="tight", metadata={"Software": None}
    )
    temporary.replace(path)
    return path


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


def _round_up(value: float) -> float:
    """The next of 1, 2, 3, 5, 10, 20, 30, 50, ..."""
    if value <= 0:
        return 1.0
    power = 10 ** np.floor(np.log10(value))
    return float(next(step for step in (1, 2, 3, 5, 10) if step * power >= value) * power)


def _scale_bar(axes: Axes, spacing_uv: float, x_s: float) -> None:
    axes.plot([x_s, x_s], [0, -spacing_uv], color=_INK, lw=1.6, clip_on=False)
    axes.annotate(
        f" {spacing_uv:g} µV",
        (x_s, -spacing_uv / 2),
        fontsize=8,
        va="center",
        annotation_clip=False,
    )


def _check_stretch(
    eeg_uv: NDArray, rate_hz: float, channel_names: Sequence[str], start_s: float, stop_s: float
) -> None:
    if eeg_uv.ndim != 2 or len(channel_names) != len(eeg_uv):
        raise ValueError(
            f"expected EEG of shape (channel, sample) for {len(channel_names)} channel names, "
            f"found {eeg_uv.shape}"
        )
    duration_s = eeg_uv.shape[1] / rate_hz
    if not 0 <= start_s < stop_s <= duration_s + 1e-6:
        raise ValueError(
            f"the stretch [{start_s}, {stop_s}) s must lie in the recording of {duration_s} s"
        )
