"""The command line: ``clipveil`` and ``python -m stream``."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from stream.commands import (
    asking,
    audit,
    config,
    consent,
    demo,
    erase,
    evaluate,
    export,
    objects,
    produce,
    replay,
    run,
    tail,
    topics,
    train,
)
from stream.commands.failure import FAILED, CommandFailed
from stream.ops import log

app = typer.Typer(
    name="clipveil",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="De-identify voice-assistant clips before a human hears them. Clip events come in on Kafka; what an annotator "
    "may have goes out on another topic; whatever can't be vouched for is withheld.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"clipveil {version('clipveil')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.command()(run.run)
app.command()(demo.demo)
app.command()(produce.produce)
app.command()(tail.tail)
app.command()(replay.replay)
app.add_typer(erase.app, name="erase")
app.command()(asking.report)
app.add_typer(consent.app, name="consent")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(audit.app, name="audit")
app.add_typer(topics.app, name="topics")
app.add_typer(export.app, name="export")
app.add_typer(objects.app, name="objects")
app.add_typer(train.app, name="train")
app.add_typer(config.app, name="config")
app.command()(config.fingerprint)


def main() -> None:
    """Run the command that was typed. Failures are one line on stderr; no traceback, since one may quote a clip."""
    log.configure("WARNING")  # of every command; the service configures it again from its settings
    try:
        app(prog_name="clipveil")
    except CommandFailed as failure:
        typer.echo(f"clipveil: {failure}", err=True)
        sys.exit(failure.code)
    except Exception as error:  # noqa: BLE001 - told by class and place
        about = log.fault(error)
        typer.echo(f"clipveil: unexpected {about['error']} at {about.get('where', 'an unknown place')}", err=True)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
