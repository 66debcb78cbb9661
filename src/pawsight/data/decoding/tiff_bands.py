"""Read the TIFFs that Pillow cannot: many bands, separate planes, doubles, signed bytes.

Microscopes, CT scanners and satellites write these. tifffile decodes them; which
bands become the image is the choice of the user where the file does not state it.
"""

from __future__ import annotations

import io
import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pawsight.data.decoding.limits import MAX_MEMORY_BYTES, MAX_PIXELS, too_many_pixels
from pawsight.data.decoding.orientation import TURNS
from pawsight.data.decoding.samples import Scaled, extremes, read_no_data, scale_values
from pawsight.data.pixel_scale import NoScaleError, PixelScale, describe_samples
from pawsight.errors import ExtraError, PhotoError

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2  # photometric interpretations
_ORIENTATION, _ICC_PROFILE, _NO_DATA = 274, 34675, 42113  # tags
_SEPARATE = 2
_MAX_PAGES = 1000
_ALPHA = (1, 2)  # kinds of extra samples
# Pillow's messages on TIFFs that it recognises, but cannot decode.
_NOT_BY_PILLOW = (
    "unknown pixel mode",
    "unknown data organization",
    "Invalid value for samples per pixel",
    "string index out of range",  # of more than four planes, one after the other
)
_CHOOSE = "name one or three of them, such as --set pixels.bands=4,3,2"

# What tifffile logs of damaged files would else be printed where logging is not configured.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def is_kind_of_bands(error: SyntaxError) -> bool:
    """Return whether Pillow recognises a TIFF, but lacks support for its values or bands."""
    return str(error) in _NOT_BY_PILLOW


