"""A whole recording at a glance: its probability track with what was found in it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context

from seizure.eeg.annotation import Event
from seizure.events.stitch import Track
from seizure.scoring.drawing import BLUE, GREY, RED, STYLE, grid_of, save

_HOUR_S = 3600.0
# More would not be seen: about two for each pixel of the figure's width.
_N_COLUMNS = 2400


@rc_context(STYLE)
def plot_track(
    path: str | Path, track: Track, events: Sequence[Event], threshold: float, title: str = ""
) -> Path:
    """The probability over the whole recording, events shaded, in rows of at most an hour.

    Where frames are more than pixels, the highest of each stretch is drawn: no peak is lost.
    """
    n_rows = -(-track.n_frames // round(_HOUR_S * track.rate_hz))
    row_s = min(track.duration_s, _HOUR_S)
    unit_s, unit = (60.0, "min") if row_s > 300 else (1.0, "s")
    figure, rows = grid_of((10.0, 0.9 + 0.9 * n_rows), (1.0,) * n_rows)
    for number, axes in enumerate(rows):
        start_s = number * row_s
        stop_s = start_s + row_s
        time_s, highest = _stretch(track, start_s, stop_s)
        axes.fill_between(time_s / unit_s, highest, color=BLUE, alpha=0.3, lw=0)
        axes.plot(time_s / unit_s, highest, color=BLUE, lw=0.8)
        axes.axhline(threshold, color=GREY, lw=0.8, ls="--")
        for event in events:
            left, right = max(event.start_s, start_s), min(event.stop_s, stop_s)
            if left < right:
                axes.axvspan(left / unit_s, right / unit_s, color=RED, alpha=0.25, lw=0)
                axes.plot([left / unit_s, right / unit_s], [1.06] * 2, color=RED, lw=3)
        axes.set(xlim=(start_s / unit_s, stop_s / unit_s), ylim=(0, 1.12), yticks=(0, 0.5, 1))
    found = f"{len(events)} found" if events else "none found"
    rows[0].set_title(f"{title}: {found}, on at {threshold:.3g}".replace("$", r"\$"))
    rows[n_rows // 2].set_ylabel("probability of seizure")
    rows[-1].set_xlabel(f"time in the recording ({unit})")
    return save(figure, path)


def _stretch(track: Track, start_s: float, stop_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Middles in seconds and probabilities of the frames of a stretch, at most `_N_COLUMNS`."""
    first = round(start_s * track.rate_hz)
    probability = track.probability[first : round(stop_s * track.rate_hz)]
    each = -(-probability.size // _N_COLUMNS)
    edges = np.arange(0, probability.size, each)
    middle_s = (first + np.minimum(edges + each / 2, probability.size)) / track.rate_hz
    return middle_s, np.maximum.reduceat(probability, edges)
