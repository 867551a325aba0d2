"""The demonstration's folder: sound before and after, and the page."""

from __future__ import annotations

from pathlib import Path

from stream.demo.page import page
from stream.demo.summary import Summary

PAGE = "index.html"


def write_folder(summary: Summary, folder: Path) -> Path:
    """Writes ``before/<name>.flac``, ``after/<token>.flac`` and the page; returns the page's path.

    Sound of an earlier run is removed, so that nothing published then seems to be published now.
    """
    before, after = folder / "before", folder / "after"
    for side in (before, after):
        side.mkdir(parents=True, exist_ok=True)
        for old in side.glob("*.flac"):
            old.unlink()
    for result in summary.results:
        (before / f"{result.clip.name}.flac").write_bytes(result.clip.flac)
        if result.output:
            (after / f"{result.output.clip.metadata.token}.flac").write_bytes(result.output.flac)
    path = folder / PAGE
    path.write_text(page(summary), encoding="utf-8")
    return path
