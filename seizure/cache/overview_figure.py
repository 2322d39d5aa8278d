"""The overview of a cache as one picture, which `prepare` leaves beside the index."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from seizure.cache.index import INDEX_FILE, CacheIndex
from seizure.cache.mapping import MappedSignals
from seizure.cache.overview import Overview, SplitOverview, survey
from seizure.cache.shard import replacing
from seizure.eeg.annotation import SEIZURE_TYPES

OVERVIEW_FILE = "overview.png"

# Scalp EEG is mostly 10 to 100 µV from peak to peak, in children and in sleep 200; a sine of that
# height has an RMS of it / 2.83. Source: Niedermeyer's Electroencephalography, "The normal EEG of
# the waking adult".
_USUAL_UV = (10 / 2.83, 200 / 2.83)
_FAR_OFF = 10  # times the median of its split: such a recording is named
_NAMED_AT_MOST = 3
_LOWEST_UV = 0.01
_NO_POWER = 1e-12  # µV²/Hz, below any amplifier's noise
_SPECTRUM_RANGE = 3e-7  # what lies lower was filtered out
_MAINS_HZ = (50.0, 60.0)

_INK, _GREY = "#222222", "#8a8a8a"
_COLOURS = {"train": "#0b6cb3", "dev": "#d9730d", "eval": "#2a8a4a"}
_STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8.0,
}


def leave_overview(folder: Path, index: CacheIndex, title: str, mains_hz: float | None) -> Path:
    """The picture of a cache, drawn where it is missing or older than the index.

    `mains_hz` is what was notched out. Raises `CacheError` for a shard that is not as indexed.
    """
    path = folder / OVERVIEW_FILE
    indexed_at = (folder / INDEX_FILE).stat().st_mtime_ns
    if path.exists() and path.stat().st_mtime_ns >= indexed_at:
        return path
    figure = draw_overview(survey(MappedSignals(folder, index)), title, mains_hz)
    picture = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(picture, format="png", dpi=130)
    with replacing(path) as file:
        file.write(picture.getvalue())
    return path


@rc_context(_STYLE)
def draw_overview(overview: Overview, title: str = "", mains_hz: float | None = None) -> Figure:
    """Hours and seizures per patient, durations, amplitudes and spectra, coloured by split."""
    figure = Figure(figsize=(13, 9.5), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08)  # type: ignore[union-attr]
    figure.suptitle(_plain(title), x=0.01, ha="left", fontsize=11, fontweight="bold")
    grid = figure.add_gridspec(3, 3, height_ratios=(1, 1, 2.4), width_ratios=(1.1, 0.9, 1.4))
    hours, seizures = figure.add_subplot(grid[0, :]), figure.add_subplot(grid[1, :])
    _patients(hours, seizures, overview.splits)
    _durations(figure.add_subplot(grid[2, 0]), overview.splits)
    _amplitudes(figure.add_subplot(grid[2, 1]), overview.splits)
    _spectra(figure.add_subplot(grid[2, 2]), overview, mains_hz)
    return figure


def _patients(hours: Axes, seizures: Axes, splits: Sequence[SplitOverview]) -> None:
    first = 0
    names: list[str] = []
    for part in splits:
        place = first + np.arange(len(part.patients))
        first = int(place[-1]) + 2  # a gap between splits
        names += [*part.patients, ""]
        label = (
            f"{part.split}: {len(part.patients)} patients, {len(part.stems)} recordings, "
            f"{_hours(part.hours.sum())}, {part.n_seizures.sum()} seizures"
        )
        hours.bar(place, part.hours, width=0.9, color=_COLOURS[part.split], label=label)
        seizures.bar(place, part.n_seizures, width=0.9, color=_COLOURS[part.split])
    hours.set_title("Hours of EEG per patient", pad=20)
    hours.set_ylabel("hours")
    hours.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0, borderpad=0.2)
    seizures.set(title="Seizures per patient, same order", ylabel="seizures")
    seizures.yaxis.set_major_locator(MaxNLocator(integer=True))
    seizures.set_ylim(0, max(1, *(part.n_seizures.max() for part in splits)))
    for axes in (hours, seizures):
        axes.set_xlim(-1, first - 1)
        axes.set_xticks([])
    if len(names) <= 40:  # more would print over each other
        seizures.set_xticks(range(len(names)), [_plain(name[:12]) for name in names], rotation=45)
        seizures.tick_params(axis="x", length=0)


def _durations(axes: Axes, splits: Sequence[SplitOverview]) -> None:
    types = [name for name in SEIZURE_TYPES if any(name in part.durations_s for part in splits)]
    axes.set(title="Duration of seizures; line: median", xlabel="seconds", xscale="log")
    if not types:
        axes.text(0.5, 0.5, "no seizure is annotated", ha="center", transform=axes.transAxes)
        axes.set(xlim=(1, 1000), yticks=[])
    rng = np.random.default_rng(0)
    for row, name in enumerate(types):
        lasting_s = [part.durations_s.get(name, np.empty(0)) for part in splits]
        for part, seconds in zip(splits, lasting_s, strict=True):
            height = row + rng.uniform(-0.3, 0.3, len(seconds))
            axes.plot(seconds, height, "o", ms=3.5, alpha=0.6, mew=0, color=_COLOURS[part.split])
        axes.plot([np.median(np.concatenate(lasting_s))] * 2, [row - 0.4, row + 0.4], color=_INK)
    counts = [sum(len(part.durations_s.get(name, ())) for part in splits) for name in types]
    labels = [f"{name}\nn = {count}" for name, count in zip(types, counts, strict=True)]
    if types:
        axes.set_yticks(range(len(types)), labels)
        axes.set_ylim(len(types) - 0.5, -0.5)
    _plain_numbers(axes.xaxis)


def _amplitudes(axes: Axes, splits: Sequence[SplitOverview]) -> None:
    everything = np.maximum(np.concatenate([part.amplitude_uv for part in splits]), _LOWEST_UV)
    axes.axhspan(*_USUAL_UV, color=_GREY, alpha=0.15, lw=0)
    rng = np.random.default_rng(0)
    n_named = 0
    for place, part in enumerate(splits):
        amplitude_uv = np.maximum(part.amplitude_uv, _LOWEST_UV)
        x = place + rng.uniform(-0.25, 0.25, len(amplitude_uv))
        axes.plot(x, amplitude_uv, "o", ms=3.5, alpha=0.6, mew=0, color=_COLOURS[part.split])
        axes.plot([place - 0.35, place + 0.35], [np.median(amplitude_uv)] * 2, color=_INK)
        how_far = np.abs(np.log(amplitude_uv / np.median(amplitude_uv)))
        for row in np.argsort(-how_far)[:_NAMED_AT_MOST]:
            if how_far[row] > np.log(_FAR_OFF) and n_named < _NAMED_AT_MOST:
                n_named += 1
                axes.annotate(
                    _plain(part.stems[row]), (float(x[row]), float(amplitude_uv[row])),
                    xytext=(4, 2), textcoords="offset points", fontsize=7, color=_INK,
                )  # fmt: skip
    lowest, highest = min(1.0, everything.min() / 2), max(300.0, everything.max() * 2)
    medians_uv = [float(np.median(part.amplitude_uv)) for part in splits]
    labels = [
        f"{part.split}\n{median_uv:,.{0 if median_uv >= 100 else 1}f} µV"
        for part, median_uv in zip(splits, medians_uv, strict=True)
    ]
    axes.set_xticks(range(len(splits)), labels)
    axes.set(yscale="log", ylim=(lowest, highest), xlim=(-0.6, len(splits) - 0.4))
    axes.set(title="Amplitude of each recording", ylabel="robust RMS (IQR / 1.349), µV")
    axes.text(
        0.99, 1.05 * _USUAL_UV[0], "usual scalp EEG", ha="right", va="bottom",
        fontsize=8, color=_GREY, transform=axes.get_yaxis_transform(),
    )  # fmt: skip
    _plain_numbers(axes.yaxis)


def _spectra(axes: Axes, overview: Overview, mains_hz: float | None) -> None:
    shown = overview.frequency_hz > 0
    top_hz = float(overview.frequency_hz[-1])
    for part in overview.splits:
        low, middle, high = part.power_uv2_hz[:, shown]
        x, colour = overview.frequency_hz[shown], _COLOURS[part.split]
        label = f"{part.split}: {part.n_sampled} recordings, {part.sampled_min:.3g} min"
        axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
        axes.plot(x, middle, color=colour, lw=1.0, label=label)
    axes.set(yscale="log", xlim=(0, top_hz), xlabel="frequency (Hz)", ylabel="power (µV²/Hz)")
    tops = [np.nanmax(part.power_uv2_hz, initial=_NO_POWER) for part in overview.splits]
    axes.set_ylim(min(tops) * _SPECTRUM_RANGE, max(tops) * 3)
    axes.set_title("Spectrum: median of all channels, shaded 10 to 90 %")
    for base_hz in _MAINS_HZ:
        for frequency_hz in np.arange(base_hz, top_hz, base_hz):
            is_notched = frequency_hz == mains_hz
            axes.axvline(frequency_hz, color=_GREY, lw=0.8, ls=":", zorder=0)
            axes.annotate(
                f"{frequency_hz:g} Hz{' (notch)' if is_notched else ''}", (frequency_hz, 0.985),
                xycoords=("data", "axes fraction"), rotation=90, ha="right", va="top",
                fontsize=7.5, color=_GREY,
            )  # fmt: skip
    axes.legend(loc="lower left")


def _hours(hours: float) -> str:
    return f"{hours:,.1f} h" if hours >= 1 else f"{60 * hours:.1f} min"


def _plain_numbers(axis: Any) -> None:
    """1, 10, 100 with 3 between them, not powers of ten."""
    ticks = [mantissa * 10.0**power for power in range(-2, 7) for mantissa in (1, 3)]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def _plain(text: str) -> str:
    """Text as it is: matplotlib would read formulas between dollar signs."""
    return text.replace("$", r"\$")
