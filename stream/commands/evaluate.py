"""``clipveil evaluate``: figures on corpora with known truth."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.commands.failure import WRONG_INPUT, CommandFailed, settings_from, told
from stream.commands.options import Config

if TYPE_CHECKING:
    from stream.clip import ClipEvent, Coordinates, Job

app = typer.Typer(no_args_is_help=True, help="Measure on corpora with known truth what leaks and what is kept.")


class Point(StrEnum):
    """Names of the operating points."""

    SAFE = "safe"
    THROUGHPUT = "throughput"


@app.command()
def clips(
    folder: Annotated[Path, typer.Argument(help="Corpus: clips.jsonl and audio/, or recordings with RTTM files.")],
    json: Annotated[Path, typer.Option("--json", help="Where the figures go.")],
    operating_point: Annotated[
        Point | None, typer.Option(help="How sure the speaker evidence must be; default: the settings' point.")
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="Folder for clips.jsonl and the published audio, so that anyone can score the result."),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes of one thread each.")] = 1,
    trade_off: Annotated[
        bool, typer.Option("--trade-off", help="Also every threshold in between: two more runs.")
    ] = False,
    cut: Annotated[
        float | None, typer.Option(min=3, help="Cut recordings with RTTM files into clips of so many seconds.")
    ] = None,
    config: Config = None,
) -> None:
    """Take every clip of a corpus the way that production takes, and score what stays audible."""
    settings = settings_from(config)
    if not folder.is_dir():
        raise CommandFailed(f"{folder} is not a directory", WRONG_INPUT)
    _need_folder_of(json)
    if operating_point is not None:
        policy = settings.policy.model_copy(update={"operating_point": operating_point.value})
        settings = settings.model_copy(update={"policy": policy})

    from stream.evaluate.clips import Way, evaluate_clips
    from stream.evaluate.rows import BadCorpus
    from stream.find.fingerprint import ModelRefused
    from stream.inference.parts import build_parts

    way = Way(partial(build_parts, settings.without_secrets()), job_of, settings.policy.as_policy())
    with told(FileNotFoundError, BadCorpus, code=WRONG_INPUT), told(ModelRefused):
        evaluate_clips(
            folder, json, way, predictions_out=predictions, processes=processes, with_trade_off=trade_off, cut_s=cut
        )


@app.command()
def words(
    file: Annotated[Path, typer.Argument(help="Corpus of utterances, one JSON object a line.")],
    json: Annotated[Path, typer.Option("--json", help="Where the figures go.")],
    predictions: Annotated[
        Path | None, typer.Option(help="Where the predicted spans go, one utterance a line.")
    ] = None,
) -> None:
    """Search every utterance of a corpus for identifiers, and score what was found."""
    _need_utterances(file)
    _need_folder_of(json)

    from stream.evaluate.rows import BadCorpus
    from stream.evaluate.words import evaluate_words

    with told(BadCorpus, code=WRONG_INPUT):
        evaluate_words(file, json, predictions)


@app.command()
def rivals(
    file: Annotated[Path, typer.Argument(help="Corpus of utterances, one JSON object a line.")],
    json: Annotated[Path, typer.Option("--json", help="Where the figures go.")],
    sample: Annotated[int | None, typer.Option(min=1, help="Only so many utterances, drawn at random.")] = None,
) -> None:
    """Search the same utterances with Presidio as it comes, also behind two inverse text normalisers."""
    _need_utterances(file)
    _need_folder_of(json)

    from stream.evaluate.rows import BadCorpus
    from stream.evaluate.side_by_side import evaluate_rivals

    with told(BadCorpus, code=WRONG_INPUT):
        evaluate_rivals(file, json, sample)


@app.command()
def perturbed(
    file: Annotated[Path, typer.Argument(help="Corpus of utterances, one JSON object a line.")],
    json: Annotated[Path, typer.Option("--json", help="Where the figures go.")],
) -> None:
    """Search spoken numbers after one filler, repair, homophone, dropped word or cut-off in each."""
    _need_utterances(file)
    _need_folder_of(json)

    from stream.evaluate.perturbing import evaluate_perturbed
    from stream.evaluate.rows import BadCorpus

    with told(BadCorpus, code=WRONG_INPUT):
        evaluate_perturbed(file, json)


def job_of(event: ClipEvent, coordinates: Coordinates) -> Job:
    """An event as the job that the worker would make of it."""
    from stream.clip import Job
    from stream.evaluate.clips import LABEL
    from stream.wire import avro
    from stream.wire.clips import EVENT_SCHEMA
    from stream.wire.events import event_body

    return Job(coordinates, avro.schema_text(EVENT_SCHEMA), event_body(event), LABEL)


def _need_utterances(file: Path) -> None:
    if not file.is_file():
        raise CommandFailed(f"{file} is not a file", WRONG_INPUT)


def _need_folder_of(file: Path) -> None:
    if not file.resolve().parent.is_dir():
        raise CommandFailed(f"there is no folder for {file}", WRONG_INPUT)
