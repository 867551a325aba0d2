"""``clipveil audit`` as people type it: on files, and on a real Kafka from first record to exit code."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from stream.clip import Coordinates, Reason, Withheld
from stream.ports import Message
from stream.whose import GENESIS
from stream.wire.audits import HeadsFile, line_of
from stream.wire.kafka import KafkaBroker
from tests.contract.audited import Deployment
from tests.contract.stand_ins import Topics
from tests.kafka.server import KafkaServer
from tests.lifecycle.chains import KEY, OTHER_KEY, Audit, honest, rewrite_all

ROOT = Path(__file__).parents[2]


def clipveil(*arguments: object, **variables: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of ``clipveil audit ...``."""
    command = [sys.executable, "-m", "stream", "audit", *map(str, arguments)]
    environment = {**os.environ, **variables}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    return ended.returncode, ended.stdout, ended.stderr


def public_key(folder: Path, key: Any = KEY) -> Path:
    file = folder / "public.pem"
    file.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return file


def exported(folder: Path, audit: Audit) -> tuple[Path, Path]:
    rows, heads = folder / "audit.jsonl", folder / "heads.jsonl"
    rows.write_bytes(b"".join(map(line_of, audit.rows)))
    HeadsFile(heads).append(audit.heads)
    return rows, heads


# ------------------------------------------------------------------ files
def test_an_export_is_checked_offline(tmp_path: Path) -> None:
    """By two files and a public key alone; 0, and a table that adds up."""
    audit = honest(random.Random(1), 50, partitions=2)
    rows, heads = exported(tmp_path, audit)
    code, out, error = clipveil("verify", "--file", rows, "--heads", heads, "--public-key", public_key(tmp_path))
    assert (0, "") == (code, error)
    published = len([row for row in audit.rows if row["outcome"] == "published"])
    assert ["all", "100", str(published), str(100 - published), "0"] == out.splitlines()[-1].split()


@pytest.mark.parametrize("as_json", [False, True])
def test_the_first_broken_record_is_told(tmp_path: Path, as_json: bool) -> None:
    """By chain and number, in words and in JSON; the exit code is 1."""
    audit = honest(random.Random(2), 50)
    audit.rows[16] = {**audit.rows[16], "reason": "no_consent", "outcome": "withheld"}
    rows, heads = exported(tmp_path, audit)
    more = ["--json"] if as_json else []
    code, out, error = clipveil("verify", "--file", rows, "--heads", heads, "--public-key", public_key(tmp_path), *more)
    assert (1, "clipveil: the audit does not hold\n") == (code, error)
    if as_json:
        said = json.loads(out)
        assert not said["holds"]
        assert [("clips.raw/0", 17, 17)] == [(p["chain"], p["sequence"], p["since"]) for p in said["problems"]]
    else:
        assert "PROBLEM clips.raw/0: record 17 was changed" in out


def test_a_rewrite_by_whoever_has_no_key_is_found(tmp_path: Path) -> None:
    """Everything computed anew and signed with another key: neither the kept heads nor the key fit."""
    audit = honest(random.Random(3), 50)
    rewritten, _ = rewrite_all(random.Random(3), list(audit.rows))
    rows, heads = exported(tmp_path, Audit(rewritten, audit.heads))
    assert 1 == clipveil("verify", "--file", rows, "--heads", heads, "--public-key", public_key(tmp_path))[0]
    rows, heads = exported(tmp_path, audit)
    other = public_key(tmp_path, OTHER_KEY)
    code, out, _ = clipveil("verify", "--file", rows, "--heads", heads, "--public-key", other)
    assert 1 == code
    assert "is not signed by a known key" in out


def test_nothing_to_check_is_not_fine(tmp_path: Path) -> None:
    """An empty file, a file that is not there, no heads, no key."""
    empty, key = tmp_path / "empty", public_key(tmp_path)
    empty.touch()
    checked = ["verify", "--file", empty, "--heads", empty]
    assert 1 == clipveil(*checked, "--public-key", key)[0]
    assert 2 == clipveil(*checked)[0]
    assert 2 == clipveil(*checked, "--public-key", empty)[0]
    assert 2 == clipveil("verify", "--file", empty, "--public-key", key)[0]
    assert 2 == clipveil("verify", "--file", tmp_path / "none", "--heads", empty, "--public-key", key)[0]


def test_a_report_from_a_file(tmp_path: Path) -> None:
    """Days of the export, for people and as JSON."""
    audit = honest(random.Random(4), 50)
    rows, _ = exported(tmp_path, audit)
    code, out, _ = clipveil("report", "--file", rows)
    assert (0, "2026-09-21") == (code, out.splitlines()[1].split()[0])
    (day,) = json.loads(clipveil("report", "--file", rows, "--json")[1])
    assert (50, 50) == (day["inputs"], day["reviewed"] + sum(day["withheld"].values()))


# ------------------------------------------------------------------ a real Kafka
async def test_from_a_worker_to_an_exit_code(
    cluster: KafkaBroker, kafka: KafkaServer, topics: Topics, tmp_path: Path
) -> None:
    """A worker's audit is signed, checked in the cluster, exported, checked offline, and reported; then changed."""
    deployment = Deployment(cluster, topics, tmp_path)
    await deployment.create()
    await deployment.send({0: [f"publish {n}" for n in range(9)], 1: [f"refuse {n}" for n in range(7)]})
    await deployment.work()
    await deployment.request("erased", 0)
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    key, config = public_key(tmp_path), tmp_path / "settings.yaml"
    config.write_text(deployment.settings(bootstrap_servers=kafka.bootstrap).model_dump_json(exclude_unset=True))

    assert (0, "") == clipveil("sign", "--once", "-c", config)[:2]
    code, out, error = clipveil("verify", "-c", config, "--public-key", key)
    assert (0, "", ["all", "17", "9", "7", "1"]) == (code, error, out.splitlines()[-1].split())
    rows, heads = tmp_path / "audit.jsonl", tmp_path / "exported-heads.jsonl"
    assert 0 == clipveil("export", rows, "--heads", heads, "-c", config)[0]
    offline = ["verify", "--file", rows, "--public-key", key, "--heads"]
    assert 0 == clipveil(*offline, heads)[0]
    assert 0 == clipveil(*offline, tmp_path / "heads.jsonl")[0]
    requests, clips = json.loads(clipveil("report", "--json", "-c", config)[1])
    assert (16, 9, {"no_main_speaker": 7}) == (clips["inputs"], clips["reviewed"], clips["withheld"])
    assert (0, 1) == (requests["inputs"], requests["erased"])

    await cluster.send([await forged(deployment)])
    assert 1 == clipveil("verify", "-c", config, "--public-key", key)[0]
    code, _, error = clipveil("sign", "--once", "-c", config)
    assert (1, True) == (code, f"not signed: {topics.raw}/1: record 1 comes again" in error)
    assert '"event": "audit_broken"' in error


async def forged(deployment: Deployment) -> Message:
    """A well-formed record that somebody else appends to the second chain."""
    outcome = Withheld(Coordinates(deployment.topics.raw, 1, 99), Reason.NO_CONSENT, "p1")
    return (await deployment.writer()).audit(outcome, GENESIS)[0]
