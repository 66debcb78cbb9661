"""Write the page of doubtful labels: each photo next to the most similar photos of both classes."""

from __future__ import annotations

from pathlib import Path

from pawsight import __version__
from pawsight.data.pixel_scale import PixelScale
from pawsight.evaluation.doubts import SURE, Doubts
from pawsight.report.templates import load_template
from pawsight.report.thumbnails import draw_thumbnails
from pawsight.storage.atomic import write_text

MAX_SHOWN = 100  # photos on the page, which then has about 2 MB with their neighbours
_SIDE, _QUALITY = 200, 70  # of a thumbnail: pixels of the longer side, and JPEG quality


def write_doubts_page(doubts: Doubts, path: Path, scale: PixelScale) -> None:
    """Write the most strongly contradicted labels as a self-contained HTML file.

    Args:
        doubts: The ranked photos.
        path: The file; it is replaced.
        scale: Scales values of more than 8 bits to 0..255.

    Raises:
        DiskError: The page cannot be written.
    """
    contradicted = doubts.contradicted
    shown = contradicted[:MAX_SHOWN]
    paths = [
        photo_path
        for doubt in shown
        for photo_path in (doubt.path, doubt.nearest_of_label, doubt.nearest_of_suggested)
        if photo_path
    ]
    page = load_template("doubts.html.j2").render(
        doubts=doubts,
        shown=shown,
        num_contradicted=len(contradicted),
        sure=SURE,
        pictures=draw_thumbnails(Path(doubts.root), paths, _SIDE, _QUALITY, scale),
        version=__version__,
    )
    write_text(path, page)
