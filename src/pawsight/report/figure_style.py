"""The style of the figures, and how they are written."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from pawsight.report.interpretation import sanitize
from pawsight.storage.atomic import replacing, write_text

BLUE, ORANGE, GREEN, PURPLE = "#3b82c4", "#e0702b", "#2a9d6f", "#a667b8"
INK, LINE = "#24292f", "#c9d1d9"
COLOURS = [BLUE, ORANGE, GREEN, PURPLE, "#b58900", "#5aa9c9", "#c94f6d", "#7a7f87"]
SIZE = (4.8, 3.3)  # inches

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$5 note"
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 6,
    "ytick.major.pad": 6,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
    "svg.hashsalt": "pawsight",
}
# Matplotlib looks some of these up when a thing is made, others when it is drawn.
styled = matplotlib.rc_context(_STYLE)


def new_figure(size: tuple[float, float] = SIZE, **layout: Any) -> tuple[Figure, Any]:
    """Return a figure of a size in inches, and its axes as `Figure.subplots` gives them."""
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(**layout)


def percent_ticks() -> FuncFormatter:
    """Return a format of shares on an axis: in percent, with as many digits as ticks differ in."""
    return FuncFormatter(lambda share, _: f"{share * 100:.4g} %")


@styled
def _render(figure: Figure, target: Any, **options: Any) -> None:
    with warnings.catch_warnings():
        # A class called 猫 has no glyph in the PNG's font; the SVG shows it all the same.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        # Names of classes that leave no room for the axes are cut off.
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        figure.savefig(target, **options)
    # The layout is worked out once; it takes half of the time, and stays the same.
    figure.set_layout_engine("none")


def save_figure(figure: Figure, stem: Path) -> None:
    """Write `stem`.png and `stem`.svg, on white; DiskError if that fails."""
    with replacing(stem.with_suffix(".png")) as temporary:
        _render(figure, temporary, format="png", dpi=160)
    text = io.StringIO()
    _render(figure, text, format="svg", metadata={"Date": None})
    write_text(stem.with_suffix(".svg"), text.getvalue())


def inline_svg(figure: Figure, prefix: str) -> str:
    """Return the figure as an SVG element in the colours and font of a page.

    `prefix` keeps the ids of several figures on one page apart.
    """
    text = io.StringIO()
    _render(figure, text, format="svg", metadata={"Date": None}, transparent=True)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # The style sheet inside would apply to the whole page.
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    svg = re.sub(r'^<svg[^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1">', svg)
    svg = svg.replace("xlink:href=", "href=").replace(INK, "currentColor")
    svg = svg.replace(LINE, "var(--line)").replace("'DejaVu Sans'", "system-ui")
    return re.sub(r"\n\s*", "\n", svg).strip()


def short(name: str) -> str:
    """Return a class name of at most 18 legible characters."""
    name = sanitize(name)
    return name if len(name) <= 18 else name[:17] + "…"
