"""Audio in: what can't be seen to be whole and sound is refused. Audio out: exact, and nothing but samples."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from stream.clip import SAMPLE_RATE_HZ, Reason, Refusal, Samples
from stream.wire import audio
from tests import events

KINDS = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("WAV", "ULAW"),
    ("WAVEX", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]
COMPRESSED = [kind for kind in KINDS if kind[0] in ("FLAC", "OGG", "MP3")]


def decode(content: bytes, seconds_min: float = 0.5, seconds_max: float = 60.0) -> Samples:
    return audio.decode(content, seconds_min, seconds_max)


def reason_for(content: bytes, seconds_max: float = 60.0) -> Reason:
    with pytest.raises(Refusal) as caught:
        decode(content, seconds_max=seconds_max)
    return caught.value.reason


def wav(chunks: list[tuple[bytes, bytes]], riff_size: int | None = None) -> bytes:
    """A RIFF file of these chunks, whatever they are."""
    body = b"WAVE" + b"".join(name + struct.pack("<I", len(c)) + c + bytes(len(c) % 2) for name, c in chunks)
    return b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body


def fmt(rate_hz: int = 16_000, channels: int = 1) -> tuple[bytes, bytes]:
    return b"fmt ", struct.pack("<HHIIHH", 1, channels, rate_hz, rate_hz * channels * 2, channels * 2, 16)


PCM = (events.sound(1.0) * 32767).astype("<i2").tobytes()


# ------------------------------------------------------------------ in
@pytest.mark.parametrize(("rate_hz", "channels"), [(16_000, 1), (8_000, 1), (8_000, 2), (48_000, 2), (44_100, 2)])
@pytest.mark.parametrize(("container", "subtype"), KINDS)
def test_every_kind_rate_and_channel_count_is_heard(container: str, subtype: str, rate_hz: int, channels: int) -> None:
    """Mono float32 at 16 kHz of the right length, sounding like the input."""
    if subtype == "OPUS" and rate_hz == 44_100:
        rate_hz = 24_000  # Opus has no 44.1 kHz
    heard = decode(events.encoded(events.sound(2.0, rate_hz, channels), rate_hz, container, subtype))
    assert (np.dtype(np.float32), False) == (heard.dtype, heard.flags.writeable)
    assert 32_000 == pytest.approx(len(heard), abs=20)
    want = events.sound(2.0, SAMPLE_RATE_HZ)[: len(heard)]
    # The level of every 20 ms follows the input's, except where a codec rounds the edges off.
    loudness = [np.sqrt(np.square(x[1600:30_400]).reshape(-1, 320).mean(axis=1)) for x in (want, heard)]
    assert np.corrcoef(*loudness)[0, 1] > 0.97


def test_sound_at_our_rate_is_not_touched() -> None:
    """16 kHz 16-bit samples come through bit by bit."""
    samples = events.sound(1.0)
    whole = np.rint(samples * 32768) / 32768
    np.testing.assert_array_equal(decode(events.encoded(whole)), whole.astype(np.float32))


def test_channels_are_averaged() -> None:
    """Nobody is lost who speaks on one side only."""
    left, right = events.sound(1.0, seed=1), events.sound(1.0, seed=2)
    heard = decode(events.encoded(np.stack([left, right], axis=1), subtype="FLOAT"))
    np.testing.assert_allclose(heard, (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize(("container", "subtype"), KINDS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_file_that_is_cut_off_is_truncated(container: str, subtype: str, share: float) -> None:
    """Whatever is missing at the end is missed, by containers that decoders would play as if they were whole too."""
    content = events.encoded(events.sound(4.0), container=container, subtype=subtype)
    assert Reason.AUDIO_TRUNCATED is reason_for(content[: int(len(content) * share)])


@pytest.mark.parametrize("lost", [1, 2, 40])
@pytest.mark.parametrize(("container", "subtype"), [kind for kind in KINDS if kind[0] != "MP3"])
def test_a_few_bytes_less_are_noticed(container: str, subtype: str, lost: int) -> None:
    """One byte is enough; an MP3 tells only whole frames."""
    content = events.encoded(events.sound(4.0), container=container, subtype=subtype)
    assert Reason.AUDIO_TRUNCATED is reason_for(content[:-lost])


def test_a_page_lost_in_the_middle_is_noticed() -> None:
    """An Ogg file whose pages don't follow each other."""
    content = events.encoded(events.sound(6.0), container="OGG", subtype="VORBIS")
    starts = [at for at in range(len(content)) if content[at : at + 4] == b"OggS"]
    cut = content[: starts[2]] + content[starts[3] :]
    assert Reason.AUDIO_TRUNCATED is reason_for(cut)


