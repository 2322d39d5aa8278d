"""How every figure of a report looks, and how it becomes the same PNG each time."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

INK, GREY = "#222222", "#8a8a8a"
BLUE, ORANGE, GREEN, RED = "#0b6cb3", "#d9730d", "#2a8a4a", "#c0392b"
STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.grid": False,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "savefig.dpi": 140.0,
    "legend.borderaxespad": 0.3,
}
# Lines and a few colours: more tones only make the file, and a page that holds it, three times
# as large.
_N_COLOURS = 64


def grid_of(
    size_inch: tuple[float, float], heights: Sequence[float] = (1,), widths: Sequence[float] = (1,)
) -> tuple[Figure, list[Axes]]:
    """A figure without pyplot's global state, and its axes row by row."""
    figure = Figure(figsize=size_inch, layout="constrained")
    grid = figure.add_gridspec(
        len(heights), len(widths), height_ratios=heights, width_ratios=widths
    )
    places = [grid[row, column] for row in range(len(heights)) for column in range(len(widths))]
    return figure, [figure.add_subplot(place) for place in places]


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as a PNG of few colours, whole or not at all; the figure is empty then."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = io.BytesIO()
    canvas = FigureCanvasAgg(figure)
    canvas.print_figure(drawn, format="png", bbox_inches="tight", pil_kwargs={"compress_level": 0})
    # A figure and its canvas hold each other: without this, pages of EEG pile up in memory until
    # Python looks for such circles.
    figure.clear()
    canvas.renderer = None  # pyright: ignore[reportAttributeAccessIssue]
    picture = Image.open(drawn).convert("RGB").quantize(_N_COLOURS, dither=Image.Dither.NONE)
    temporary = path.with_name(f".{path.name}.tmp")
    picture.save(temporary, format="png")
    temporary.replace(path)
    return path
