"""Azure's object store as far as it runs on this machine: Azurite.

``bash tests/tools/azurite.sh`` installs it; without that, what needs it is skipped, and says so. Whoever names its
folder in CLIPVEIL_AZURITE asks for it: then what needs it fails where it is not there.

Of Google's there is none: fake-gcs-server takes no ``PUT`` as Google's XML interface does, and no condition on it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from stream.wire.objects_store import Access
from tests.kafka.properties import free_ports

ASKED = os.environ.get("CLIPVEIL_AZURITE")
TOOLS = Path(ASKED or Path(__file__).parents[2] / ".cache" / "azurite")
BUCKET = "published"
# Of Azurite's own documentation: it is the same in every installation, and opens nothing else.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True)
class Emulated:
    """How it is reached. ``environment`` is what Azure's own clients would find there."""

    prefix: str
    access: Access = field(repr=False)
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def azurite() -> Iterator[Emulated]:
    """Azurite, with a container that is empty."""
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    arguments = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence", "--disableTelemetry"]
    quiet = ["--silent", "--skipApiVersionCheck"]
    with _running(["node", str(_tool("node_modules/azurite/dist/src/blob/main.js")), *arguments, *quiet], port):
        assert 201 == _make_container(url)
        environment = {
            "AZURE_STORAGE_USE_EMULATOR": "true",
            "AZURITE_BLOB_STORAGE_URL": url,
            "AZURE_STORAGE_ACCOUNT_KEY": ACCOUNT_KEY,
        }
        yield Emulated(f"az://{BUCKET}/out/", Access(20.0, azure_account=ACCOUNT), environment)


def _make_container(url: str) -> int:
    """As Azure's documentation says that a request is signed."""
    headers = {"x-ms-date": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"), "x-ms-version": "2021-08-06"}
    named = "".join(f"{name}:{value}\n" for name, value in headers.items())
    signed = "PUT" + "\n" * 12 + f"{named}/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container"
    signature = hmac.digest(base64.b64decode(ACCOUNT_KEY), signed.encode(), hashlib.sha256)
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(signature).decode()}"
    return httpx.put(f"{url}/{ACCOUNT}/{BUCKET}?restype=container", headers=headers).status_code


def _tool(name: str) -> Path:
    assert not ASKED or (TOOLS / name).exists(), "CLIPVEIL_AZURITE names a folder without Azurite"
    if not (TOOLS / name).exists():
        pytest.skip("no Azurite here: bash tests/tools/azurite.sh")
    return TOOLS / name


@contextmanager
def _running(command: Sequence[str], port: int) -> Iterator[None]:
    """Until the end of the block; nothing of it is left behind."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(process, port)
        yield
    finally:
        process.kill()
        process.wait()


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    """Until it listens; the limit only ends a test that hangs."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the store did not begin to listen")