@pytest.mark.parametrize("container", ["FLAC", "OGG"])
def test_a_bomb_is_too_long_whatever_its_size(container: str) -> None:
    """Five hours of silence in less than a megabyte: refused after a minute of it, in little memory."""
    bomb = silence_bomb(container, minutes=300 if container == "FLAC" else 5)  # Vorbis takes long to encode
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    assert Reason.AUDIO_TOO_LONG is reason_for(bomb)
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()


def silence_bomb(container: str, minutes: int) -> bytes:
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", 16_000, 1, format=container) as file:
        for _ in range(minutes):
            file.write(np.zeros(960_000, np.int16))
    return buffer.getvalue()


def test_a_header_that_promises_more_than_there_is_decides_nothing() -> None:
    """Five hours promised, three seconds delivered: truncated, at the cost of three seconds."""
    content = bytearray(events.encoded(events.sound(3.0), container="FLAC"))
    content[22:26] = struct.pack(">I", 5 * 3600 * 16_000)  # the low 32 bits of STREAMINFO's count of samples
    assert Reason.AUDIO_TRUNCATED is reason_for(bytes(content))


def test_a_second_too_much_is_too_long() -> None:
    """The bound is the policy's, to the sample."""
    assert Reason.AUDIO_TOO_LONG is reason_for(events.encoded(events.sound(2.001)), seconds_max=2.0)
    assert 32_000 == len(decode(events.encoded(events.sound(2.0)), seconds_max=2.0))


@pytest.mark.parametrize("amplitude", [0.0, 1e-5, 3e-4])
@pytest.mark.parametrize("offset", [0.0, 0.25])
def test_near_silence_is_silent(amplitude: float, offset: float) -> None:
    """Converter noise, and a constant offset, are nothing to listen to."""
    noise = np.random.default_rng(0).uniform(-amplitude, amplitude, 16_000) + offset
    assert Reason.AUDIO_SILENT is reason_for(events.encoded(noise, subtype="FLOAT"))