def needs_bands(image: Image.Image, scale: PixelScale) -> bool:
    """Return whether a TIFF that Pillow has opened is one that it would decode to wrong values."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    bits, num_samples = max(tags.get(258, (1,))), tags.get(277, 1)
    is_signed = set(tags.get(339, (1,))) == {2}
    return (
        (num_samples > 1 and tags.get(284) == _SEPARATE and bits > 8)
        or (is_signed and bits <= 8)
        or (bool(scale.bands) and (num_samples > 1 or getattr(image, "n_frames", 1) > 1))
    )


def read_bands(data: bytes, scale: PixelScale) -> Scaled:
    """Decode the first image of a TIFF, or the bands of it that a rule names.

    Returns:
        An upright image, "L", "RGB" or, where the file has transparency, "LA" or "RGBA".

    Raises:
        PhotoError: It has bands and no rule says which to use, is too large,
            or is of a kind that is not read.
        NoScaleError: The rule does not cover such values.
    """
    import tifffile  # here, since few photos are such TIFFs

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        try:
            bands, alpha = _chosen(file, page, scale)
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            raise PhotoError(_needs_extra(page)) from error
        image = _to_image(page, bands, alpha, scale)
        tags = {
            tag.code: tag.value for tag in page.tags if tag.code in (_ORIENTATION, _ICC_PROFILE)
        }
    turn = TURNS.get(tags.get(_ORIENTATION, 1))
    if turn is not None:
        image = Scaled(image.image.transpose(turn), image.samples)
    if isinstance(profile := tags.get(_ICC_PROFILE), bytes) and image.image.mode in ("RGB", "RGBA"):
        image.image.info["icc_profile"] = profile
    return image


Plane = NDArray[Any]


def _chosen(file: Any, page: Any, scale: PixelScale) -> tuple[list[Plane], Plane | None]:
    """Return the bands that become the image, shape [H, W] each, and how opaque each pixel is."""
    num_samples = page.samplesperpixel
    if scale.bands and num_samples == 1 and len(file.pages) > 1:
        return _pages(file, scale.bands), None
    _check_size(page)
    if page.ndim > 3 or getattr(page, "imagedepth", 1) > 1:
        raise PhotoError("a volume of many slices; save the slice that counts as a photo")
    array = page.asarray()
    if num_samples == 1:
        return [array.reshape(page.imagelength, page.imagewidth)], None
    planes = list(array if page.planarconfig == _SEPARATE else np.moveaxis(array, -1, 0))
    if scale.bands:
        if max(scale.bands) > num_samples:
            raise PhotoError(
                f"it has {num_samples} bands, but band {max(scale.bands)} was requested"
            )
        return [planes[band - 1] for band in scale.bands], None
    extra = tuple(page.extrasamples)
    num_colours = num_samples - len(extra)
    if num_samples == 3 and page.photometric in (_BLACK_IS_ZERO, _RGB):
        return planes, None
    if page.photometric == _RGB and num_colours == 3:
        return planes[:3], planes[3] if extra[0] in _ALPHA else None
    if page.photometric == _BLACK_IS_ZERO and num_colours == 1 and extra in ((1,), (2,)):
        return planes[:1], planes[1]
    raise PhotoError(f"it has {num_samples} bands: {_CHOOSE}")


def _pages(file: Any, bands: tuple[int, ...]) -> list[Plane]:
    num_pages = len(file.pages)
    if max(bands) > min(num_pages, _MAX_PAGES):
        raise PhotoError(f"it has {num_pages} channels, but channel {max(bands)} was requested")
    pages = [file.pages[band - 1] for band in bands]
    for page in pages:
        _check_size(page)
    planes = [page.asarray().reshape(page.imagelength, page.imagewidth) for page in pages]
    if len({plane.shape for plane in planes}) > 1:
        raise PhotoError("its channels are of different sizes")
    return planes


def _check_size(page: Any) -> None:
    width, height, num_samples = page.imagewidth, page.imagelength, page.samplesperpixel
    if not width * height * num_samples:
        raise PhotoError("damaged TIFF data")
    if width * height > MAX_PIXELS:
        raise too_many_pixels(MAX_PIXELS)
    item_size = page.dtype.itemsize if page.dtype is not None else 8
    # The array, a strip or tile of it, and what is made of it.
    if 3 * width * height * num_samples * item_size > MAX_MEMORY_BYTES:
        raise PhotoError(f"too many pixels for {num_samples} bands")


def _to_image(page: Any, bands: list[Plane], alpha: Plane | None, scale: PixelScale) -> Scaled:
    kind = bands[0].dtype
    if kind.kind not in "buif":
        raise PhotoError(f"its values are of the kind {kind}, which pawsight does not read")
    samples, no_data = "", None
    if kind == np.uint8 or kind == np.bool_:
        levels = [band * np.uint8(255 if kind == np.bool_ else 1) for band in bands]
    else:
        tag = page.tags.get(_NO_DATA)
        no_data = read_no_data(tag.value) if tag is not None else None
        ranges = list(filter(None, (extremes(band, no_data) for band in bands)))
        lowest = min((low for low, _ in ranges), default=0.0)
        highest = max((high for _, high in ranges), default=0.0)
        name = "float" if kind.kind == "f" else kind.name
        samples = describe_samples(name, lowest, highest)
        ends = scale.range_of(name)
        if ends is None:
            raise NoScaleError(samples)
        levels = [scale_values(band, ends) for band in bands]
        if no_data is not None:
            for level, band in zip(levels, bands, strict=True):
                level[band == no_data] = 0
    image = Image.fromarray(levels[0])
    if len(levels) == 3:
        image = Image.merge("RGB", [Image.fromarray(level) for level in levels])
    if page.photometric == _WHITE_IS_ZERO:
        image = ImageOps.invert(image)
    if alpha is not None:
        most = 1.0 if alpha.dtype.kind == "f" else float(np.iinfo(alpha.dtype).max)
        image.putalpha(Image.fromarray(scale_values(alpha, (0.0, most))))
    return Scaled(image, samples)


def _needs_extra(page: Any) -> str:
    name = getattr(page.compression, "name", page.compression)
    return str(ExtraError(f"This kind of TIFF ({name}-compressed)", "tiff"))
