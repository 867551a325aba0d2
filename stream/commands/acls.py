"""``clipveil acls``: the rights in Kafka that each part needs, and no more; computed from the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, NamedTuple

import typer

from stream.commands.failure import settings_from
from stream.commands.options import Config
from stream.config import Settings


class Form(StrEnum):
    """How the rights are printed."""

    TABLE = "table"
    COMMANDS = "commands"


class Right(NamedTuple):
    """One operation on one resource; on all whose names begin so, where ``prefixed``."""

    kind: str  # topic, group, transactional-id: as kafka-acls.sh calls them
    name: str
    operation: str
    prefixed: bool = False


def acls(
    form: Annotated[Form, typer.Option("--format", help="A table, or commands for kafka-acls.sh.")] = Form.TABLE,
    config: Config = None,
) -> None:
    """Print the rights that each part needs, for a principal of its own. Describe comes with Read and with Write."""
    rights = rights_of(settings_from(config))
    typer.echo("\n".join(commands(rights) if form is Form.COMMANDS else table(rights)))


def rights_of(settings: Settings) -> Mapping[str, tuple[Right, ...]]:
    """By part. A producer that is idempotent, or transactional, needs no right to the cluster since Kafka 2.8."""
    of, group = settings.topics, settings.kafka.group
    audits = (of.audit, of.erasure_audit, of.reports_audit)
    outputs = (of.anonymized, of.withheld, of.escalations, of.index)
    return {
        "worker": (  # clipveil run
            *_topics("Read", of.raw, of.consent, of.recalls, of.audit, of.sampling),
            *_topics("Write", *outputs, of.audit, of.sampling),
            *_member(group, of.raw),
        ),
        "eraser": (  # clipveil erase
            *_topics("Read", of.erasure, of.reports, of.index, of.recalls, of.erasure_audit, of.reports_audit),
            *_topics("Write", of.erasure, of.reports, of.index, of.recalls, of.erasure_audit, of.reports_audit),
            *_topics("Write", of.erasure_receipts, of.anonymized, of.consent),
            *_member(f"{group}-erasure", of.erasure),
            *_member(f"{group}-report", of.reports),
        ),
        "auditor": (  # clipveil audit sign, export, report
            *_topics("Read", *audits, of.audit_heads),
            *_topics("Write", of.audit_heads),
        ),
        "verifier": (  # clipveil audit verify
            *_topics("Read", *audits, of.audit_heads, of.raw, of.erasure, of.reports, of.anonymized, of.withheld),
            *(Right("group", name, "Describe") for name in (group, f"{group}-erasure", f"{group}-report")),
        ),
        "replay": (  # clipveil replay
            *_topics("Read", of.raw, of.withheld, of.audit, of.replays),
            *_topics("Write", of.raw, of.replays),
            Right("transactional-id", f"{group}-replay", "Write"),
        ),
        "annotator": (*_topics("Read", of.anonymized), *_topics("Write", of.reports)),  # clipveil tail, report
        "producer": (*_topics("Write", of.raw),),
        "consent": (*_topics("Write", of.consent),),
        "requester": (*_topics("Write", of.erasure),),  # clipveil erase request
    }


def _topics(operation: str, *names: str) -> Iterator[Right]:
    return (Right("topic", name, operation) for name in names)


def _member(group: str, topic: str) -> tuple[Right, Right]:
    """Whoever reads ``topic`` as one of ``group``, and commits in transactions, one id an input partition."""
    return Right("group", group, "Read"), Right("transactional-id", f"{group}-{topic}-", "Write", prefixed=True)


def table(rights: Mapping[str, tuple[Right, ...]]) -> Iterator[str]:
    """As Markdown has it."""
    yield "| Principal | Operation | Resource | Name |"
    yield "|---|---|---|---|"
    for principal, needed in rights.items():
        for right in needed:
            yield f"| {principal} | {right.operation} | {right.kind} | `{right.name}{'*' if right.prefixed else ''}` |"


def commands(rights: Mapping[str, tuple[Right, ...]]) -> Iterator[str]:
    """To be pasted behind ``kafka-acls.sh --bootstrap-server ... --command-config ...``."""
    for principal, needed in rights.items():
        for right in needed:
            pattern = " --resource-pattern-type prefixed" if right.prefixed else ""
            who = f"--allow-principal User:{principal} --operation {right.operation}"
            yield f"--add {who} --{right.kind} {right.name}{pattern}"
