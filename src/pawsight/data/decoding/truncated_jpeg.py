"""Measure how much of a truncated JPEG is intact, and whether that is enough to use it.

An end marker is added here, and libjpeg replaces what is missing by zeros: missing
blocks come out in exact mid-grey (dark grey in CMYK), and without some scans a
progressive JPEG is blurred. The intact part can therefore be measured from the pixels
and the scans. Pillow's own setting for truncated files, `LOAD_TRUNCATED_IMAGES`, holds
for all threads and all formats, so it is not used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from pawsight.data.decoding.jpeg_segments import num_components, scans

# Share of rows. Below it, the object that the photo shows may well be in the missing rows.
ENOUGH = 0.75
_STRIP = 64  # rows examined together
_END = b"\xff\xd9"
_BETWEEN_SCANS = (b"\xff\xda", b"\xff\xdd", b"\xff\xc4")


@dataclass(frozen=True, slots=True)
class IntactPart:
    """The part of a truncated JPEG that can be decoded."""

    share: float  # of its rows that are intact, 0..1
    is_blurred: bool  # whether the JPEG has several scans, and finer detail is missing
    is_enough: bool  # whether the photo can be used nevertheless

    @property
    def text(self) -> str:
        """Return the intact part as text: "91 % of it is intact"."""
        if not self.is_blurred:
            return f"{min(99, int(100 * self.share))} % of it is intact"
        if self.is_enough:
            return "all rows are there, without the finest detail"
        return "only a blurred version of it is there"


def with_end(data: bytes) -> bytes:
    """Return a truncated JPEG with an end marker after the last byte that can belong to the image.

    Zeros at the end are removed: a file that was allocated in full before it was written has them.
    """
    data = data.rstrip(b"\0").rstrip(b"\xff")
    for marker in _BETWEEN_SCANS:  # the end marker would be read as part of a cut segment
        offset = data.rfind(marker)
        length = max(2, int.from_bytes(data[offset + 2 : offset + 4]))
        if offset >= 0 and offset + 2 + length > len(data):
            data = data[:offset]
    return data + _END


def measure_intact_part(image: Image.Image, data: bytes) -> IntactPart:
    """Measure the intact part of a truncated JPEG.

    Args:
        image: What was decoded from `with_end(data)`, at any size.
        data: The bytes of the truncated file.
    """
    share = 1 - _num_missing_rows(image) / image.height
    all_scans = scans(data)
    num_channels = num_components(data)
    if (
        len(all_scans) == 1
        and all_scans[0].last == 63
        and len(all_scans[0].components) == num_channels
    ):
        return IntactPart(share, False, share >= ENOUGH)
    complete = all_scans[:-1]  # the end is missing, so the last scan is cut
    with_means = {
        component for scan in complete if scan.first == 0 for component in scan.components
    }
    # The first component is the luma, which has the shapes; its coarse detail comes first.
    luma = all_scans[0].components[:1] if all_scans else ()
    has_detail = any(scan.components[:1] == luma and scan.last > 0 for scan in complete)
    is_enough = share == 1 and len(with_means) == num_channels and has_detail
    return IntactPart(share, True, is_enough)


def _num_missing_rows(image: Image.Image) -> int:
    """Return the number of mid-grey rows at the bottom."""
    for bottom in range(image.height, 0, -_STRIP):
        top = max(0, bottom - _STRIP)
        strip = np.asarray(image.crop((0, top, image.width, bottom)))
        rows = strip.reshape(len(strip), -1)
        # In CMYK, a value is 255 minus the light, so that mid-grey can be 127.
        intact = np.flatnonzero((rows.min(1) < 127) | (rows.max(1) > 128))
        if intact.size:
            return image.height - (top + int(intact[-1]) + 1)
    return image.height
