"""Certificates that are renewed while we run, on real connections."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from stream.commands.tls import Files, Renewed
from tests.kafka.certificates import Authority


async def reached(folder: Path, of: Authority, tls: ssl.SSLContext) -> None:
    """One connection to a server that ``of`` vouches for. Raises SSLError where ``tls`` does not believe it."""
    of.issue("server", folder / "crt", folder / "key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "crt", folder / "key")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
        writer.close()


async def test_a_renewed_authority_is_believed_and_the_old_one_no_more(tmp_path: Path) -> None:
    """The same context, before and after its file was written anew."""
    old, new = Authority("old"), Authority("new")
    tls = Renewed(Files(old.write(tmp_path / "ca.pem")))
    await reached(tmp_path, old, tls)
    with pytest.raises(ssl.SSLError):
        await reached(tmp_path, new, tls)
    new.write(tmp_path / "ca.pem")
    await reached(tmp_path, new, tls)
    with pytest.raises(ssl.SSLError):
        await reached(tmp_path, old, tls)


async def test_files_of_no_use_leave_what_was_in_force(tmp_path: Path) -> None:
    """Half a renewal does not cut us off."""
    old = Authority()
    tls = Renewed(Files(old.write(tmp_path / "ca.pem")))
    (tmp_path / "ca.pem").write_text("half", encoding="utf-8")
    await reached(tmp_path, old, tls)
