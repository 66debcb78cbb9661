"""List the cues: properties that may separate the classes without being the photos' subject.

A cue has one or more numbers for each photo: a measurement, such as the JPEG
quality, or an indicator, 1 or 0, of each common text, such as a camera. To add a
cue, add an entry to `CUES` and the function that measures it.
"""

from __future__ import annotations

from pawsight.data.auditing import file_cues, image_cues
from pawsight.data.auditing.cue import Cue

# The minimal effect (Cliff's delta) of a finding, by how much classes may differ naturally.
_OF_FILE = 0.5  # facts of files do not depend on the class
_OF_CORNER = 0.35  # objects are as often at the left as at the right
_OF_LIGHT = 0.55  # brightness and blur may differ naturally: animals at night, close-ups
_OF_COLOUR = 0.7  # colours do so even in the lightest places: of flowers by more than 0.55
MIN_EFFECTS = (
    f"{_OF_FILE:g}, {_OF_CORNER:g} for corners, {_OF_LIGHT:g} for brightness and blur, or "
    f"{_OF_COLOUR:g} for colours"
)

CUES: tuple[Cue, ...] = (
    Cue("size", "Size in pixels", _OF_FILE, file_cues.size),
    Cue("aspect", "Aspect ratio", _OF_FILE, file_cues.aspect_ratio),
    Cue("format", "File format", _OF_FILE, file_cues.file_format),
    Cue("jpeg_quality", "JPEG quality", _OF_FILE, file_cues.jpeg_quality),
    Cue("camera", "Camera", _OF_FILE, file_cues.camera),
    Cue("file_name", "File names", _OF_FILE, file_cues.file_name),
    Cue("border", "Border", _OF_FILE, image_cues.border, needs_pixels=True),
    Cue("corner_mark", "Mark in a corner", _OF_CORNER, image_cues.corner_mark, needs_pixels=True),
    Cue("colour_cast", "Colour cast", _OF_COLOUR, image_cues.colour_cast, needs_pixels=True),
    Cue("brightness", "Brightness", _OF_LIGHT, image_cues.brightness, needs_pixels=True),
    Cue("detail", "Blur or noise", _OF_LIGHT, image_cues.fine_detail, needs_pixels=True),
)
