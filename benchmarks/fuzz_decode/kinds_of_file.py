"""One picture as every kind of file that pawsight reads: what the fuzzer mutates and tests decode.

Most kinds are written by Pillow and pillow-heif. What those cannot write (inks with
their own luma, tiles, planes, 16-bit colour, interlaced PNG) is put together here.
"""

import io
import struct
import zlib

import numpy as np
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    """Write a picture into bytes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def every_kind(image: Image.Image) -> dict[str, bytes]:
    """Write a picture as every kind of file.

    Args:
        image: An RGB picture of soft shapes.

    Returns:
        Bytes by a name for the kind; the name begins with that of the format.
    """
    rgb = image.convert("RGB")
    return _jpegs(rgb) | _pngs(rgb) | _modern(rgb) | _tiffs(rgb) | _others(rgb)


def _jpegs(rgb: Image.Image) -> dict[str, bytes]:
    good = {"quality": 95, "subsampling": 0}
    return {
        "JPEG baseline": encode(rgb, "JPEG", **good),
        "JPEG 4:2:0": encode(rgb, "JPEG", quality=90),
        "JPEG progressive": encode(rgb, "JPEG", progressive=True, **good),
        "JPEG with restarts": encode(rgb, "JPEG", restart_marker_blocks=3, **good),
        "JPEG grey": encode(rgb.convert("L"), "JPEG", quality=95),
        "JPEG CMYK": encode(rgb.convert("CMYK"), "JPEG", **good),
        "JPEG YCCK": ycck(rgb),
        "JPEG MPO": encode(rgb, "MPO", save_all=True, append_images=[rgb.rotate(180)], quality=95),
    }


def ycck(rgb: Image.Image) -> bytes:
    """Write inks as Photoshop does: with a luma, and all of it inverted."""
    inks = np.asarray(rgb.convert("CMYK"))
    luma = np.asarray(Image.fromarray(np.ascontiguousarray(inks[..., :3])).convert("YCbCr"))
    stored = np.concatenate([255 - luma, inks[..., 3:]], axis=2)
    data = encode(Image.fromarray(stored, "CMYK"), "JPEG", quality=95, subsampling=0)
    place = data.index(b"Adobe") + 11  # which says how the inks are to be understood
    return data[:place] + b"\2" + data[place + 1 :]


def _pngs(rgb: Image.Image) -> dict[str, bytes]:
    few = rgb.quantize(200)
    turned = rgb.rotate(180)
    pixels = np.asarray(rgb)
    return {
        "PNG RGB": encode(rgb, "PNG"),
        "PNG palette": encode(few, "PNG"),
        "PNG 4-bit palette": encode(rgb.quantize(16), "PNG", bits=4),
        "PNG transparent palette": encode(few, "PNG", transparency=bytes([255] * 200)),
        "PNG grey": encode(rgb.convert("L"), "PNG"),
        "PNG grey and alpha": encode(rgb.convert("LA"), "PNG"),
        "PNG RGBA": encode(rgb.convert("RGBA"), "PNG"),
        "PNG 1-bit": encode(rgb.convert("1"), "PNG"),
        "PNG 16-bit grey": encode(grey_16(rgb), "PNG"),
        "PNG 16-bit RGB": png(pixels.astype(">u2") * 257, bits=16, colour=2),
        "PNG interlaced": png(pixels, bits=8, colour=2, is_interlaced=True),
        "PNG animated": encode(rgb, "PNG", save_all=True, append_images=[turned]),
    }


def grey_16(rgb: Image.Image) -> Image.Image:
    """Give the luma as 16-bit grey."""
    return Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257)


def chunk(name: bytes, body: bytes) -> bytes:
    """Write one part of a PNG file."""
    check = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + check


def png(pixels: np.ndarray, bits: int, colour: int, is_interlaced: bool = False) -> bytes:
    """Write a PNG of pixels [H, W, C], big-endian."""
    height, width = pixels.shape[:2]
    passes = [(0, 0, 1, 1)]
    if is_interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)]
        passes += [(2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = [
        b"\0" + row.tobytes()
        for top, left, down, across in passes
        for row in pixels[top::down, left::across]
        if row.size
    ]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(is_interlaced))
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"".join(rows)))]
    return b"".join([b"\x89PNG\r\n\x1a\n", *parts, chunk(b"IEND", b"")])


def _modern(rgb: Image.Image) -> dict[str, bytes]:
    rgba = rgb.convert("RGBA")
    more = {"save_all": True, "append_images": [rgb.rotate(180)]}
    return {
        "GIF": encode(rgb.quantize(200), "GIF"),
        "GIF transparent": encode(rgb.quantize(200), "GIF", transparency=201),
        "GIF animated": encode(rgb.quantize(200), "GIF", **more),
        "WebP lossy": encode(rgb, "WEBP", quality=95),
        "WebP lossless": encode(rgb, "WEBP", lossless=True),
        "WebP alpha": encode(rgba, "WEBP", lossless=True, exact=True),
        "WebP animated": encode(rgb, "WEBP", quality=95, **more),
        "AVIF": encode(rgb, "AVIF", quality=95, subsampling="4:4:4", speed=10),
        "AVIF grey": encode(rgb.convert("L"), "AVIF", quality=95, speed=10),
        "AVIF alpha": encode(rgba, "AVIF", quality=95, subsampling="4:4:4", speed=10),
        "AVIF animated": encode(rgb, "AVIF", quality=95, speed=10, **more),
        "HEIF": encode(rgb, "HEIF", quality=95, chroma=444),
        "HEIF alpha": encode(rgba, "HEIF", quality=95, chroma=444),
        "HEIF 10-bit": _heif_10_bit(rgb),
        "HEIF two pictures": encode(rgb, "HEIF", quality=95, **more),
    }


def _heif_10_bit(rgb: Image.Image) -> bytes:
    values = (np.asarray(rgb).astype(np.uint16) * 257).tobytes()
    file = io.BytesIO()
    picture = pillow_heif.from_bytes("RGB;16", rgb.size, values)
    picture.save(file, quality=95, chroma=444)
    return file.getvalue()


def _tiffs(rgb: Image.Image) -> dict[str, bytes]:
    packed = {
        f"TIFF {name}": encode(rgb, "TIFF", compression=f"tiff_{name}" if name else None)
        for name in ("lzw", "adobe_deflate", "packbits", "zstd", "lzma")
    }
    pixels = np.asarray(rgb)
    luma = np.asarray(rgb.convert("L"))
    return packed | {
        "TIFF RGB": encode(rgb, "TIFF"),
        "TIFF BigTIFF": encode(rgb, "TIFF", big_tiff=True),
        "TIFF JPEG": encode(rgb, "TIFF", compression="jpeg", quality=95),
        "TIFF group4": encode(rgb.convert("1"), "TIFF", compression="group4"),
        "TIFF grey": encode(rgb.convert("L"), "TIFF"),
        "TIFF palette": encode(rgb.quantize(200), "TIFF"),
        "TIFF RGBA": encode(rgb.convert("RGBA"), "TIFF"),
        "TIFF CMYK": encode(rgb.convert("CMYK"), "TIFF", compression="tiff_lzw"),
        "TIFF Lab": tiff(_lab(rgb), photometric=8),
        "TIFF 16-bit grey": encode(grey_16(rgb), "TIFF"),
        "TIFF float grey": encode(Image.fromarray(luma.astype(np.float32) / 255), "TIFF"),
        "TIFF 32-bit grey": encode(Image.fromarray(luma.astype(np.int32)), "TIFF"),
        "TIFF 16-bit RGB": tiff(pixels.astype("<u2") * 257),
        "TIFF 16-bit RGB big-endian": tiff(pixels.astype(">u2") * 257, order=">"),
        "TIFF 16-bit CMYK": tiff(np.asarray(rgb.convert("CMYK")).astype("<u2") * 257, 5),
        "TIFF planes": tiff(pixels, is_planar=True),
        "TIFF tiles": tiff(pixels, tile=32),
        "TIFF pages": encode(rgb, "TIFF", save_all=True, append_images=[rgb.rotate(180)]),
    }


def _lab(rgb: Image.Image) -> np.ndarray:
    from PIL import ImageCms

    profiles = [ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")]
    lab = ImageCms.applyTransform(rgb, ImageCms.buildTransform(*profiles, "RGB", "LAB"))
    # Pillow gives out a and b with a sign, as a TIFF has them.
    return np.frombuffer(lab.tobytes(), np.uint8).reshape(rgb.height, rgb.width, 3)


def tiff(
    pixels: np.ndarray,
    photometric: int = 2,
    *,
    order: str = "<",
    is_planar: bool = False,
    tile: int = 0,
) -> bytes:
    """Write a TIFF of pixels [H, W, C], not compressed."""
    height, width, channels = pixels.shape
    bits = pixels.dtype.itemsize * 8
    blocks = [pixels]
    if is_planar:
        blocks = [pixels[..., c] for c in range(channels)]
    elif tile:
        wide, high = -(-width // tile) * tile, -(-height // tile) * tile
        full = np.pad(pixels, ((0, high - height), (0, wide - width), (0, 0)))
        starts = [(y, x) for y in range(0, high, tile) for x in range(0, wide, tile)]
        blocks = [full[y : y + tile, x : x + tile] for y, x in starts]
    body = [block.tobytes() for block in blocks]
    offsets = [8 + sum(map(len, body[:i])) for i in range(len(body))]
    lengths = [len(part) for part in body]
    tags = {256: [width], 257: [height], 258: [bits] * channels, 259: [1], 262: [photometric]}
    tags |= {277: [channels], 284: [2 if is_planar else 1]}
    if tile:
        tags |= {322: [tile], 323: [tile], 324: offsets, 325: lengths}
    else:
        tags |= {273: offsets, 278: [height], 279: lengths}
    start = 8 + sum(lengths)
    start += start % 2
    extra_at = start + 2 + 12 * len(tags) + 4
    directory, extra = struct.pack(order + "H", len(tags)), b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(packed) > 4:
            value = struct.pack(order + "I", extra_at + len(extra))
            extra += packed
        else:
            value = packed
        directory += struct.pack(order + "HHI", tag, 4, len(values)) + value
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    data = header + b"".join(body)
    return data.ljust(start, b"\0") + directory + bytes(4) + extra


def _others(rgb: Image.Image) -> dict[str, bytes]:
    rgba = rgb.convert("RGBA")
    few = rgb.quantize(200)
    return {
        "BMP 24": encode(rgb, "BMP"),
        "BMP 32": encode(rgba, "BMP"),
        "BMP 8": encode(few, "BMP"),
        "BMP 4": bmp(np.asarray(rgb.quantize(16)), rgb.quantize(16).getpalette(), 4),
        "BMP 8 packed": bmp(np.asarray(few), few.getpalette(), 8),
        "BMP 1": encode(rgb.convert("1"), "BMP"),
        "JPEG 2000 jp2": encode(rgb, "JPEG2000"),
        "JPEG 2000 j2k": encode(rgb, "JPEG2000", no_jp2=True),
        "JPEG 2000 lossy": encode(rgb, "JPEG2000", irreversible=True, quality_layers=[4]),
        "JPEG 2000 tiles": encode(rgb, "JPEG2000", tile_size=(32, 32)),
        "JPEG 2000 grey": encode(rgb.convert("L"), "JPEG2000"),
        "JPEG 2000 16-bit": encode(grey_16(rgb), "JPEG2000"),
        "JPEG 2000 alpha": encode(rgba, "JPEG2000"),
        "PPM": encode(rgb, "PPM"),
        "PPM grey": encode(rgb.convert("L"), "PPM"),
        "QOI": encode(rgb, "QOI"),
        "TGA": encode(rgb, "TGA", compression="tga_rle"),
        "ICO": encode(rgba.resize((64, 64)), "ICO", sizes=[(64, 64)]),
        "PCX": encode(rgb, "PCX"),
        "SGI": encode(rgb, "SGI"),
    }


def bmp(indices: np.ndarray, palette: list[int], bits: int) -> bytes:
    """Write a BMP with a palette: 4 bits as they are, 8 bits in runs of one."""
    height, width = indices.shape
    rows = []
    for row in indices[::-1]:
        if bits == 4:
            pairs = np.pad(row, (0, -width % 8)).reshape(-1, 2)
            rows.append((pairs[:, 0] << 4 | pairs[:, 1]).astype(np.uint8).tobytes())
        else:
            runs = np.stack([np.ones_like(row), row], 1)
            rows.append(runs.tobytes() + b"\0\0")
    body = b"".join(rows) + (b"\0\1" if bits == 8 else b"")
    colours = np.array(palette, np.uint8).reshape(-1, 3)
    table = np.zeros((2**bits, 4), np.uint8)
    table[: len(colours), :3] = colours[:, ::-1]
    start = 54 + table.size
    info = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, bits == 8, len(body), 0, 0, 2**bits, 0
    )
    return (
        b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + info + table.tobytes() + body
    )
