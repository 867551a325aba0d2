"""``clipveil acls``: the rights in Kafka that each part needs, and no more; computed from the settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from stream.commands.acls_forms import Right, Rights, commands, strimzi, table
from stream.commands.failure import WRONG_INPUT, CommandFailed, settings_from
from stream.commands.options import Config
from stream.config import Settings

READERS = "labelling"


class Form(StrEnum):
    """How the rights are printed."""

    TABLE = "table"
    COMMANDS = "commands"
    STRIMZI = "strimzi"


def acls(
    form: Annotated[
        Form, typer.Option("--format", help="A table, commands for kafka-acls.sh, or KafkaUsers for Strimzi.")
    ] = Form.TABLE,
    readers: Annotated[
        str, typer.Option("--reader-group", help="The group by which the annotators' systems read; empty: none.")
    ] = READERS,
    config: Config = None,
) -> None:
    """Print the rights that each part needs, for a principal of its own. Describe comes with Read and with Write."""
    settings = settings_from(config)
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,200}", readers):
        raise CommandFailed("--reader-group: letters, digits and ._- only", WRONG_INPUT)
    if readers in own_groups(settings):
        raise CommandFailed("--reader-group: is a group of the service; its members take clips away", WRONG_INPUT)
    rights = rights_of(settings, readers)
    typer.echo("\n".join({Form.TABLE: table, Form.COMMANDS: commands, Form.STRIMZI: strimzi}[form](rights)))


def own_groups(settings: Settings) -> tuple[str, ...]:
    """Of the worker, and of who answers requests and reports. Whoever may join one can keep it from its work."""
    group = settings.kafka.group
    return group, f"{group}-erasure", f"{group}-report"


def rights_of(settings: Settings, readers: str = READERS) -> Rights:
    """By part. A producer that is idempotent, or transactional, needs no right to the cluster since Kafka 2.8."""
    of, group = settings.topics, settings.kafka.group
    audits = (of.audit, of.erasure_audit, of.reports_audit)
    return {
        "administrator": (  # clipveil topics
            *_topics("Create", *of.all),
            *_topics("Describe", *of.all),
            *_topics("DescribeConfigs", *of.all),
        ),
        "worker": _worker(settings),  # clipveil run
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
            *(Right("group", name, "Describe") for name in own_groups(settings)),
        ),
        "replay": (  # clipveil replay
            *_topics("Read", of.raw, of.withheld, of.audit, of.replays),
            *_topics("Write", of.raw, of.replays),
            Right("transactional-id", f"{group}-replay", "Write"),
        ),
        "sweep": (*_topics("Read", of.anonymized),),  # clipveil objects sweep
        "annotator": (  # stream.reader, clipveil export label-studio, tail, report
            *_topics("Read", of.anonymized),
            *_topics("Write", of.reports),
            *([Right("group", readers, "Read")] if readers else []),
        ),
        "producer": (*_topics("Write", of.raw),),  # clipveil produce
        "consent": (*_topics("Write", of.consent),),  # clipveil consent
        "requester": (*_topics("Write", of.erasure),),  # clipveil erase request
    }


def _worker(settings: Settings) -> tuple[Right, ...]:
    """What is not followed, or not counted, has only to be there."""
    of, rules = settings.topics, settings.sampling.as_rules(settings.policy.as_policy().device_families)
    outputs = (of.anonymized, of.withheld, of.escalations, of.index, of.audit)
    return (
        *_topics("Read", of.raw, of.recalls, of.audit),
        *_topics("Read" if settings.consent.follow else "Describe", of.consent),
        *_topics("Write", *outputs),
        *(
            right
            for does in (("Read", "Write") if rules.limited else ("Describe",))
            for right in _topics(does, of.sampling)
        ),
        *_member(settings.kafka.group, of.raw),
    )


def _topics(operation: str, *names: str) -> Iterator[Right]:
    return (Right("topic", name, operation) for name in names)


def _member(group: str, topic: str) -> tuple[Right, Right]:
    """Whoever reads ``topic`` as one of ``group``, and commits in transactions, one id an input partition."""
    return Right("group", group, "Read"), Right("transactional-id", f"{group}-{topic}-", "Write", prefixed=True)
