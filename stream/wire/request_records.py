"""Requests and receipts as Avro records: what comes in on clips.erasure and clips.reports, and what goes out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from stream.clip import Reason, Record, Refusal
from stream.lifecycle.receipts import ErasedCopy, ErasureReceipt
from stream.ports import Message, Schemas
from stream.whose import ErasureRequest, Report
from stream.wire import avro
from stream.wire.fields import demand, milliseconds, moment, required, text
from stream.wire.outcomes import Destination

ERASURE_SCHEMA: Final = "erasure_request"
REPORT_SCHEMA: Final = "report"
RECEIPT_SCHEMA: Final = "erasure_receipt"

_TOKEN: Final = re.compile(r"[0-9A-Za-z._-]{1,128}")


@dataclass(frozen=True)
class Requests:
    """Reads requests. Every method raises Refusal for what is none, and RegistryUnavailable where nobody can tell."""

    schemas: Schemas

    async def erasure(self, record: Record) -> ErasureRequest:
        told = await self._told(record, ERASURE_SCHEMA)
        return ErasureRequest(
            request_id=required(told["request_id"]),
            account_id=required(told["account_id"]),
            requested_at=moment(told["requested_at"]),
            campaign=text(told["campaign"]),
        )

    async def report(self, record: Record) -> Report:
        told = await self._told(record, REPORT_SCHEMA)
        demand(_TOKEN.fullmatch(told["token"]) is not None)
        return Report(told["token"], moment(told["reported_at"]))

    async def _told(self, record: Record, schema: str) -> Any:
        if record.value is None:
            raise Refusal(Reason.NO_VALUE)
        reference, body = avro.unframe(record.value)
        return avro.read(await self.schemas.writer_schema(reference), schema, body)


def erasure_message(request: ErasureRequest, to: Destination) -> Message:
    """The record of a request; its key is the request's id."""
    told = {
        "request_id": request.request_id,
        "account_id": request.account_id,
        "requested_at": milliseconds(request.requested_at),
        "campaign": request.campaign,
    }
    value = avro.frame(to.schema, avro.write(ERASURE_SCHEMA, told))
    return Message(to.topic, request.request_id.encode(), value)


def report_message(report: Report, to: Destination) -> Message:
    """The record of a report; its key is the token."""
    told = {"token": report.token, "reported_at": milliseconds(report.reported_at)}
    return Message(to.topic, report.token.encode(), avro.frame(to.schema, avro.write(REPORT_SCHEMA, told)))


def receipt_message(receipt: ErasureReceipt, to: Destination) -> Message:
    """The record of a receipt; its key is the request's id."""
    told = {**receipt.statement(), "signature": receipt.signature}
    value = avro.frame(to.schema, avro.write(RECEIPT_SCHEMA, told))
    return Message(to.topic, receipt.request_id.encode(), value)


async def receipt_of(record: Record, schemas: Schemas) -> ErasureReceipt:
    """As it was written, not yet verified. Raises Refusal, RegistryUnavailable."""
    reference, body = avro.unframe(record.value or b"")
    told = avro.read(await schemas.writer_schema(reference), RECEIPT_SCHEMA, body)
    return ErasureReceipt(
        request_id=told["request_id"],
        campaign=told["campaign"],
        requested_at=moment(told["requested_at"]),
        completed_at=moment(told["completed_at"]),
        copies=tuple(ErasedCopy(copy["topic"], copy["token"], tuple(copy["objects"])) for copy in told["copies"]),
        unreadable=told["unreadable"],
        key_id=told["key_id"],
        signature=told["signature"],
    )
