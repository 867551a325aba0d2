"""Every command as a process on a Kafka that lets nobody in unknown, with the rights that ``clipveil acls`` prints."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.reader import open_clips
from tests.commands.test_cli import ROOT, clipveil
from tests.contract.stand_ins import until
from tests.kafka.grants import Grants, grants
from tests.kafka.rights import Parts, parts_of
from tests.kafka.secured import SecuredServer
from tests.publications import Store

CLIPS = ROOT / "stream" / "demo" / "own"
START_S = 240.0  # on a busy machine the models take a while


@dataclass
class Commands:
    """The command line, each part with a settings file that says who it is."""

    parts: Parts
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def config(self, who: str, way: str = "password") -> Path:
        """The settings of a principal, who says who it is by ``password``, ``token`` or ``certificate``."""
        folder, server = self.parts.folder, self.parts.server
        server.authority.issue(who, folder / f"{who}.crt", folder / f"{who}.key")
        (folder / f"{who}.token").write_text(server.tokens.issue(who), encoding="utf-8")
        (folder / f"{who}.word").write_text("word", encoding="utf-8")
        scram = {"sasl_username": who, "sasl_password_file": folder / f"{who}.word"}
        oauth = {"sasl_mechanism": "OAUTHBEARER", "oauth_token_file": folder / f"{who}.token"}
        ways = {
            "password": {"bootstrap_servers": server.scram, "security_protocol": "SASL_SSL", **scram},
            "token": {"bootstrap_servers": server.oauth, "security_protocol": "SASL_SSL", **oauth},
            "certificate": {
                "bootstrap_servers": server.mtls,
                "security_protocol": "SSL",
                "ssl_certificate_file": folder / f"{who}.crt",
                "ssl_key_file": folder / f"{who}.key",
            },
        }
        values = self.parts.values(**ways[way])
        values |= {"engine": {"processes": 1}, "tokens": {"key_file": folder / "token-key"}}
        path = folder / f"{who}.yaml"
        path.write_text(yaml.safe_dump(json.loads(json.dumps(values, default=str))), encoding="utf-8")
        return path

    async def does(self, who: str, *arguments: str, way: str = "password") -> tuple[int, str]:
        """A command to its end."""
        settings = str(self.config(who, way))
        done = await asyncio.to_thread(clipveil, *arguments, CLIPVEIL_CONFIG=settings)
        return done.returncode, done.stdout + done.stderr

    async def did(self, who: str, *arguments: str, way: str = "password") -> str:
        """The same, where all goes well."""
        code, told = await self.does(who, *arguments, way=way)
        assert 0 == code, f"{who} {arguments}: {told}"
        return told

    def start(self, who: str, *arguments: str, way: str = "password") -> Service:
        """A command that runs until it is told to end."""
        log, settings = self.parts.folder / f"{who}.log", str(self.config(who, way))
        with log.open("wb") as lines:
            command = [sys.executable, "-m", "stream", *arguments, "--config", settings]
            self.running.append(subprocess.Popen(command, cwd=ROOT, stdout=lines, stderr=lines))
        return Service(self.running[-1], log)


@dataclass
class Service:
    """One that runs."""

    process: subprocess.Popen[bytes]
    log: Path

    async def ready(self) -> bool:
        """Whether it takes work, by its own probe."""
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        found = re.search(r'"event": "started".*?"port": (\d+)', self.log.read_text())
        return found is not None and await asyncio.to_thread(_answers, int(found[1]))

    async def unready(self) -> bool:
        return not await self.ready()

    async def says(self, *words: str) -> bool:
        """Whether a line of its log has all of them."""
        return any(all(word in line for word in words) for line in self.log.read_text().splitlines())

    async def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, 60)


def _answers(port: int) -> bool:
    with suppress(urllib.error.URLError, OSError):
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).status == 200
    return False


@pytest.fixture
async def granting(secured: SecuredServer) -> AsyncIterator[Grants]:
    """Sets rights there."""
    async with grants(secured.bootstrap) as granted:
        yield granted


@pytest.fixture
async def commands(secured: SecuredServer, tmp_path: Path) -> AsyncIterator[Commands]:
    """None of its processes outlives the test; of its topics none is there."""
    async with parts_of(secured, tmp_path, io.StringIO(), create=False) as parts:
        (tmp_path / "token-key").write_bytes(b"k" * 44)
        made = Commands(parts)
        yield made
        for process in made.running:
            process.kill()
            process.wait()


@pytest.mark.timeout(900)
async def test_every_part_does_its_work_with_the_rights_that_are_printed(
    commands: Commands, granting: Grants, tmp_path: Path
) -> None:
    """From the first topic to the erasure of what was published, an audit that holds, and a replay; each principal has
    what is printed for it and nothing else. A right that goes while they run stops what needs it, until it is back."""
    printed = (await commands.did("administrator", "acls", "--format", "commands")).splitlines()
    await granting.add(printed)
    assert 16 == (await commands.did("administrator", "topics", "create")).count("made: ")
    assert 16 == (await commands.did("administrator", "topics", "check", way="certificate")).count("good: ")
    worker = commands.start("worker", "run", way="certificate")
    eraser = commands.start("eraser", "erase")
    of, group = commands.parts.settings("worker").topics, commands.parts.settings("worker").kafka.group
    await commands.did("consent", "consent", "set", "somebody", "--no", "--topic", of.consent)
    await commands.did("producer", "produce", str(CLIPS), "--limit", "4", way="token")
    await until(worker.ready, START_S)
    await until(eraser.ready, START_S)
    operator = commands.parts.operator

    async def done(topic: str, who: str, least: int = 1) -> bool:
        ends, at = await operator.end_offsets(topic), await operator.committed(topic, who)
        return sum(ends.values()) >= least and ends == at

    await until(partial(done, of.raw, group, 4), START_S)

    # ---- what needs it waits, what does not goes on
    [line] = [line for line in printed if f"User:worker --operation Read --topic {of.consent}" in line]
    async with granting.without(line):
        await until(partial(worker.says, "standing_unreachable", f"Read on topic {of.consent}"), START_S)
        await commands.did("producer", "produce", str(CLIPS), "--limit", "4", way="token")
        await until(worker.unready, START_S)
        assert await eraser.ready()
    await until(worker.ready, START_S)
    await until(partial(done, of.raw, group, 8), START_S)

    # ---- readers, and what is asked for
    store = Store()
    async with open_clips(commands.config("annotator"), group="labelling", erased=store.drop) as clips:
        first = await anext(clips)
        await clips.commit()
    assert first.metadata.token in await commands.did("annotator", "tail", "--from-start", "--no-follow")
    await commands.did("annotator", "report", first.metadata.token)
    await commands.did("requester", "erase", "request", "somebody-else")
    await until(partial(done, of.reports, f"{group}-report"), 60)
    await until(partial(done, of.erasure, f"{group}-erasure"), 60)
    assert f"{first.metadata.token}  erased" in await commands.did("annotator", "tail", "--from-start", "--no-follow")

    # ---- who looks at all this
    await commands.did("auditor", "audit", "sign", "--once", way="certificate")
    await commands.did("auditor", "audit", "report", "--json")
    await commands.did("verifier", "audit", "verify", way="certificate")
    assert "all" in await commands.did("replay", "replay", way="certificate")
    assert (0, 0) == (await worker.end(), await eraser.end())
    for log in (worker.log, eraser.log):
        assert "somebody" not in log.read_text()


async def test_a_command_whose_right_is_missing_ends_with_its_name(commands: Commands, granting: Grants) -> None:
    """One line on stderr that says which right, an exit code, and no traceback; of each command that runs once."""
    of = commands.parts.settings("worker").topics
    lacks: Mapping[str, tuple[str, list[str]]] = {
        "administrator": (f"DescribeConfigs on topic {of.raw}", ["topics", "check"]),
        "worker": (f"Describe on topic {of.raw}", ["run"]),
        "eraser": (f"Describe on topic {of.erasure}", ["erase"]),
        "auditor": (f"Describe on topic {of.audit}", ["audit", "sign", "--once"]),
        "verifier": (f"Describe on topic {of.raw}", ["audit", "verify"]),
        "replay": (f"Describe on topic {of.raw}", ["replay"]),
        "annotator": (f"Describe on topic {of.anonymized}", ["tail"]),
        "producer": (f"Describe on topic {of.raw}", ["produce", str(CLIPS), "--limit", "1"]),
        "consent": (f"Describe on topic {of.consent}", ["consent", "set", "a", "--no", "--topic", of.consent]),
        "requester": (f"Describe on topic {of.erasure}", ["erase", "request", "a"]),
    }
    found: dict[str, Any] = {}
    for who, (_, arguments) in lacks.items():
        found[who] = await commands.does(who, *arguments)
    for who, (right, _) in lacks.items():
        code, said = found[who]
        assert (1, True) == (code, f"({right}); `clipveil acls` prints" in said), f"{who}: {said}"
        assert "Traceback" not in said
