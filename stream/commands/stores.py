"""From settings to the object stores that hold audio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.commands.failure import WRONG_INPUT, CommandFailed, told
from stream.config import ConfigError, Settings
from stream.objects import Place

if TYPE_CHECKING:
    from stream.intake_audio import Audio
    from stream.lifecycle.removing import Objects
    from stream.ports import StoreMeter
    from stream.reading.referred import Fetch
    from stream.wire.objects_store import Access, Store


def audio_of(settings: Settings, meter: StoreMeter | None = None) -> Audio:
    """What the intakes do about audio that does not lie in the records. Raises CommandFailed."""
    from stream.intake_audio import Audio
    from stream.wire.headers import audio_of as object_of
    from stream.wire.objects_audio import AudioBounds, AudioObjects

    of = settings.objects
    output = output_of(settings)
    if not of.sources and output is None:
        return Audio()
    sources = [store_of(settings, place) for place in of.places]
    bounds = AudioBounds(of.object_bytes_max, of.inline_bytes_max, of.requests_max)
    return Audio(AudioObjects(sources, output, bounds, meter), object_of)


def output_of(settings: Settings) -> Store | None:
    """Where published audio is put; None where all of it lies in the records. Raises CommandFailed."""
    prefix = settings.objects.output
    return None if prefix is None else store_of(settings, Place.of(prefix))


def fetch_of(settings: Settings) -> Fetch:
    """How readers get published audio that does not lie in the records. Raises CommandFailed."""
    from stream.reading.referred import Again, nowhere
    from stream.wire.objects_audio import PublishedAudio

    output = output_of(settings)
    return nowhere if output is None else Again(PublishedAudio(output).fetch)


def store_of(settings: Settings, place: Place) -> Store:
    """Not connected yet. Raises CommandFailed."""
    from stream.ports import ObjectsUnavailable
    from stream.wire.objects_store import Store

    with told(ConfigError, code=WRONG_INPUT), told(ObjectsUnavailable, prefix="objects: can't be used: "):
        return Store(place, _access(settings))


def removable(settings: Settings) -> Objects:
    """What erasure deletes."""
    from stream.wire.objects import FileObjects

    output, files = output_of(settings), FileObjects(settings.erasing.objects_folder)
    return files if output is None else OutputOrFiles(output, files)


@dataclass(frozen=True)
class OutputOrFiles:
    """lifecycle.removing.Objects: what lies in our output, and files of before."""

    output: Store
    files: Objects

    async def delete(self, uri: str) -> None:
        """Raises OSError, also for what is neither."""
        key = self.output.place.key(uri)
        await (self.files.delete(uri) if key is None else self.output.delete(key))


def _access(settings: Settings) -> Access:
    from stream.wire.objects_store import Access

    of = settings.objects
    try:
        certificates = None if of.ca_file is None else of.ca_file.read_bytes()
    except OSError as error:
        raise CommandFailed(f"objects.ca_file: can't be read ({error.strerror})", WRONG_INPUT) from None
    return Access(
        request_s=of.request_seconds_max,
        at_once=of.requests_max,
        endpoint=of.endpoint,
        region=of.region,
        access_key_id=of.access_key_id,
        secret_access_key=of.secret(),
        azure_account=of.azure_account,
        encryption=of.encryption,
        kms_key_id=of.kms_key_id,
        certificates=certificates,
    )
