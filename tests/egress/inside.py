"""Runs one command in a network of its own, from which only the ports given are reachable, under strace.

``python -m tests.egress.inside FOLDER PORT=SOCKET ... -- COMMAND``, started by ``apart`` in new namespaces. Connections
to 127.0.0.1:PORT in here go through the Unix socket, behind which the test forwards them. Every name that is looked up
gets an answer that leads nowhere, so that whoever asks goes on to call. Passes SIGTERM on, and the command's exit code.
"""

from __future__ import annotations

import fcntl
import signal
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

from tests.egress.forwarding import forward

NOWHERE = "198.51.100.7"  # of a network for documentation, RFC 5737
TRACED = "connect,sendto,sendmsg,sendmmsg,open,openat,creat,memfd_create"
TYPE_A = 1
_SIOCSIFFLAGS, _IFF_UP_RUNNING = 0x8914, 0x41


def main(folder: Path, ports: list[str], command: list[str]) -> int:
    loopback_up()
    names_go_nowhere(folder)
    threading.Thread(target=answer_names, args=(_names_socket(), folder / "names"), daemon=True).start()
    for pair in ports:
        port, _, path = pair.partition("=")
        listener = socket.create_server(("127.0.0.1", int(port)))
        threading.Thread(target=forward, args=(listener, socket.AF_UNIX, path), daemon=True).start()
    strace = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-s", "0", "-e", "signal=none", "-e", f"trace={TRACED}"]
    running = subprocess.Popen([*strace, "-o", str(folder / "strace"), *command])
    signal.signal(signal.SIGTERM, lambda number, _: running.send_signal(number))
    return running.wait()


def loopback_up() -> None:
    """A new network namespace has lo alone, and it is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP_RUNNING))


def names_go_nowhere(folder: Path) -> None:
    """The resolver's file, in this mount namespace only."""
    ours = folder / "resolv.conf"
    ours.write_text("nameserver 127.0.0.1\n")
    subprocess.run(["mount", "--bind", str(ours), "/etc/resolv.conf"], check=True)


def _names_socket() -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 53))
    return listening


def answer_names(listening: socket.socket, written: Path) -> None:
    """For ever: writes each name down, and says that it is at NOWHERE."""
    while True:
        query, asker = listening.recvfrom(4096)
        labels, place = [], 12
        while length := query[place]:
            labels.append(query[place + 1 : place + 1 + length].decode(errors="replace"))
            place += 1 + length
        with written.open("a") as names:
            names.write(".".join(labels) + "\n")
        question = query[12 : place + 5]
        (kind,) = struct.unpack(">H", query[place + 1 : place + 3])
        address = struct.pack(">HHHIH4s", 0xC00C, 1, 1, 60, 4, socket.inet_aton(NOWHERE)) if kind == TYPE_A else b""
        listening.sendto(query[:2] + struct.pack(">HHHHH", 0x8180, 1, bool(address), 0, 0) + question + address, asker)


if __name__ == "__main__":
    split = sys.argv.index("--")
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:split], sys.argv[split + 1 :]))