def test_a_quiet_voice_is_not_silent() -> None:
    """Fifty decibels below full scale is somebody at the other end of the room."""
    assert 16_000 == len(decode(events.encoded(events.sound(1.0) * 0.01)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("channels", [1, 2])
def test_one_sample_that_is_no_number(value: float, subtype: str, channels: int) -> None:
    """One is enough, on any channel."""
    samples = events.sound(1.0, channels=channels).astype(np.float64)
    samples.reshape(-1)[-1] = value
    assert Reason.AUDIO_NOT_FINITE is reason_for(events.encoded(samples, subtype=subtype))


def test_a_double_beyond_float32_is_not_finite() -> None:
    """What overflows on the way to float32 is refused there."""
    samples = events.sound(1.0).astype(np.float64)
    samples[5] = 1e300
    assert Reason.AUDIO_NOT_FINITE is reason_for(events.encoded(samples, subtype="DOUBLE"))


def test_float_audio_of_another_scale_is_refused() -> None:
    """Samples counted in thousands are not in [-1, 1]; clipping them would publish noise."""
    assert Reason.AUDIO_UNDECODABLE is reason_for(events.encoded(events.sound(1.0) * 32768, subtype="FLOAT"))


def test_short_and_empty() -> None:
    """No bytes, no frames, too few frames."""
    assert Reason.AUDIO_EMPTY is reason_for(b"")
    assert Reason.AUDIO_EMPTY is reason_for(events.encoded(np.zeros(0)))
    assert Reason.AUDIO_EMPTY is reason_for(wav([fmt(), (b"data", b"")]))
    assert Reason.AUDIO_TOO_SHORT is reason_for(events.encoded(events.sound(0.49)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(wav([fmt(), (b"data", PCM), (b"data", PCM)]), Reason.AUDIO_UNDECODABLE, id="two data chunks"),
        pytest.param(wav([fmt(), fmt(8_000), (b"data", PCM)]), Reason.AUDIO_UNDECODABLE, id="two formats"),
        pytest.param(wav([(b"data", PCM), fmt()]), Reason.AUDIO_UNDECODABLE, id="data before its format"),
        pytest.param(wav([(b"data", PCM)]), Reason.AUDIO_UNDECODABLE, id="no format"),
        pytest.param(wav([fmt()]), Reason.AUDIO_UNDECODABLE, id="no data"),
        pytest.param(wav([fmt(0), (b"data", PCM)]), Reason.AUDIO_UNDECODABLE, id="0 Hz"),
        pytest.param(wav([fmt(384_000), (b"data", PCM)]), Reason.AUDIO_UNDECODABLE, id="384 kHz"),
        pytest.param(wav([fmt(4_000), (b"data", PCM)]), Reason.AUDIO_UNDECODABLE, id="4 kHz"),
        pytest.param(wav([fmt(16_000, 32), (b"data", PCM)]), Reason.AUDIO_UNDECODABLE, id="32 channels"),
        pytest.param(wav([fmt(16_000, 0), (b"data", PCM)]), Reason.AUDIO_UNDECODABLE, id="no channel"),
        pytest.param(wav([fmt(), (b"data", PCM)])[:-100], Reason.AUDIO_TRUNCATED, id="data beyond the file"),
        pytest.param(wav([fmt(), (b"data", PCM)], 2**32 - 1), Reason.AUDIO_TRUNCATED, id="RIFF beyond the file"),
        pytest.param(wav([fmt(), (b"data", PCM)], 60), Reason.AUDIO_TRUNCATED, id="data beyond RIFF"),
        pytest.param(b"RIFF", Reason.AUDIO_UNDECODABLE, id="RIFF alone"),
        pytest.param(b"RIFF\x04\x00\x00\x00WAVE", Reason.AUDIO_UNDECODABLE, id="WAVE alone"),
        pytest.param(b"fLaC", Reason.AUDIO_UNDECODABLE, id="fLaC alone"),
        pytest.param(b"OggS", Reason.AUDIO_TRUNCATED, id="OggS alone"),
        pytest.param(b"ID3", Reason.AUDIO_UNDECODABLE, id="ID3 alone"),
        pytest.param(b"\xff", Reason.AUDIO_UNDECODABLE, id="one byte"),
        pytest.param(b"\xff\xfb\x90\x64" + bytes(4000), Reason.AUDIO_UNDECODABLE, id="an MP3 of nothing"),
        pytest.param(b"this is no audio file at all", Reason.AUDIO_UNDECODABLE, id="text"),
        pytest.param(bytes(5000), Reason.AUDIO_UNDECODABLE, id="zeros"),
        pytest.param(events.encoded(events.sound(1.0), container="AIFF"), Reason.AUDIO_UNDECODABLE, id="AIFF"),
        pytest.param(
            events.encoded(events.sound(1.0), subtype="IMA_ADPCM"), Reason.AUDIO_UNDECODABLE, id="a rare codec"
        ),
    ],
)
def test_files_that_are_not_what_they_should_be(content: bytes, reason: Reason) -> None:
    """Each has its reason, and none is played as far as it goes."""
    assert reason is reason_for(content)


def test_two_streams_in_one_file() -> None:
    """Chained or mixed Ogg streams: a decoder would play one of them."""
    one = events.encoded(events.sound(1.0), container="OGG", subtype="OPUS")
    two = events.encoded(events.sound(1.0, seed=1), container="OGG", subtype="OPUS")
    assert Reason.AUDIO_UNDECODABLE is reason_for(one + two)


@pytest.mark.parametrize(("container", "subtype"), KINDS)
def test_damaged_bytes_are_heard_or_refused_and_nothing_else(container: str, subtype: str) -> None:
    """Random damage ends in samples or a Refusal; never in another exception or in samples that are no numbers."""
    rng = np.random.default_rng(7)
    content = events.encoded(events.sound(1.5), container=container, subtype=subtype)
    for _ in range(60):
        damaged = bytearray(content)
        for at in rng.integers(0, len(damaged), rng.integers(1, 30)):
            damaged[at] = rng.integers(0, 256)
        try:
            samples = decode(bytes(damaged))
        except Refusal:
            continue
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() <= 1.0


def test_no_decoder_prints_what_it_reads() -> None:
    """C libraries write warnings to stderr themselves: none may quote a tag of the file."""
    script = (
        "import sys; from stream.clip import Refusal; from stream.wire import audio\n"
        "for content in sys.stdin.buffer.read().split(b'||||'):\n"
        "    try: audio.decode(content, 0.5, 60)\n"
        "    except Refusal: pass\n"
    )
    canary = b"zebedee-canary-4711"
    title = b"TIT2" + struct.pack(">IH", len(canary) + 1, 0) + b"\x03" + canary
    tag = b"ID3\x04\x00\x00" + bytes([0, 0, 0, len(title)]) + title
    mp3 = events.encoded(events.sound(1.0), container="MP3")
    cases = [tag + mp3, tag + mp3[: len(mp3) // 2], mp3 + b"TAG" + canary.ljust(125), tag + tag + mp3[200:], tag]
    ran = subprocess.run([sys.executable, "-c", script], input=b"||||".join(cases), capture_output=True, check=True)
    assert canary not in ran.stdout + ran.stderr


def test_a_tag_in_front_changes_nothing() -> None:
    """An MP3 with a title sounds like the MP3 without."""
    mp3 = events.encoded(events.sound(1.0), container="MP3")
    tag = b"ID3\x04\x00\x00" + bytes([0, 0, 1, 0]) + bytes(128)
    np.testing.assert_array_equal(decode(mp3), decode(tag + mp3 + b"TAG" + bytes(125)))


# ------------------------------------------------------------------ out
def published(samples: npt.NDArray[Any]) -> tuple[bytes, Samples]:
    content = audio.encode_flac(samples.astype(np.float32))
    return content, audio.decode_published(content)


def test_kept_samples_survive_and_zeros_stay_zeros() -> None:
    """Within half a step of 16 bits; a mute is exactly zero after the codec too."""
    samples = events.sound(2.0)
    samples[8_000:20_000] = 0.0
    _, heard = published(samples)
    assert np.abs(heard - samples).max() <= 0.5 / 32768 + 1e-9
    assert not heard[8_000:20_000].any()
    np.testing.assert_array_equal(published(heard)[1], heard)


def test_full_scale_does_not_wrap_round() -> None:
    """+1 is one step too much for 16 bits and becomes the largest number, not the smallest."""
    samples = np.array([1.0, -1.0, 0.99999, 0.0] * 100)
    _, heard = published(samples)
    assert [32767 / 32768, -1.0, 32767 / 32768, 0.0] == heard[:4].tolist()


def test_what_is_published_is_mono_16_khz_flac_with_nothing_else_in_it() -> None:
    """One metadata block, STREAMINFO; no encoder's name, comment, date or padding."""
    content, heard = published(events.sound(1.0))
    described = soundfile.info(io.BytesIO(content))
    assert ("FLAC", "PCM_16", 16_000, 1, 16_000) == (
        described.format,
        described.subtype,
        described.samplerate,
        described.channels,
        described.frames,
    )
    assert (0x80, 34) == (content[4], int.from_bytes(content[5:8], "big"))
    assert b"libFLAC" not in content
    assert 16_000 == len(heard)


def test_the_same_samples_are_the_same_bytes() -> None:
    """Nothing of the moment or the machine gets in."""
    assert audio.encode_flac(events.sound(1.0)) == audio.encode_flac(events.sound(1.0))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"fLaC",
        events.encoded(events.sound(1.0)),
        events.encoded(events.sound(1.0, 48_000), 48_000, "FLAC"),
        events.encoded(events.sound(1.0, channels=2), container="FLAC"),
    ],
)
def test_what_we_did_not_write_is_not_read_as_ours(content: bytes) -> None:
    """Consumers and the gate get what encode_flac makes, or a Refusal."""
    with pytest.raises(Refusal):
        audio.decode_published(content)
