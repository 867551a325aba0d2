"""docs/examples/label_studio_step.py: a project has the tasks that are exported, and no other of ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stream.export.folder import ExportFolder
from stream.export.label_studio import task_of
from tests.publications import clip, token

PROGRAM = Path(__file__).parents[2] / "docs" / "examples" / "label_studio_step.py"
ACCESS = "0123456789abcdef"


class Project:
    """The three calls of Label Studio's API that the program makes, as https://api.labelstud.io documents them: a list
    of tasks by pages, an import of tasks into a project, the deletion of a task. Pages are short here."""

    page_size = 2

    def __init__(self) -> None:
        self.tasks: dict[int, dict[str, Any]] = {}
        self.url = ""

    def add(self, task: dict[str, Any]) -> None:
        self.tasks[max(self.tasks, default=0) + 1] = task

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        if method == "GET" and (found := re.fullmatch(r"/api/tasks\?project=5&.*page=(\d+)", path)):
            first = (int(found[1]) - 1) * self.page_size
            shown = list(self.tasks.items())[first : first + self.page_size]
            return 200, {"tasks": [{"id": number, **task} for number, task in shown], "total": len(self.tasks)}
        if method == "DELETE" and (found := re.fullmatch(r"/api/tasks/(\d+)/", path)):
            del self.tasks[int(found[1])]
            return 204, None
        if (method, path) == ("POST", "/api/projects/5/import"):
            for task in json.loads(body):
                self.add(task)
            return 201, {}
        return 404, {}


@pytest.fixture
def project() -> Iterator[Project]:
    state = Project()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            allowed = self.headers.get("Authorization") == f"Token {ACCESS}"
            status, answer = state.answer(self.command, self.path, body) if allowed else (401, {})
            self.send_response(status)
            self.end_headers()
            if answer is not None:
                self.wfile.write(json.dumps(answer).encode())

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def step(folder: Path, project: Project) -> str:
    command = [sys.executable, str(PROGRAM), str(folder), project.url, "5"]
    environment = {**os.environ, "LABEL_STUDIO_TOKEN": ACCESS}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert 0 == done.returncode, done.stderr
    return done.stdout.strip()


def test_a_project_follows_an_export(project: Project, tmp_path: Path) -> None:
    """New clips are imported once, those that are gone are deleted, tasks of others stay; over several pages."""
    folder = ExportFolder(tmp_path, "label-studio", "clips.anonymized")
    folder.open({})
    project.add({"data": {"text": "somebody else's"}})
    for number in range(1, 6):
        folder.put(token(number), b"sound", task_of(clip(token(number)), "https://clips.example/"))
    assert "5 imported, 0 deleted" == step(tmp_path, project)
    assert "0 imported, 0 deleted" == step(tmp_path, project)
    folder.drop(token(1))
    folder.drop(token(5))
    folder.put(token(6), b"sound", task_of(clip(token(6)), "https://clips.example/"))
    assert "1 imported, 2 deleted" == step(tmp_path, project)
    left = [task["data"].get("clip_token") for task in project.tasks.values()]
    assert {None, token(2), token(3), token(4), token(6)} == set(left)
    assert 5 == len(left)
