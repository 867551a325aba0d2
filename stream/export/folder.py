"""The folder of an export: two files a clip, and nothing of a clip that is not on the topic any more.

clips/<token>.wav, clips/<token>.json   a clip's sound, and what the tool is told of it
clipveil-export.json                    what it is an export of; no other file is ever deleted or replaced
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

MARKER: Final = "clipveil-export.json"
CLIPS: Final = "clips"
_TOKEN: Final = re.compile(r"[0-9a-f]{1,128}")  # nothing that leads out of the folder
_OURS: Final = re.compile(r"([0-9a-f]{1,128})\.(?:wav|json|wav\.part|json\.part)")


class NotOurs(Exception):
    """A folder that holds something else, or the export of another topic."""


class NotAToken(Exception):
    """A clip whose token can't be the name of a file."""


class ExportFolder:
    """Files below ``root``. Each appears whole; a run that was cut off is simply run again. Methods raise OSError."""

    def __init__(self, root: Path, tool: str, topic: str) -> None:
        self._root, self._clips = root, root / CLIPS
        self._about = {"tool": tool, "topic": topic}

    def open(self, files: Mapping[str, str]) -> None:
        """Makes the folder, with ``files`` (name -> text) in it. Raises NotOurs where something else is there."""
        self._root.mkdir(parents=True, exist_ok=True)
        marker = self._root / MARKER
        if marker.exists():
            if _read_json(marker) != self._about:
                raise NotOurs(f"{self._root} holds another export")
        elif any(path.name != f"{MARKER}.part" for path in self._root.iterdir()):
            raise NotOurs(f"{self._root} is not empty, and no export")
        _put(marker, _json(self._about))
        self._clips.mkdir(exist_ok=True)
        for name, text in files.items():
            _put(self._root / name, text.encode())

    def put(self, token: str, sound: bytes, task: Mapping[str, Any]) -> bool:
        """Whether anything had to be written. The sound is there before the task that names it. Raises NotAToken."""
        if not _TOKEN.fullmatch(token):
            raise NotAToken
        wrote = _put(self._clips / f"{token}.wav", sound)
        return _put(self._clips / f"{token}.json", _json(task)) or wrote

    def drop(self, token: str) -> bool:
        """Whether there was something of the clip. The task goes before the sound that it names."""
        if not _TOKEN.fullmatch(token):
            return False
        paths = [self._clips / f"{token}.{kind}" for kind in ("json", "json.part", "wav", "wav.part")]
        there = [path for path in paths if path.exists()]
        for path in there:
            path.unlink()
        return bool(there)

    def keep_only(self, tokens: Collection[str]) -> int:
        """Drops every other clip; returns how many there were."""
        return sum(self.drop(token) for token in set(self._tokens()) - set(tokens))

    def _tokens(self) -> Iterator[str]:
        for path in self._clips.iterdir():
            if found := _OURS.fullmatch(path.name):
                yield found[1]


def _put(path: Path, content: bytes) -> bool:
    """A whole file, or none; one that is the same already is left alone."""
    if path.exists() and path.read_bytes() == content:
        return False
    aside = path.with_name(f"{path.name}.part")
    aside.write_bytes(content)
    aside.replace(path)
    return True


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None
