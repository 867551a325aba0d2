"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream.config.loading import CONFIG_FILE_VARIABLE

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="YAML file with settings (docs/configuration.md). Variables such as CLIPVEIL_KAFKA__BOOTSTRAP_SERVERS "
        "override it.",
        envvar=CONFIG_FILE_VARIABLE,
    ),
]
