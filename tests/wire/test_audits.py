"""Audit records and heads as lines and files."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest

from stream.clip import Coordinates, Record
from stream.lifecycle.heads import public_keys, sign, signing_key, vouched
from stream.wire import avro
from stream.wire.audits import HEAD_SCHEMA, HeadsFile, NoHeads, exported, head_message, row_of, rows_in
from stream.wire.outcomes import Destination
from stream.wire.registry_files import FileRegistry
from tests.lifecycle.chains import KEY, KEYS, OTHER_KEY, honest

AUDIT = honest(random.Random(1), 30)
HEADS = AUDIT.heads


def ours(head: object) -> bool:
    return isinstance(head, dict) and vouched(head, KEYS)


async def test_a_head_on_the_topic_is_the_head_that_was_signed(tmp_path: Path) -> None:
    """Through Avro and back its signature still holds; the chain is its key."""
    registry = FileRegistry(tmp_path)
    to = Destination("clips.audit-heads", (await registry.register("s-value", avro.schema_text(HEAD_SCHEMA))).id)
    message = head_message(HEADS[0], to)
    assert ("clips.audit-heads", b"clips.raw/0") == (message.topic, message.key)
    row = await row_of(Record(Coordinates("clips.audit-heads", 0, 0), message.value), registry)
    assert HEADS[0] == row


async def test_what_nobody_can_read_is_exported_by_its_place(tmp_path: Path) -> None:
    """A line for every record, so that none can be left out unseen."""
    line = await exported(Record(Coordinates("clips.audit", 3, 41), b"canary"), FileRegistry(tmp_path))
    assert b'{"unreadable":"clips.audit/3 offset 41"}\n' == line


@pytest.mark.parametrize("line", ["canary", "[1]", "{}", '{"a":1,"a":1}', '{"a":{"b":1,"b":2}}', "\udcff"])
def test_a_line_that_is_no_row_is_told(tmp_path: Path, line: str) -> None:
    """Also one that says a thing twice, of which another reader might take the other."""
    file = tmp_path / "audit.jsonl"
    file.write_bytes(b'{"offset":1}\n' + line.encode(errors="surrogateescape") + b"\n")
    assert [{"offset": 1}, {"unreadable": "line 2 of audit.jsonl"}] == list(rows_in(file))


# ------------------------------------------------------------------ the file of heads
def test_the_file_gives_back_what_was_signed(tmp_path: Path) -> None:
    """Appended in rounds, read back in order; nothing where there is no file yet."""
    file = HeadsFile(tmp_path / "heads.jsonl")
    assert [] == file.read(ours)
    file.append(HEADS[:2])
    file.append(HEADS[2:])
    assert HEADS == file.read(ours)


def test_a_torn_last_line_was_never_acknowledged(tmp_path: Path) -> None:
    """A crash in the middle of writing loses that line, and the next one does not stick to its rest."""
    path = tmp_path / "heads.jsonl"
    HeadsFile(path).append(HEADS[:2])
    path.write_bytes(path.read_bytes() + b'{"chain":"clips.r')
    assert HEADS[:2] == HeadsFile(path).read(ours)
    HeadsFile(path).append(HEADS[2:3])
    assert HEADS[:3] == HeadsFile(path).read(ours)


@pytest.mark.parametrize("kind", ["edited", "taken away", "by another key", "no head"])
def test_a_file_that_was_changed_is_refused(tmp_path: Path, kind: str) -> None:
    """The signer does not go on from what it did not sign."""
    path = tmp_path / "heads.jsonl"
    heads = list(HEADS)
    if kind == "edited":
        heads[1] = {**heads[1], "published": 99}
    elif kind == "taken away":
        del heads[1]
    elif kind == "by another key":
        heads[1] = sign({k: v for k, v in heads[1].items() if k != "signature"}, OTHER_KEY)
    HeadsFile(path).append(heads)
    if kind == "no head":
        path.write_bytes(b"canary\n" + path.read_bytes())
    with pytest.raises(NoHeads, match=r"line [12] of heads\.jsonl"):
        HeadsFile(path).read(ours)


# ------------------------------------------------------------------ with the tools of others
def openssl(*arguments: object) -> bytes:
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True).stdout


def test_openssl_makes_the_keys_and_verifies_the_heads(tmp_path: Path) -> None:
    """By docs/audit.md alone, without code of ours: the signed bytes, from a line of the file, by standard tools."""
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    openssl("genpkey", "-algorithm", "ed25519", "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    head = sign(HEADS[0], signing_key(private.read_bytes()))
    HeadsFile(tmp_path / "heads.jsonl").append([head])

    said = json.loads((tmp_path / "heads.jsonl").read_text())
    signature = bytes.fromhex(said.pop("signature"))
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    (tmp_path / "bytes").write_bytes(b"clipveil audit head\x00" + text.encode())
    (tmp_path / "signature").write_bytes(signature)
    verify = ("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-in", tmp_path / "bytes")
    assert b"Signature Verified Successfully" in openssl(*verify, "-sigfile", tmp_path / "signature")
    (tmp_path / "bytes").write_bytes(b"clipveil audit head\x00" + text.replace("clips.raw", "clips.row").encode())
    with pytest.raises(subprocess.CalledProcessError):
        openssl(*verify, "-sigfile", tmp_path / "signature")


def test_the_id_of_a_key_is_the_hash_of_its_public_half(tmp_path: Path) -> None:
    """As openssl tells it; several keys may lie in one file."""
    pems = []
    for name in ("one", "two"):
        openssl("genpkey", "-algorithm", "ed25519", "-out", tmp_path / name)
        pems.append(openssl("pkey", "-in", tmp_path / name, "-pubout"))
    (tmp_path / "der").write_bytes(openssl("pkey", "-in", tmp_path / "one", "-pubout", "-outform", "DER"))
    first = openssl("dgst", "-sha256", "-r", tmp_path / "der").decode()[:16]
    assert [first, *public_keys(pems[1:])] == list(public_keys([pems[0] + pems[1]]))


@pytest.mark.parametrize("pem", [b"canary", b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_key_is_refused(pem: bytes) -> None:
    """As a signer's key and as a verifier's."""
    with pytest.raises(ValueError):
        signing_key(pem)
    with pytest.raises(ValueError):
        public_keys([pem])


def test_keys_of_other_kinds_are_refused() -> None:
    """Only Ed25519: nobody chooses the algorithm of a signature by the key that he hands in."""
    private = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    with pytest.raises(ValueError, match="no Ed25519 key"):
        signing_key(private)


def test_the_signature_is_the_keys() -> None:
    """A head of another signer is not vouched for, even where it names our key."""
    assert vouched(HEADS[0], KEYS)
    forged = sign(HEADS[0], OTHER_KEY)
    assert not vouched(forged, KEYS)
    assert not vouched({**forged, "key_id": HEADS[0]["key_id"]}, KEYS)
    assert vouched(sign(forged, KEY), KEYS)
