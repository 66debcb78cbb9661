"""The page of doubtful labels: each photo beside the most similar ones of both classes."""

from __future__ import annotations

from pathlib import Path

from pawsight import __version__
from pawsight.data.pixel_scale import PixelScale
from pawsight.evaluation.doubts import SURE, Doubts
from pawsight.report.templates import load_template
from pawsight.report.thumbnails import draw_thumbnails
from pawsight.storage.atomic import write_text

MAX_SHOWN = 100  # photos on the page: with their neighbours about 2 MB
_SIDE, _QUALITY = 200, 70  # of a thumbnail: pixels of the longer side, and JPEG quality


def write_doubts_page(doubts: Doubts, path: Path, scale: PixelScale) -> None:
    """Write the first contradicted labels as one HTML file that needs nothing else.

    Raises:
        DiskError: The page cannot be written.
    """
    contradicted = doubts.contradicted
    shown = contradicted[:MAX_SHOWN]
    wanted = [
        name
        for one in shown
        for name in (one.path, one.nearest_of_label, one.nearest_of_suggested)
        if name
    ]
    page = load_template("doubts.html.j2").render(
        doubts=doubts,
        shown=shown,
        num_contradicted=len(contradicted),
        sure=SURE,
        pictures=draw_thumbnails(Path(doubts.root), wanted, _SIDE, _QUALITY, scale),
        version=__version__,
    )
    write_text(path, page)
