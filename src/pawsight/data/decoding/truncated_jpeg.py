"""How much of a truncated JPEG is there, and whether it is enough to use.

libjpeg, given an end of file here, fills what it lacks with zeros: blocks that
are missing come out in exact mid-grey (dark grey where inks are mixed), and scans
of a progressive JPEG that are missing leave it coarser. So what is there can be
seen from the pixels and the parts of the file. Pillow's own switch for this,
`LOAD_TRUNCATED_IMAGES`, is one for all threads and all formats: it is not used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from pawsight.data.decoding.jpeg_segments import num_components, scans

# Below this, what a person would recognise the photo by may well be in the missing rows.
ENOUGH = 0.75
_STRIP = 64  # rows examined together
_END = b"\xff\xd9"
_BETWEEN_SCANS = (b"\xff\xda", b"\xff\xdd", b"\xff\xc4")


@dataclass(frozen=True, slots=True)
class IntactPart:
    """The part of a truncated JPEG that is there."""

    share: float  # how much of its rows is there, 0..1
    is_blurred: bool  # whether it is in several passes, and finer detail is missing
    is_enough: bool  # whether the photo can be used all the same

    @property
    def words(self) -> str:
        """For display: "91 % of it is there"."""
        if not self.is_blurred:
            return f"{min(99, int(100 * self.share))} % of it is there"
        if self.is_enough:
            return "all of it is there, but coarser"
        return "only a blur of it is there"


def with_end(data: bytes) -> bytes:
    """Return a truncated JPEG with an end, after the last byte that can belong to the image.

    A file that was made in its full length before it was written ends in zeros.
    """
    data = data.rstrip(b"\0").rstrip(b"\xff")
    for marker in _BETWEEN_SCANS:  # one that is cut would swallow the end
        place = data.rfind(marker)
        length = max(2, int.from_bytes(data[place + 2 : place + 4]))
        if place >= 0 and place + 2 + length > len(data):
            data = data[:place]
    return data + _END


def measure_intact_part(image: Image.Image, data: bytes) -> IntactPart:
    """Measure how much of an image, decoded at any size from `with_end(data)`, is there."""
    share = 1 - _num_missing(image) / image.height
    passes = scans(data)
    colours = num_components(data)
    if len(passes) == 1 and passes[0].last == 63 and len(passes[0].components) == colours:
        return IntactPart(share, False, share >= ENOUGH)
    complete = passes[:-1]  # the end is missing, so the last one is cut
    means = {part for scan in complete if scan.first == 0 for part in scan.components}
    # The first component is the luma, which has the shapes; its coarse detail comes first.
    luma = passes[0].components[:1] if passes else ()
    has_detail = any(scan.components[:1] == luma and scan.last > 0 for scan in complete)
    return IntactPart(share, True, share == 1 and len(means) == colours and has_detail)


def _num_missing(image: Image.Image) -> int:
    """Count the rows of mid-grey at the bottom."""
    for bottom in range(image.height, 0, -_STRIP):
        top = max(0, bottom - _STRIP)
        strip = np.asarray(image.crop((0, top, image.width, bottom)))
        # Ink is 255 minus light, so that mid-grey can be 127 there.
        lowest, highest = strip.reshape(len(strip), -1).min(1), strip.reshape(len(strip), -1).max(1)
        sound = np.flatnonzero((lowest < 127) | (highest > 128))
        if sound.size:
            return image.height - (top + int(sound[-1]) + 1)
    return image.height
