"""Damage files the way disks, networks and attackers do, the same way for the same seed."""

import random
import zlib

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 60000)
_MAX_BYTES = 2**24
_HEAD = 1024  # bytes in which most formats have their headers


def mutate(data: bytes, other: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Damage a file.

    Args:
        data: The bytes of a sound file.
        other: Another one, from which a splice takes its piece.
        rng: Decides how and where.

    Returns:
        The name of what was done, and the damaged bytes.
    """
    ways = rng.choices(_WAYS, k=1 if rng.random() < 0.8 else 2)
    for way in ways:
        data = way(bytearray(data), other, rng)[:_MAX_BYTES] or b"\0"
    # A PNG has checksums; with wrong ones no decoder reads further.
    if data.startswith(b"\x89PNG") and rng.random() < 0.5:
        data = _checked_png(data)
    return " and ".join(way.__name__.removeprefix("_") for way in ways), data


def _checked_png(data: bytes) -> bytes:
    """Give every part of a PNG the checksum that fits."""
    parts, place = [data[:8]], 8
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4])
        body = data[place + 4 : place + 8 + length]
        parts += [data[place : place + 4], body, zlib.crc32(body).to_bytes(4)]
        place += 12 + length
    return b"".join(parts)


def _flip(data: bytearray, other: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _overwrite(data: bytearray, other: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 4, 32))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def _header(data: bytearray, other: bytes, rng: random.Random) -> bytes:
    """Write numbers that hurt where sizes and counts stand."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        width = rng.choice((1, 2, 4))
        place = rng.randrange(max(1, min(_HEAD, len(data)) - width))
        number = rng.choice(_NUMBERS) % 256**width
        data[place : place + width] = number.to_bytes(width, rng.choice(("big", "little")))
    return bytes(data)


def _truncate(data: bytearray, other: bytes, rng: random.Random) -> bytes:
    return bytes(data[: rng.randrange(len(data) + 1)])


def _blank(data: bytearray, other: bytes, rng: random.Random) -> bytes:
    """Write one value over a piece, or over all the rest: a bad sector, a lost end."""
    start = rng.randrange(len(data))
    end = len(data) if rng.random() < 0.5 else min(len(data), start + rng.choice((16, 512, 4096)))
    data[start:end] = rng.choice((b"\0", b"\xff")) * (end - start)
    return bytes(data)


def _splice(data: bytearray, other: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    end = rng.randrange(start, len(data) + 1)
    first = rng.randrange(len(other))
    data[start:end] = other[first : rng.randrange(first, len(other) + 1)]
    return bytes(data)


def _shuffle(data: bytearray, other: bytes, rng: random.Random) -> bytes:
    """Cut into pieces and exchange, repeat or drop some."""
    cuts = sorted(rng.randrange(len(data)) for _ in range(rng.choice((2, 4, 16))))
    pieces = [bytes(data[a:b]) for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    head, rest = pieces[0], pieces[1:]
    for _ in range(rng.choice((1, 3))):
        way, place = rng.randrange(3), rng.randrange(len(rest))
        if way == 0:
            rest.insert(place, rest.pop(rng.randrange(len(rest))))
        elif way == 1:
            # No more than is kept in the end.
            rest[place] *= min(rng.choice((2, 2, 50)), 1 + _MAX_BYTES // (len(rest[place]) + 1))
        elif len(rest) > 1:
            del rest[place]
    return head + b"".join(rest)


_WAYS = (_flip, _overwrite, _header, _header, _truncate, _blank, _splice, _shuffle)
