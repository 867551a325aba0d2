"""``clipveil export``: published clips as files for labeling tools, and none that was taken back."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.commands.failure import WRONG_INPUT, CommandFailed, settings_from, told
from stream.commands.options import Config
from stream.commands.stores import fetch_of
from stream.config import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.clip import AnonymizedClip
    from stream.export.folder import ExportFolder
    from stream.ports import Broker, Schemas
    from stream.reading.clips import Unreadable
    from stream.reading.referred import Fetch

TOOL = "label-studio"
LOCAL_FILES = "/data/local-files/?d=clips/"  # where Label Studio serves a folder that it was given

app = typer.Typer(help="Published clips as files for labeling tools.", no_args_is_help=True)


@app.callback()
def _exports() -> None:
    pass  # so that the tool is named, though there is one


@app.command(TOOL)
def label_studio(
    folder: Annotated[Path, typer.Argument(help="Where to put it: a new folder, or that of an earlier run.")],
    config: Config = None,
    audio_url: Annotated[
        str,
        typer.Option(
            help="What stands before TOKEN.wav in a task. The default is for a Label Studio that serves FOLDER itself; "
            "else where you serve FOLDER/clips, such as https://clips.example/."
        ),
    ] = LOCAL_FILES,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on: write what is published, remove what is taken back.")
    ] = False,
) -> None:
    """Write a task and a WAV file for every published clip, and a labeling configuration (labeling.xml).

    Run it again at any time: what is there is left alone, what is new or was replaced is written, and what was erased,
    reported, or is not on the topic any more is removed. Ends with 1 where records could not be read.
    """
    from stream.export.folder import ExportFolder, NotOurs
    from stream.export.label_studio import LABELING_CONFIG

    settings = settings_from(config)
    fetch = fetch_of(settings)
    kept = ExportFolder(folder, TOOL, settings.topics.anonymized)
    try:
        with told(NotOurs, code=WRONG_INPUT):
            kept.open({"labeling.xml": LABELING_CONFIG})
        export = Export(kept, audio_url, fetch)
        asyncio.run(_export(settings, export, follow=follow))
    except OSError as error:
        raise CommandFailed(f"{folder} can't be written: {error.strerror}") from None
    typer.echo(export.summary())
    if export.counts["unreadable"]:
        raise CommandFailed(f"{export.counts['unreadable']} records could not be read")


async def _export(settings: Settings, export: Export, *, follow: bool) -> None:
    from stream.commands.connect import connect, registry_of
    from stream.reading.clips import ReadingFailed

    topic = settings.topics.anonymized
    async with contextlib.AsyncExitStack() as stack:
        registry = registry_of(settings)
        stack.push_async_callback(registry.close)
        broker = await connect(settings, [topic])
        stack.push_async_callback(broker.close)
        with told(ReadingFailed):
            behind = await export.whole(broker, registry, topic)
            if follow:
                typer.echo(export.summary())
                await export.on(broker, registry, topic, behind)


class Export:
    """Keeps a folder as the topic is."""

    def __init__(self, folder: ExportFolder, audio_url: str, fetch: Fetch) -> None:
        self._folder, self._audio_url, self._fetch = folder, audio_url, fetch
        self._live: set[str] = set()
        self._silent: dict[str, str] = {}  # by token what has no audio any more, and may be taken back behind it
        self.counts: Counter[str] = Counter()

    async def whole(self, broker: Broker, schemas: Schemas, topic: str) -> Mapping[int, int]:
        """Everything that is on the topic now, and nothing else is in the folder then; returns the offsets behind it.

        Always from the beginning: a tombstone does not stay for ever, so that only what is there tells what was taken
        back. Raises ReadingFailed; nothing but what a tombstone names was removed then.
        """
        behind = await self.on(broker, schemas, topic, {}, follow=False)
        for why in self._silent.values():
            self._tell(why)
        self.counts["removed"] += self._folder.keep_only(self._live)
        return behind

    async def on(
        self, broker: Broker, schemas: Schemas, topic: str, start: Mapping[int, int], *, follow: bool = True
    ) -> Mapping[int, int]:
        """What comes from ``start`` on; for ever where it is to ``follow``. Raises ReadingFailed."""
        from stream.reading.clips import Clips, Unreadable
        from stream.reading.whole import WholeTopic

        clips = Clips(WholeTopic(broker, topic, start, follow=follow), schemas, self._erased, self._fetch)
        try:
            await clips.start()
            while True:
                try:
                    self._put(await anext(clips))
                except Unreadable as error:
                    self._refuse(error, follow=follow)
                except StopAsyncIteration:
                    return await clips.positions()
        finally:
            await clips.stop()

    def summary(self) -> str:
        of = self.counts
        return f"{len(self._live)} clips: {of['written']} written, {of['same']} as they were; {of['removed']} removed"

    def _put(self, clip: AnonymizedClip) -> None:
        from stream.export.folder import NotAToken
        from stream.export.label_studio import task_of
        from stream.wire.audio import encode_wav

        token = clip.metadata.token
        task = task_of(clip, f"{self._audio_url}{token}.wav")
        try:
            wrote = self._folder.put(token, encode_wav(clip.samples), task)
        except NotAToken:
            self._tell("a clip whose token can't be the name of a file")
            return
        self._silent.pop(token, None)
        self._live.add(token)
        self.counts["written" if wrote else "same"] += 1

    async def _erased(self, token: str) -> None:
        self._silent.pop(token, None)
        self._remove(token)

    def _refuse(self, error: Unreadable, *, follow: bool) -> None:
        """What is kept under its token is not what the topic has: it goes.

        Before the end, audio that is gone is no trouble yet: until Kafka compacts, a clip that was erased or replaced
        lies before the record that says so.
        """
        from stream.clip import Reason

        if error.token is not None:
            self._remove(error.token)
        if error.token is None or error.reason is not Reason.AUDIO_MISSING or follow:
            self._tell(str(error))
        else:
            self._silent[error.token] = str(error)

    def _tell(self, why: str) -> None:
        typer.echo(f"not exported: {why}", err=True)
        self.counts["unreadable"] += 1

    def _remove(self, token: str) -> None:
        self._live.discard(token)
        self.counts["removed"] += self._folder.drop(token)
