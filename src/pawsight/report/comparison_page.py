"""Write the page of a comparison: scores of runs on the same photos, and different answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pawsight import __version__
from pawsight.data.pixel_scale import PixelScale
from pawsight.evaluation.comparison import Comparison, RunScore
from pawsight.report.templates import load_template
from pawsight.report.thumbnails import draw_thumbnails
from pawsight.storage.atomic import write_text

MAX_SHOWN = 120  # photos on the page: about 1 MB
_SIDE, _QUALITY = 200, 70  # of a thumbnail: pixels of the longer side, and JPEG quality


def write_comparison_page(comparison: Comparison, path: Path, scale: PixelScale) -> None:
    """Write a comparison as a self-contained HTML file.

    Args:
        comparison: The comparison.
        path: The file; it is replaced.
        scale: Scales values of more than 8 bits to 0..255.

    Raises:
        DiskError: The file cannot be written.
    """
    shown = comparison.changed[:MAX_SHOWN]
    page = load_template("comparison.html.j2").render(
        comparison=comparison,
        names=short_names(comparison.runs),
        shown=shown,
        pictures=draw_thumbnails(
            Path(comparison.root), [photo.path for photo in shown], _SIDE, _QUALITY, scale
        ),
        version=__version__,
    )
    write_text(path, page)


def short_names(runs: Sequence[RunScore]) -> list[str]:
    """Return the names of the run folders, or their paths or addresses if names are equal."""
    locations = [run.address or str(run.path.absolute()) for run in runs]
    names = [location.rpartition("/")[2] for location in locations]
    return names if len(set(names)) == len(names) else locations
