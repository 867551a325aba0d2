"""Unpacking the records of a compressed batch, and never beyond a bound.

What was packed comes from outside, and how large it is nobody knows before it is unpacked: a kilobyte may hold a
gigabyte. The room is reserved and not used: of what is never written no memory is taken.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
from collections.abc import Callable, Mapping
from mmap import mmap
from types import MappingProxyType
from typing import Any, Final

import cramjam

CODEC_MASK: Final = 0x07
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4

_PIECE: Final = 256 * 1024
_FENCE: Final = 16  # bytes behind the room that nobody can guess: gone where something was written over its end
# How snappy-java, and with it every Java producer, begins: then come blocks, each behind its length.
_XERIAL: Final = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
_BLOCK: Final = struct.Struct(">i")


class TooLarge(Exception):
    """More than the bound comes out."""


def unpacked(codec: int, packed: memoryview, head: int, bytes_max: int) -> memoryview:
    """``head`` bytes left free, and behind them what comes out of ``packed``, as one writable buffer.

    Raises TooLarge where that is more than ``bytes_max``, and whatever the decoders raise for what they can't read.
    """
    room = memoryview(mmap(-1, head + bytes_max + _FENCE))
    size = _UNPACK[codec](packed, room[head:], bytes_max)
    return room[: head + size]


def _gzip(packed: memoryview, room: memoryview, bytes_max: int) -> int:
    size = 0
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        while piece := file.read(_PIECE):
            if size + len(piece) > bytes_max:
                raise TooLarge
            room[size : size + len(piece)] = piece
            size += len(piece)
    return size


def _snappy(packed: memoryview, room: memoryview, bytes_max: int) -> int:
    if packed[: len(_XERIAL)] != _XERIAL:
        return _snappy_block(packed, room, bytes_max)
    at, size = len(_XERIAL), 0
    while at < len(packed):
        (length,) = _BLOCK.unpack_from(packed, at)
        at += _BLOCK.size
        if not 0 < length <= len(packed) - at:
            raise ValueError("a block of snappy that is cut off")
        size += _snappy_block(packed[at : at + length], room[size:], bytes_max - size)
        at += length
    return size


def _snappy_block(packed: memoryview, room: memoryview, bytes_max: int) -> int:
    """A block says first how large it will be, and more than it says does not come out."""
    if cramjam.snappy.decompress_raw_len(packed) > bytes_max:
        raise TooLarge
    return cramjam.snappy.decompress_raw_into(packed, room)


def _streamed(unpack: Callable[[Any, Any], int]) -> Callable[[memoryview, memoryview, int], int]:
    """Of a decoder that writes until the room is full, and whose error does not tell that from any other."""

    def into(packed: memoryview, room: memoryview, bytes_max: int) -> int:
        fence = os.urandom(_FENCE)
        room[-_FENCE:] = fence
        try:
            size = unpack(packed, room)
        except Exception:
            if room[-_FENCE:] != fence:
                raise TooLarge from None
            raise
        if size > bytes_max:
            raise TooLarge
        return size

    return into


_UNPACK: Mapping[int, Callable[[memoryview, memoryview, int], int]] = MappingProxyType(
    {
        GZIP: _gzip,
        SNAPPY: _snappy,
        LZ4: _streamed(cramjam.lz4.decompress_into),
        ZSTD: _streamed(cramjam.zstd.decompress_into),
    }
)
