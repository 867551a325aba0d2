"""Checksums made right again after bytes were changed, so that the change gets past the door of the decoder."""

from __future__ import annotations

import struct
from functools import cache

_PAGE = struct.Struct("<4sBBqIIIB")


@cache
def _table(polynomial: int, bits: int) -> tuple[int, ...]:
    """Of a CRC that takes the highest bit first."""
    made = []
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value >> bits - 1 else value << 1) & (1 << bits) - 1
        made.append(value)
    return tuple(made)


def crc(data: bytes | bytearray, polynomial: int, bits: int) -> int:
    table, value, mask = _table(polynomial, bits), 0, (1 << bits) - 1
    for byte in data:
        value = (value << 8 & mask) ^ table[value >> bits - 8 ^ byte]
    return value


def riff(data: bytes) -> bytes:
    """The size in the header is the file's."""
    return data[:4] + struct.pack("<I", max(0, len(data) - 8) & 0xFFFFFFFF) + data[8:]


def ogg(data: bytes) -> bytes:
    """Every page's checksum, as far as there are pages."""
    out, at = bytearray(data), 0
    while at + _PAGE.size <= len(out) and out[at : at + 4] == b"OggS":
        end = at + _PAGE.size + out[at + 26]
        end += sum(out[at + _PAGE.size : end])
        if end > len(out):
            break
        out[at + 22 : at + 26] = bytes(4)
        out[at + 22 : at + 26] = struct.pack("<I", crc(out[at:end], 0x04C11DB7, 32))
        at = end
    return bytes(out)


def flac(data: bytes, frames: tuple[int, ...]) -> bytes:
    """The checksums of the frames that begin at ``frames``, and no MD5; for changes that keep the length."""
    out = bytearray(data)
    out[26:42] = bytes(16)  # of the samples: none is told
    for begin, end in zip(frames, (*frames[1:], len(out)), strict=True):
        header = header_length(out, begin)
        if end - begin > header + 2:
            out[begin + header] = crc(out[begin : begin + header], 0x07, 8)
            out[end - 2 : end] = struct.pack(">H", crc(out[begin : end - 2], 0x8005, 16))
    return bytes(out)


def flac_frames(data: bytes) -> tuple[int, ...]:
    """Where the frames of a valid file begin: a sync code with a header whose checksum is right."""
    found, at = [], data.find(b"\xff\xf8")
    while at >= 0:
        header = header_length(data, at)
        if at + header < len(data) and data[at + header] == crc(data[at : at + header], 0x07, 8):
            found.append(at)
        at = data.find(b"\xff\xf8", at + 2)
    return tuple(found)


def header_length(data: bytes | bytearray, at: int) -> int:
    """Of a frame's header, without its checksum."""
    if at + 5 > len(data):
        return 5
    block, rate, number = data[at + 2] >> 4, data[at + 2] & 15, data[at + 4]
    coded = 1 if number < 0x80 else max(2, 8 - (~number & 0xFF).bit_length())
    return 4 + coded + {6: 1, 7: 2}.get(block, 0) + {12: 1, 13: 2, 14: 2}.get(rate, 0)
