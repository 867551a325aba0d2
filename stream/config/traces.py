"""The settings of traces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from stream.config.base import Section


class TraceSettings(Section):
    """OpenTelemetry traces: which clip waited where, and for how long. Never what it holds or whose it is."""

    endpoint: Annotated[str | None, Field(pattern=r"^https?://[^@\s?#]+$")] = None
    """Where traces are sent to, as OTLP over HTTP: the whole URL, such as \
`http://collector.observability.svc:4318/v1/traces`. None are made when not set. \
Needs `pip install 'clipveil[traces]'`."""
    ca_file: Path | None = None
    """Certificates (PEM) that may vouch for it; the system's when not set."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Share of the clips that are traced, drawn by chance."""
    flush_seconds_max: Annotated[float, Field(gt=0, le=15)] = 5.0
    """At the end, how long what is not sent yet may take, after the last commit."""
