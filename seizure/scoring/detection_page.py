"""A page of EEG with the probability track below and the events of both sides marked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from numpy.typing import NDArray

from seizure.eeg.annotation import Event
from seizure.events.stitch import Track
from seizure.scoring.drawing import BLUE, GREEN, GREY, INK, RED, STYLE, grid_of, save


@rc_context(STYLE)
def plot_detection(
    path: str | Path,
    eeg_uv: NDArray[np.floating],
    rate_hz: float,
    channel_names: Sequence[str],
    track: Track,
    reference: Sequence[Event],
    hypothesis: Sequence[Event],
    start_s: float,
    threshold: float | None = None,
    title: str = "",
) -> Path:
    """A stretch of EEG with the probability track below and the events of both sides marked.

    `eeg_uv` is `(channel, sample)` from `start_s` on; negative is drawn upwards, as clinical
    neurophysiology does. Raises `ValueError` for a stretch that is empty or not within the track,
    or names that do not fit the channels.
    """
    _check_stretch(eeg_uv, rate_hz, channel_names, start_s, track)
    stop_s = start_s + eeg_uv.shape[1] / rate_hz
    shown = np.asarray(eeg_uv, dtype=np.float64)
    shown = shown - np.median(shown, axis=1, keepdims=True)
    height = 1.6 + 0.24 * len(channel_names)
    figure, (eeg, rows, chance) = grid_of((9.0, height + 1.9), (height, 0.4, 1.1))
    # The 99th percentile keeps one artefact from flattening every trace.
    spacing_uv = max(_round_up(2.0 * float(np.percentile(np.abs(shown), 99))), 1.0)
    time_s = start_s + np.arange(shown.shape[1]) / rate_hz
    for index, trace in enumerate(shown):
        limited = np.clip(trace, -1.2 * spacing_uv, 1.2 * spacing_uv)
        eeg.plot(time_s, -limited - index * spacing_uv, color=INK, lw=0.35)
    eeg.set_yticks(-spacing_uv * np.arange(len(channel_names)), channel_names)
    eeg.set(ylim=(-spacing_uv * len(channel_names), spacing_uv), title=title)
    eeg.tick_params(axis="y", length=0)
    eeg.spines["left"].set_visible(False)
    _scale_bar(eeg, spacing_uv, stop_s + 0.008 * (stop_s - start_s))
    for row, (events, colour) in enumerate(((reference, GREEN), (hypothesis, RED))):
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
    chance.fill_between(middle_s, track.probability[seen], color=BLUE, alpha=0.25, lw=0)
    chance.plot(middle_s, track.probability[seen], color=BLUE, lw=1.0)
    if threshold is not None:
        chance.axhline(threshold, color=GREY, lw=0.8, ls="--")
        chance.annotate(
            f"on at {threshold:.3g}", (1.006, threshold), xycoords=("axes fraction", "data"),
            color=GREY, fontsize=7.5, va="center", annotation_clip=False,
        )  # fmt: skip
    chance.set(ylim=(0, 1.02), ylabel="probability", xlabel="time in the recording (s)")
    for axes in (eeg, rows, chance):
        axes.set_xlim(start_s, stop_s)
    for axes in (eeg, rows):
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([])
    figure.align_ylabels()
    return save(figure, path)


def _round_up(value: float) -> float:
    """The next of 1, 2, 3, 5, 10, 20, 30, 50, ..."""
    if value <= 0:
        return 1.0
    power = 10 ** np.floor(np.log10(value))
    return float(next(step for step in (1, 2, 3, 5, 10) if step * power >= value) * power)


def _scale_bar(axes: Axes, spacing_uv: float, x_s: float) -> None:
    axes.plot([x_s, x_s], [0, -spacing_uv], color=INK, lw=1.6, clip_on=False)
    axes.annotate(
        f" {spacing_uv:g} µV,\n negative up",
        (x_s, -spacing_uv / 2),
        fontsize=8,
        va="center",
        annotation_clip=False,
    )


def _check_stretch(
    eeg_uv: NDArray, rate_hz: float, channel_names: Sequence[str], start_s: float, track: Track
) -> None:
    if eeg_uv.ndim != 2 or len(channel_names) != len(eeg_uv):
        raise ValueError(
            f"expected EEG of shape (channel, sample) for {len(channel_names)} channel names, "
            f"found {eeg_uv.shape}"
        )
    stop_s = start_s + eeg_uv.shape[1] / rate_hz
    if not 0 <= start_s < stop_s <= track.duration_s + 1e-3:
        raise ValueError(
            f"the stretch [{start_s}, {stop_s}) s must lie in the recording of {track.duration_s} s"
        )
