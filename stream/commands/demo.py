"""``clipveil demo``: real clips through the whole service, on a broker inside this process."""

from __future__ import annotations

import asyncio
import io
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from stream.commands.failure import CommandFailed, settings_from, told
from stream.commands.options import Config
from stream.ops import log

if TYPE_CHECKING:
    from stream.config import Settings
    from stream.demo.clips import DemoClip
    from stream.demo.show import Shown

WIDTH_MIN = 140  # of the table, where the output is no terminal
INTERRUPTED = 130


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the page (index.html) and the sound.")] = Path("out/demo"),
    json_file: Annotated[
        Path | None, typer.Option("--json", help="File for the figures and outcomes, for machines.")
    ] = None,
    config: Config = None,
) -> None:
    """Watch real clips being de-identified: the whole service on a broker inside this process.

    A telephone conversation that the pyannote package ships, and a few clips with synthetic voices, go as clip events
    through the real worker, models, plan and gate. No Kafka, no network and no account is needed. Writes a page that
    shows and plays every clip before and after.

    The exit code is 1 where a check fails: a clip that had to be withheld was published, nothing was published, or an
    identifier of a clip is in any output.
    """
    from stream.demo.folder import write_folder
    from stream.demo.summary import Summary, as_json, checked
    from stream.demo.table import report

    settings = settings_from(config)
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, WIDTH_MIN))
    written = io.StringIO()
    log.configure(settings.log.level, stream=written)
    shown = _shown(settings, console)
    summary = Summary(shown.results, shown.setup, checked(shown.results, shown.records, [written.getvalue()]))
    with told(OSError, prefix="the folder can't be written: "):
        page = write_folder(summary, out)
        if json_file is not None:
            json_file.write_text(json.dumps(as_json(summary), indent=2) + "\n", encoding="utf-8")
    console.print(report(summary))
    console.print(
        "\nmain_speaker_uncertain: not sure enough who spoke to the device, so nothing is published; usual where two "
        "people share one line.",
        highlight=False,
    )
    console.print(f"Open in a browser, look and listen: {page}", highlight=False)
    if not summary.passed:
        raise CommandFailed("a check failed")


def _shown(settings: Settings, console: Console) -> Shown:
    from stream.demo.conversation import conversation_clips
    from stream.demo.own import own_clips
    from stream.demo.show import ShowFailed
    from stream.inference.process import StartFailed

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    prefix = "the demonstration can't go on: "
    try:
        with (
            told(FileNotFoundError, ShowFailed, StartFailed, prefix=prefix),
            Progress(*columns, console=console) as bar,
        ):
            return asyncio.run(_interruptible([*conversation_clips(), *own_clips()], settings, bar))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise CommandFailed("stopped", INTERRUPTED) from None


async def _interruptible(clips: list[DemoClip], settings: Settings, progress: Progress) -> Shown:
    """Ctrl-C and SIGTERM cancel; what was started is ended on the way out."""
    from stream.commands.office import office_of
    from stream.demo.show import show

    running = asyncio.current_task()
    assert running is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    bar = progress.add_task("Loading the models", total=len(clips))
    return await show(
        clips,
        settings,
        office_of,
        ready=lambda: progress.update(bar, description="De-identifying"),
        tell=lambda _: progress.advance(bar),
    )
