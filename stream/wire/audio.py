"""Encoded audio to samples, within bounds, and samples to FLAC.

WAV (PCM, float, A-law, mu-law), FLAC, Ogg Vorbis, Opus and MP3 come in; what leaves is mono 16 kHz 16-bit FLAC that
is encoded from samples, so that nothing of the input's container survives.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from stream.clip import SAMPLE_RATE_HZ, Reason, Refusal, Samples
from stream.wire import containers

RATE_HZ_MIN: Final = 8_000
RATE_HZ_MAX: Final = 96_000
CHANNELS_MAX: Final = 8
SILENT_PEAK: Final = 5e-4  # -66 dB below full scale: the noise of a good converter, not speech
LOUD_PEAK: Final = 4.0  # float audio beyond this is not scaled to [-1, 1]
PUBLISHED_SECONDS_MAX: Final = 600.0

_BLOCK_FRAMES: Final = 65_536
_FULL_SCALE: Final = 32_768
_SUBTYPES: Final = {
    "WAV": frozenset({"PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"}),
    "FLAC": frozenset({"PCM_S8", "PCM_16", "PCM_24"}),
    "OGG": frozenset({"VORBIS", "OPUS"}),
    "MP3": frozenset({"MPEG_LAYER_III"}),
}


def decode(content: bytes, seconds_min: float, seconds_max: float) -> Samples:
    """(sample,) read-only mono float32 at 16 kHz in [-1, 1]; channels are averaged.

    Decodes block by block and stops at ``seconds_max``, whatever the header promises. Raises Refusal with one of the
    AUDIO reasons, and nothing else.
    """
    with _opened(content) as file:
        mono = _all_frames(file, seconds_max)
        rate_hz = file.samplerate
    if not len(mono):
        raise Refusal(Reason.AUDIO_EMPTY)
    if len(mono) < seconds_min * rate_hz:
        raise Refusal(Reason.AUDIO_TOO_SHORT)
    if np.abs(mono - mono.mean()).max() < SILENT_PEAK:
        raise Refusal(Reason.AUDIO_SILENT)
    if rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
    return _read_only(np.clip(mono, -1.0, 1.0))


def encode_flac(samples: Samples) -> bytes:
    """Mono 16 kHz 16-bit FLAC without metadata; a sample moves by at most half of 1/32768, and zeros stay zeros."""
    encoded = io.BytesIO()
    soundfile.write(encoded, _whole(samples), SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return containers.flac_without_metadata(encoded.getvalue())


def encode_wav(samples: Samples) -> bytes:
    """Mono 16 kHz 16-bit WAV of a published clip, sample for sample."""
    encoded = io.BytesIO()
    soundfile.write(encoded, _whole(samples), SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
    return encoded.getvalue()


def decode_published(content: bytes) -> Samples:
    """What ``encode_flac`` made, sample for sample. Raises Refusal with one of the AUDIO reasons."""
    with _opened(content) as file:
        if (file.format, file.subtype, file.samplerate, file.channels) != ("FLAC", "PCM_16", SAMPLE_RATE_HZ, 1):
            raise Refusal(Reason.AUDIO_UNDECODABLE)
        return _read_only(_all_frames(file, PUBLISHED_SECONDS_MAX))


def _opened(content: bytes) -> soundfile.SoundFile:
    kind = containers.container(content)
    if kind == "WAV":
        containers.check_wav(content)
    elif kind == "OGG":
        containers.check_ogg(content)
    try:
        file = soundfile.SoundFile(io.BytesIO(content))
    except Exception:  # noqa: BLE001 - whatever the decoder finds wrong with it
        raise Refusal(Reason.AUDIO_UNDECODABLE) from None
    if (
        file.format.replace("WAVEX", "WAV") != kind
        or file.subtype not in _SUBTYPES[kind]
        or not RATE_HZ_MIN <= file.samplerate <= RATE_HZ_MAX
        or not 1 <= file.channels <= CHANNELS_MAX
    ):
        file.close()
        raise Refusal(Reason.AUDIO_UNDECODABLE)
    return file


def _all_frames(file: soundfile.SoundFile, seconds_max: float) -> Samples:
    """(frame,) the mean of the channels. A file that ends before its header says so is truncated."""
    frames_max = int(seconds_max * file.samplerate)
    blocks: list[Samples] = []
    frames = 0
    for block in _blocks(file):
        frames += len(block)
        if frames > frames_max:
            raise Refusal(Reason.AUDIO_TOO_LONG)
        if not np.isfinite(block).all():
            raise Refusal(Reason.AUDIO_NOT_FINITE)
        if np.abs(block).max() > LOUD_PEAK:
            raise Refusal(Reason.AUDIO_UNDECODABLE)
        blocks.append(block.mean(axis=1, dtype=np.float32))
    if frames < file.frames:
        raise Refusal(Reason.AUDIO_TRUNCATED)
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def _blocks(file: soundfile.SoundFile) -> Iterator[Samples]:
    """(frame, channel) blocks until nothing more comes."""
    while True:
        try:
            block: Samples = file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)
        except Exception:  # noqa: BLE001 - the header was good, what follows is not
            raise Refusal(Reason.AUDIO_TRUNCATED) from None
        if not len(block):
            return
        yield block


def _whole(samples: Samples) -> npt.NDArray[np.int16]:
    return np.clip(np.rint(samples * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def _read_only(samples: Samples) -> Samples:
    owned = np.ascontiguousarray(samples, dtype=np.float32)
    owned.setflags(write=False)
    return owned
