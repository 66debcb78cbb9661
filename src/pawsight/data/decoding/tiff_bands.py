"""Read the TIFFs that Pillow cannot: many bands, separate planes, doubles, signed bytes.

Microscopes, CT scanners and satellites write such files. tifffile decodes them. Where a
file does not state which of its bands are the image, the user chooses them.
"""

from __future__ import annotations

import io
import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from pawsight.data.decoding.limits import MAX_MEMORY_BYTES, MAX_PIXELS, too_many_pixels
from pawsight.data.decoding.orientation import TURNS
from pawsight.data.decoding.samples import NO_DATA, Scaled, extremes, read_no_data, scale_values
from pawsight.data.pixel_scale import NoScaleError, PixelScale, describe_samples
from pawsight.errors import ExtraError, PhotoError

Plane = NDArray[Any]  # the values of one band, shape [H, W]

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2  # photometric interpretations
_SEPARATE = 2  # planar configuration: one plane after the other
_SIGNED = 2  # sample format
_MAX_PAGES = 1000
_ALPHA = (1, 2)  # kinds of extra samples
# Pillow's messages on TIFFs that it recognises, but cannot decode.
_NOT_BY_PILLOW = (
    "unknown pixel mode",
    "unknown data organization",
    "Invalid value for samples per pixel",
    "string index out of range",  # more than four planes, one after the other
)

# Without a handler, tifffile's messages on damaged files would be printed if logging is not set up.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def is_kind_of_bands(error: SyntaxError) -> bool:
    """Return whether Pillow recognises a TIFF, but lacks support for its values or bands."""
    return str(error) in _NOT_BY_PILLOW


def needs_bands(image: Image.Image, scale: PixelScale) -> bool:
    """Return whether Pillow would decode a TIFF to other values or bands than required.

    Args:
        image: The TIFF, opened by Pillow.
        scale: The rule, which may name bands.
    """
    tags = image.tag_v2  # type: ignore[attr-defined]
    bits, num_samples = max(tags.get(Base.BitsPerSample, (1,))), tags.get(Base.SamplesPerPixel, 1)
    is_signed = set(tags.get(Base.SampleFormat, (1,))) == {_SIGNED}
    return (
        (num_samples > 1 and tags.get(Base.PlanarConfiguration) == _SEPARATE and bits > 8)
        or (is_signed and bits <= 8)
        or (bool(scale.bands) and (num_samples > 1 or getattr(image, "n_frames", 1) > 1))
    )


def read_bands(data: bytes, scale: PixelScale) -> Scaled:
    """Decode the first image of a TIFF, or those bands of the file that a rule names.

    Args:
        data: The bytes of the file.
        scale: The rule, which names the bands and scales their values to 0..255.

    Returns:
        An upright image of mode "L" or "RGB", or "LA" or "RGBA" if the file has transparency.

    Raises:
        PhotoError: The rule does not name the bands to use, or the file does not have them;
            the image is too large, or of a kind that is not read.
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
        turn = TURNS.get(page.tags.valueof(Base.Orientation))
        profile = page.tags.valueof(Base.InterColorProfile)
    if turn is not None:
        image = Scaled(image.image.transpose(turn), image.samples)
    if isinstance(profile, bytes) and image.image.mode in ("RGB", "RGBA"):
        image.image.info["icc_profile"] = profile
    return image


def _chosen(file: Any, page: Any, scale: PixelScale) -> tuple[list[Plane], Plane | None]:
    """Return the bands that become the image, and the opacity, None if all pixels are opaque."""
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
    raise PhotoError(
        f"it has {num_samples} bands: name one or three of them, such as --set pixels.bands=4,3,2"
    )


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
    # Three copies: the array, one of its strips or tiles, and the result.
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
        no_data = read_no_data(page.tags.valueof(NO_DATA))
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
        opaque = 1.0 if alpha.dtype.kind == "f" else float(np.iinfo(alpha.dtype).max)
        image.putalpha(Image.fromarray(scale_values(alpha, (0.0, opaque))))
    return Scaled(image, samples)


def _needs_extra(page: Any) -> str:
    name = getattr(page.compression, "name", page.compression)
    return str(ExtraError(f"This kind of TIFF ({name}-compressed)", "tiff"))
