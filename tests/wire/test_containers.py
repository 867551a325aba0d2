"""What a container itself says of its completeness, without asking a decoder."""

from __future__ import annotations

import pytest

from stream.clip import Reason, Refusal
from stream.wire import containers
from tests import events
from tests.wire.test_audio import PCM, fmt, wav


@pytest.mark.parametrize(
    "chunks",
    [
        [fmt(), (b"data", PCM), (b"data", PCM)],
        [fmt(), (b"data", PCM[:999]), (b"LIST", b"INFO"), (b"data", PCM)],
        [fmt(), fmt(), (b"data", PCM)],
        [(b"data", PCM), fmt()],
        [fmt()],
        [(b"data", PCM)],
        [],
    ],
    ids=lambda chunks: "-".join(name.decode().strip() for name, _ in chunks) or "none",
)
def test_one_format_then_one_stretch_of_data(chunks: list[tuple[bytes, bytes]]) -> None:
    """Whatever a decoder would make of the others."""
    with pytest.raises(Refusal) as caught:
        containers.check_wav(wav(chunks))
    assert Reason.AUDIO_UNDECODABLE is caught.value.reason


def test_other_chunks_and_odd_sizes_are_fine() -> None:
    """Tags before and after the data, padded to even sizes; bytes behind the RIFF are no part of it."""
    content = wav([(b"JUNK", b"abc"), fmt(), (b"LIST", b"INFOx"), (b"data", PCM), (b"cue ", b"1")])
    containers.check_wav(content)
    containers.check_wav(content + b"left over")


@pytest.mark.parametrize("container", ["WAV", "FLAC", "OGG", "MP3"])
def test_the_first_bytes_tell_the_container(container: str) -> None:
    """By what is there, and not by what the producer says."""
    assert container == containers.container(events.encoded(events.sound(0.5), container=container))


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_pages_of_one_stream_up_to_its_last(subtype: str) -> None:
    """A whole file passes; without its last page, or with a byte of the next, it does not."""
    content = events.encoded(events.sound(3.0), container="OGG", subtype=subtype)
    containers.check_ogg(content)
    last = content.rindex(b"OggS")
    for damaged, reason in (
        (content[:last], Reason.AUDIO_TRUNCATED),
        (content[:-1], Reason.AUDIO_TRUNCATED),
        (content + b"O", Reason.AUDIO_UNDECODABLE),
        (content[:last] + content[last:].replace(b"OggS", b"OggX", 1), Reason.AUDIO_UNDECODABLE),
        (content[: last + 14] + b"\xaa" + content[last + 15 :], Reason.AUDIO_UNDECODABLE),  # of another stream
        (b"", Reason.AUDIO_TRUNCATED),
    ):
        with pytest.raises(Refusal) as caught:
            containers.check_ogg(damaged)
        assert reason is caught.value.reason
