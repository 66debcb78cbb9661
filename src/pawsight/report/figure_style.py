"""Define the style of the figures, and write them as PNG and SVG."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from pawsight.report.interpretation import sanitize
from pawsight.storage.atomic import replacing, write_text

BLUE, ORANGE, GREEN, PURPLE = "#3b82c4", "#e0702b", "#2a9d6f", "#a667b8"
INK, LINE = "#24292f", "#c9d1d9"
COLOURS = [BLUE, ORANGE, GREEN, PURPLE, "#b58900", "#5aa9c9", "#c94f6d", "#7a7f87"]
SIZE = (4.8, 3.3)  # inches
_PNG_DPI = 160

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # a class may have the name "$5 note"
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",  # shows the background of the page or figure
    "axes.labelcolor": INK,
    "axes.titlesize": "medium",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.markersize": 4,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 6,
    "ytick.major.pad": 6,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text, for screen readers, search and copying
    "svg.hashsalt": "pawsight",
}
# Decorates functions that create or draw figures: Matplotlib reads some settings when an artist is
# created, others when it is drawn.
styled = matplotlib.rc_context(_STYLE)


def new_figure(size: tuple[float, float] = SIZE, **layout: Any) -> tuple[Figure, Any]:
    """Return a new figure, and its axes as `Figure.subplots` returns them.

    Args:
        size: (width, height) in inches.
        layout: Arguments of `Figure.subplots`.
    """
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(**layout)


def percent_ticks() -> FuncFormatter:
    """Return a formatter of shares on an axis as percentages with up to four digits."""
    return FuncFormatter(lambda share, _: f"{share * 100:.4g} %")


@styled
def save_figure(figure: Figure, stem: Path) -> str:
    """Write `stem`.png and `stem`.svg on a white background, and return the SVG.

    The canvases print directly, since `savefig` draws every figure twice.

    Raises:
        DiskError: A file cannot be written.
    """
    with warnings.catch_warnings():
        # The font of the PNG has no glyph for a class name such as 猫; the SVG shows it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        # Long class names that leave no space for the axes are cut off.
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        figure.dpi = _PNG_DPI
        with replacing(stem.with_suffix(".png")) as temporary:
            FigureCanvasAgg(figure).print_png(temporary)  # type: ignore[no-untyped-call]
        # The layout was computed for the PNG, which takes longer than drawing, and stays the same.
        figure.set_layout_engine("none")
        text = io.StringIO()
        canvas = FigureCanvasSVG(figure)
        canvas.print_svg(text, metadata={"Date": None})  # type: ignore[no-untyped-call]
    svg = text.getvalue()
    write_text(stem.with_suffix(".svg"), svg)
    return svg


def inline_svg(svg: str, prefix: str) -> str:
    """Return a figure's SVG as an element with the colours, font and background of a page.

    Args:
        svg: From `save_figure`.
        prefix: Is added to the ids, to distinguish several figures on a page.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # The first patch is the white background.
    svg = re.sub(r'<g id="patch_1">.*?</g>', "", svg, count=1, flags=re.DOTALL)
    # The style sheet inside would apply to the whole page.
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    svg = re.sub(r'^<svg[^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1">', svg)
    svg = svg.replace("xlink:href=", "href=").replace(INK, "currentColor")
    svg = svg.replace(LINE, "var(--line)").replace("'DejaVu Sans'", "system-ui")
    return re.sub(r"\n\s*", "\n", svg).strip()


def short(name: str) -> str:
    """Shorten a class name to at most 18 printable characters."""
    name = sanitize(name)
    return name if len(name) <= 18 else name[:17] + "…"
