"""``clipveil train``: make the built-in models anew from corpora."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream.commands.failure import WRONG_INPUT, CommandFailed, told

app = typer.Typer(no_args_is_help=True, help="Make the built-in models anew from corpora.")

Corpora = Annotated[Path, typer.Option(help="Folder with the training corpora.")]
Out = Annotated[Path, typer.Option(help="Folder for the model and what it takes to resume.")]


@app.command()
def speakers(
    corpora: Corpora,
    out: Out = Path("out/train"),
    minutes: Annotated[float | None, typer.Option(min=0.01, help="How long to train; default 30.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="How many steps to train, in place of minutes.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in OUT.")] = False,
    start_from: Annotated[
        Path | None, typer.Option(help="Begin with the weights in this folder, such as stream/models/speakers.")
    ] = None,
    seed: Annotated[int, typer.Option(help="What all that is drawn comes from.")] = 1,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; default: a GPU where there is one.")] = None,
) -> None:
    """Train the built-in speaker model on mixtures of voices, rooms and noises."""
    _need_folder(corpora)
    if minutes is not None and steps is not None:
        raise CommandFailed("--minutes and --steps exclude each other", WRONG_INPUT)

    from stream.train.speakers import train_speakers

    limit = None if steps is not None else minutes or 30.0
    with told(ValueError, OSError, code=WRONG_INPUT):
        folder = train_speakers(
            corpora,
            out,
            minutes=limit,
            steps=steps,
            resume=resume,
            start_from=start_from,
            seed=seed,
            device=device,
        )
    typer.echo(f"the model is in {folder}")


@app.command()
def names(
    corpora: Corpora,
    out: Out = Path("out/train/names"),
    epochs: Annotated[
        int | None, typer.Option(min=1, help="How often to see every utterance; default: as shipped.")
    ] = None,
) -> None:
    """Train the built-in name model on utterances, on one thread; the same seed gives the same weights."""
    _need_folder(corpora)

    from stream.train.names import EPOCHS, train_names

    with told(ValueError, OSError, code=WRONG_INPUT):
        figures = train_names(corpora, out, epochs or EPOCHS)
    typer.echo(f"the model is in {out}; held out: {', '.join(f'{name} {of:.3f}' for name, of in figures.items())}")


@app.command()
def gazetteer(corpora: Corpora, out: Out = Path("out/train/gazetteer")) -> None:
    """Build the lists of names, places and words beside the name model from licensed packages and the corpora."""
    _need_folder(corpora)

    from stream.train.gazetteer import build_gazetteer

    with told(ValueError, OSError, ImportError, code=WRONG_INPUT):
        sizes = build_gazetteer(corpora, out)
    typer.echo(f"the lists are in {out}: {', '.join(f'{name} {size}' for name, size in sizes.items())}")


def _need_folder(corpora: Path) -> None:
    if not corpora.is_dir():
        raise CommandFailed(f"{corpora} is not a directory", WRONG_INPUT)
