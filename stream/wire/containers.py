"""Is an audio file all there? Read from the container itself, because decoders paper over what is missing.

libsndfile plays the first half of a cut-off WAV or Opus file as if it were whole, and the first of several data
chunks as if there were no other. What can be seen to be incomplete is refused. (An MP3 file without a Xing header
does not say how long it is: such a file, cut between two frames, is a shorter file.)
"""

from __future__ import annotations

import struct
from typing import Final

from stream.clip import Reason, Refusal

_RIFF_CHUNK: Final = struct.Struct("<4sI")
_OGG_PAGE: Final = struct.Struct("<4sBBqIIIB")
_OGG_LAST: Final = 0x04


def container(content: bytes) -> str:
    """``WAV``, ``FLAC``, ``OGG`` or ``MP3``, as libsndfile calls them, by the first bytes; the producer's claim counts
    for nothing. Raises Refusal(AUDIO_EMPTY, AUDIO_UNDECODABLE)."""
    if not content:
        raise Refusal(Reason.AUDIO_EMPTY)
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return "WAV"
    if content[:4] == b"fLaC":
        return "FLAC"
    if content[:4] == b"OggS":
        return "OGG"
    if content[:3] == b"ID3" or (content[0] == 0xFF and content[1:2] >= b"\xe0"):
        return "MP3"
    raise Refusal(Reason.AUDIO_UNDECODABLE)


def check_wav(content: bytes) -> None:
    """One fmt chunk, one data chunk, all inside the file. Raises Refusal(AUDIO_TRUNCATED, AUDIO_UNDECODABLE)."""
    end = 8 + struct.unpack_from("<I", content, 4)[0]
    if end > len(content):
        raise Refusal(Reason.AUDIO_TRUNCATED)
    seen: list[bytes] = []
    at = 12
    while at + _RIFF_CHUNK.size <= end:
        name, size = _RIFF_CHUNK.unpack_from(content, at)
        at += _RIFF_CHUNK.size
        if at + size > end:
            raise Refusal(Reason.AUDIO_TRUNCATED)
        seen.append(name)
        at += size + size % 2
    if seen.count(b"fmt ") != 1 or seen.count(b"data") != 1 or seen.index(b"fmt ") > seen.index(b"data"):
        raise Refusal(Reason.AUDIO_UNDECODABLE)


def check_ogg(content: bytes) -> None:
    """One logical stream, whole up to its last page. Raises Refusal(AUDIO_TRUNCATED, AUDIO_UNDECODABLE)."""
    at, pages, first_serial, last = 0, 0, -1, False
    while at < len(content):
        if content[at : at + 4] != b"OggS"[: len(content) - at] or last:
            raise Refusal(Reason.AUDIO_UNDECODABLE)
        if at + _OGG_PAGE.size > len(content):
            raise Refusal(Reason.AUDIO_TRUNCATED)
        _, _, flags, _, serial, sequence, _, segments = _OGG_PAGE.unpack_from(content, at)
        at += _OGG_PAGE.size
        at += segments + sum(content[at : at + segments])
        first_serial = serial if pages == 0 else first_serial
        if serial != first_serial:
            raise Refusal(Reason.AUDIO_UNDECODABLE)
        if at > len(content) or sequence != pages:
            raise Refusal(Reason.AUDIO_TRUNCATED)
        pages += 1
        last = bool(flags & _OGG_LAST)
    if not last:
        raise Refusal(Reason.AUDIO_TRUNCATED)


def flac_without_metadata(content: bytes) -> bytes:
    """A FLAC file of ours with its STREAMINFO alone: no comments, no encoder's name, no padding."""
    at, last = 4, False
    while not last:
        last = bool(content[at] & 0x80)
        at += 4 + int.from_bytes(content[at + 1 : at + 4], "big")
    stream_info = content[4 : 4 + 38]
    return content[:4] + bytes([0x80]) + stream_info[1:] + content[at:]
