"""What a photo may ask for, before memory or time is spent on it."""

from __future__ import annotations

from PIL import Image

MAX_PIXELS = 178_956_970  # Pillow's own limit; a panorama of 12,000 x 6,000 is 72 million


def check_content(data: bytes) -> bytes:
    """Give the bytes to decode."""
    return data


def check_size(kind: str, size: tuple[int, int]) -> None:
    """Refuse a photo with too many pixels."""
    if size[0] * size[1] > MAX_PIXELS:
        raise Image.DecompressionBombError
