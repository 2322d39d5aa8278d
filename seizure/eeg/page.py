"""A page of EEG: one trace a channel at a fixed scale, with what is annotated shaded.

MNE draws it. Negative is up, as clinical neurophysiology draws EEG: spikes point upwards. The scale
does not follow the signal, so that a wrong unit is a page of flat lines or of ink, and not a page
that looks right.
"""

from collections.abc import Sequence
from dataclasses import replace

import mne
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from seizure.eeg.annotation import Event
from seizure.eeg.edf_annotations import EdfAnnotation
from seizure.eeg.filtering import Preprocessing, filter_recording
from seizure.eeg.recording import Recording
from seizure.eeg.resampling import resampling_ratio

# After so many periods of the band's lower edge a filter has forgotten what came before.
_SETTLING_PERIODS = 10
_INK, _GREY, _RED, _BLUE = "#222222", "#8a8a8a", "#c0392b", "#0b6cb3"
_LONGEST_TEXT = 40
_SIZE_INCH = (14.0, 8.5)
_N_SECOND_TICKS = 20  # more labels than this would touch each other


def cut_page(
    recording: Recording,
    start_s: float,
    page_s: float,
    preprocessing: Preprocessing | None = None,
) -> Recording:
    """The stretch `[start_s, start_s + page_s)`, filtered, or as recorded without `preprocessing`.

    It is what filtering the whole recording gives there, to 0.01 µV, but takes as long as a page.
    The last page of a recording is shorter.

    Raises:
        ValueError: the page begins outside the recording, or is empty.

    >>> night = Recording(np.zeros((1, 256 * 60), np.float32), 256.0, ("Cz",))
    >>> cut_page(night, 50.0, 15.0).duration_s
    10.0
    """
    if not 0 <= start_s < recording.duration_s:
        raise ValueError(
            f"found a page that starts at {start_s:g} s, expected it in the recording, which lasts "
            f"from 0 to {recording.duration_s:g} s"
        )
    if page_s <= 0:
        raise ValueError(f"found a page of {page_s:g} s, expected more than 0 s")
    if preprocessing is None:
        return _between(recording, start_s, start_s + page_s)
    margin_s = _SETTLING_PERIODS / preprocessing.band_low_hz
    up, down = resampling_ratio(recording.rate_hz, preprocessing.rate_hz)
    # Begin where a sample of the source and one of the result coincide: nothing is shifted.
    first = int(max(0.0, start_s - margin_s) * recording.rate_hz) // down * down
    last = int(np.ceil((start_s + page_s + margin_s) * recording.rate_hz))
    around = replace(recording, signal_uv=recording.signal_uv[:, first:last])
    offset_s = first // down * up / preprocessing.rate_hz
    filtered = filter_recording(around, preprocessing)
    return _between(filtered, start_s - offset_s, start_s - offset_s + page_s)


def draw_page(
    page: Recording,
    start_s: float = 0.0,
    events: Sequence[Event] = (),
    remarks: Sequence[EdfAnnotation] = (),
    scale_uv: float = 100.0,
    title: str = "",
) -> Figure:
    """A page as a figure; `events` and `remarks` count from the start of the recording, as does
    `start_s`, the time of the page's first sample.

    `scale_uv` lies between the lines of two channels, and negative is up. Each channel's mean is
    subtracted, estimated channels are grey. The figure is pyplot's: close it, or show it.

    Raises:
        ValueError: the page is shorter than two samples, or the scale is not positive.
    """
    if page.n_samples < 2 or not scale_uv > 0:
        raise ValueError(
            f"found a page of {page.n_samples} samples at {scale_uv:g} µV a line, expected two "
            "samples at least and a positive scale"
        )
    info = mne.create_info(list(page.channel_names), page.rate_hz, "eeg")
    # In volts, and turned over: MNE draws positive up.
    raw = mne.io.RawArray(page.signal_uv * -1e-6, info, verbose="error")
    raw.info["bads"] = [name for name in page.channel_names if name in page.interpolated]
    with mne.use_log_level("error"), mne.viz.use_browser_backend("matplotlib"):
        figure = raw.plot(
            duration=page.duration_s,
            n_channels=len(page.channel_names),
            scalings={"eeg": scale_uv / 2 * 1e-6},  # MNE states half of the distance
            bad_color=_GREY,
            show_scrollbars=False,
            show_scalebars=False,
            show=False,
            theme="light",
        )
    assert isinstance(figure, Figure)
    figure.set_size_inches(*_SIZE_INCH)
    axes = figure.axes[0]
    axes.set_title(_plain(title), loc="left", fontsize=10, color=_INK, pad=26)
    axes.set_xlabel("time in the recording (s)")
    _second_lines(axes, start_s, page.duration_s)
    _scale_bar(axes, scale_uv)
    marks = [(event.start_s, event.stop_s, event.label, _RED) for event in events]
    marks += [(r.onset_s, r.onset_s + (r.duration_s or 0.0), r.text, _BLUE) for r in remarks]
    _shade(axes, sorted(marks), start_s, start_s + page.duration_s)
    return figure


def _between(recording: Recording, start_s: float, stop_s: float) -> Recording:
    first, last = (round(at_s * recording.rate_hz) for at_s in (start_s, stop_s))
    return replace(recording, signal_uv=recording.signal_uv[:, first:last])


def _shade(
    axes: Axes, marks: Sequence[tuple[float, float, str, str]], start_s: float, stop_s: float
) -> None:
    """What touches the page, its text above; two lines of text, as neighbours would overlap."""
    seen = [mark for mark in marks if mark[0] < stop_s and mark[1] >= start_s]
    for number, (mark_start_s, mark_stop_s, text, colour) in enumerate(seen):
        left_s, right_s = max(mark_start_s, start_s) - start_s, min(mark_stop_s, stop_s) - start_s
        axes.axvspan(left_s, right_s, color=colour, alpha=0.15, lw=0, zorder=0)
        if mark_start_s >= start_s:  # a remark without a duration is nothing but this line
            axes.axvline(left_s, color=colour, lw=1.2, zorder=1)
        axes.annotate(
            _plain(text[:_LONGEST_TEXT]), (left_s, 1), xycoords=("data", "axes fraction"),
            xytext=(0, 3 + 11 * (number % 2)), textcoords="offset points",
            color=colour, fontsize=9, annotation_clip=False,
        )  # fmt: skip


def _plain(text: str) -> str:
    """Text as it is: matplotlib would read formulas between dollar signs."""
    return text.replace("$", r"\$")


def _second_lines(axes: Axes, start_s: float, duration_s: float) -> None:
    """A line a second; the labels are times in the recording, MNE's would begin at 0."""
    seconds = np.arange(np.ceil(start_s), start_s + duration_s + 1e-9)
    every = max(1, int(np.ceil(len(seconds) / _N_SECOND_TICKS)))
    axes.xaxis.set_major_locator(FixedLocator((seconds[seconds % every == 0] - start_s).tolist()))
    axes.xaxis.set_minor_locator(FixedLocator((seconds - start_s).tolist()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{round(x + start_s)}"))
    axes.grid(axis="x", which="both", color=_GREY, lw=0.9, ls=":", zorder=0)


def _scale_bar(axes: Axes, scale_uv: float) -> None:
    """From the first channel's line to the second's, right of the page."""
    place = axes.get_yaxis_transform()
    axes.plot([1.008] * 2, [0, 1], color=_INK, lw=2, transform=place, clip_on=False)
    axes.text(
        1.014, 0.5, f"{scale_uv:g} µV,\nnegative up", fontsize=9, va="center", transform=place
    )
