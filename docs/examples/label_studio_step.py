"""Keep a Label Studio project in step with an export: python label_studio_step.py FOLDER URL PROJECT

Imports the clips that the project lacks, deletes the tasks of those that are not in FOLDER any more. The access token
(of the kind that Label Studio calls legacy) of somebody who may do both is in LABEL_STUDIO_TOKEN. Deleting a task
deletes its annotations.
"""

import json
import os
import sys
import urllib.request
from pathlib import Path

FOLDER, URL, PROJECT = Path(sys.argv[1]), sys.argv[2].rstrip("/"), int(sys.argv[3])


def ask(method: str, path: str, body: object = None) -> object:
    headers = {"Authorization": f"Token {os.environ['LABEL_STUDIO_TOKEN']}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{URL}/api/{path}", data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def tasks_there() -> list[tuple[int, str]]:
    """Number and clip token of every task of the project."""
    found: list[tuple[int, str]] = []
    total, page = 1, 1
    while len(found) < total:
        answer = ask("GET", f"tasks?project={PROJECT}&fields=task_only&page_size=500&page={page}")
        found += [(task["id"], task["data"].get("clip_token", "")) for task in answer["tasks"]]
        total, page = answer["total"], page + 1
    return found


there = tasks_there()
exported = {path.stem: path for path in (FOLDER / "clips").glob("*.json")}
gone = [number for number, token in there if token and token not in exported]
for number in gone:
    ask("DELETE", f"tasks/{number}/")
new = [json.loads(path.read_bytes()) for token, path in exported.items() if token not in {token for _, token in there}]
if new:
    ask("POST", f"projects/{PROJECT}/import", new)
print(f"{len(new)} imported, {len(gone)} deleted")
