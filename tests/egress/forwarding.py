"""Passes the bytes of connections on, from one listening socket to another address, thread by thread."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any


def forward(listener: socket.socket, family: socket.AddressFamily, address: Any) -> None:
    """Until the listener is closed."""
    while True:
        try:
            here, _ = listener.accept()
        except OSError:
            return
        there = socket.socket(family, socket.SOCK_STREAM)
        try:
            there.connect(address)
        except OSError:
            here.close()
            continue
        for one, other in ((here, there), (there, here)):
            threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := one.recv(65536):
            other.sendall(content)
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
