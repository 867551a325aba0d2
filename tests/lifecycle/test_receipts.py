"""Receipts: what a signature holds together, in whatever language it is verified."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from stream.clip import Coordinates, Record
from stream.lifecycle.receipts import (
    COPIES_MAX,
    ErasedCopy,
    ErasureReceipt,
    KeyUnusable,
    Signer,
    receipts_of,
    signer_of,
)
from stream.wire import avro
from stream.wire.outcomes import Destination
from stream.wire.registry_files import FileRegistry
from stream.wire.request_records import RECEIPT_SCHEMA, receipt_message, receipt_of
from tests.lifecycle.stand_ins import MORNING

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
SIGNER = Signer(KEY)
COPY = ErasedCopy("clips.anonymized", "f00d", ("file:///voice.flac",))
RECEIPT = ErasureReceipt("r1", "spring", MORNING, MORNING + timedelta(minutes=3), (COPY,), 2)
CHANGES = {
    "request_id": "r2",
    "campaign": "autumn",
    "requested_at": MORNING - timedelta(milliseconds=1),
    "completed_at": MORNING,
    "copies": (),
    "unreadable": 0,
    "signature": b"x" * 64,
    "key_id": "0" * 16,
}


def pem(key: object, encryption: object = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("field", CHANGES)
def test_whoever_changes_a_receipt_is_found_out(field: str) -> None:
    """Every field is signed."""
    signed = SIGNER.signed(RECEIPT)
    assert signed.is_by(KEY.public_key())
    assert not replace(signed, **{field: CHANGES[field]}).is_by(KEY.public_key())  # type: ignore[arg-type]


def test_a_receipt_that_names_another_key_is_not_by_this_one() -> None:
    """Although this one signed it: whoever looks for the key that it names finds a stranger's."""
    named = replace(RECEIPT, key_id="0" * 16)
    assert not replace(named, signature=KEY.sign(named.signed_bytes())).is_by(KEY.public_key())


def test_every_field_is_among_those_that_were_changed() -> None:
    """The test above forgets none."""
    assert set(ErasureReceipt.__dataclass_fields__) == set(CHANGES)


def test_another_key_did_not_sign_it() -> None:
    """Nor does a receipt that is not signed pass."""
    other = Ed25519PrivateKey.generate().public_key()
    assert not SIGNER.signed(RECEIPT).is_by(other)
    assert not RECEIPT.is_by(KEY.public_key())


def test_it_can_be_verified_with_json_alone() -> None:
    """A domain, a line feed, and the fields as canonical JSON: what docs/erasure.md tells others to do."""
    signed = SIGNER.signed(RECEIPT)
    morning_ms = int(MORNING.timestamp()) * 1000
    told = {
        "request_id": "r1",
        "campaign": "spring",
        "requested_at": morning_ms,
        "completed_at": morning_ms + 180_000,
        "copies": [{"topic": "clips.anonymized", "token": "f00d", "objects": ["file:///voice.flac"]}],
        "unreadable": 2,
        "key_id": signed.key_id,
    }
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    KEY.public_key().verify(signed.signature, b"clipveil erasure receipt 1\n" + text.encode())
    with pytest.raises(InvalidSignature):
        KEY.public_key().verify(signed.signature, text.encode())


async def test_it_is_the_same_after_its_way_through_kafka(tmp_path: Path) -> None:
    """As a record and back, the signature still holds."""
    registry = FileRegistry(tmp_path)
    schema = await registry.register("receipts-value", avro.schema_text(RECEIPT_SCHEMA))
    signed = SIGNER.signed(RECEIPT)
    message = receipt_message(signed, Destination("receipts", schema.id))
    back = await receipt_of(Record(Coordinates("receipts", 0, 0), message.value, message.key), registry)
    assert (b"r1", signed, True) == (message.key, back, back.is_by(KEY.public_key()))


@pytest.mark.parametrize(("copies", "parts"), [(0, [0]), (3, [3]), (4, [3, 1]), (7, [3, 3, 1])])
def test_an_account_with_many_copies_gets_several_receipts(copies: int, parts: list[int]) -> None:
    """Each is signed and not too large for a record; between them they list every copy once, and one is the least."""
    all_copies = tuple(ErasedCopy("t", f"{number:032x}") for number in range(copies))
    signed = receipts_of(replace(RECEIPT, copies=all_copies), SIGNER, most=3)
    assert parts == [len(receipt.copies) for receipt in signed]
    assert all_copies == tuple(copy for receipt in signed for copy in receipt.copies)
    assert all(receipt.is_by(KEY.public_key()) for receipt in signed)


def test_the_largest_receipt_fits_a_record() -> None:
    """Below 1 MB, Kafka's own default."""
    many = tuple(ErasedCopy("clips.anonymized", f"{number:032x}") for number in range(COPIES_MAX))
    [signed] = receipts_of(replace(RECEIPT, copies=many), SIGNER)
    assert len(receipt_message(signed, Destination("receipts", 1)).value or b"") < 1_000_000


def test_the_signing_key_is_an_ed25519_key_in_pem(tmp_path: Path) -> None:
    """As ``openssl genpkey`` writes it; another kind, one with a password, and garbage are refused without a quote."""
    file = tmp_path / "key.pem"
    file.write_bytes(pem(KEY))
    assert KEY.public_key() == signer_of(file).key.public_key()
    encrypted = pem(KEY, BestAvailableEncryption(b"canary"))
    for content in (pem(generate_private_key(SECP256R1())), encrypted, b"canary-7731", b""):
        file.write_bytes(content)
        with pytest.raises(KeyUnusable) as caught:
            signer_of(file)
        assert "canary" not in str(caught.value)
    with pytest.raises(FileNotFoundError):
        signer_of(tmp_path / "none.pem")
