"""The rights as they are printed: for people, for Kafka's own tool, and for the operator that runs Kafka."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

STRIMZI_KINDS: Final = {"topic": "topic", "group": "group", "transactional-id": "transactionalId"}


class Right(NamedTuple):
    """One operation on one resource; on all whose names begin so, where ``prefixed``."""

    kind: str  # topic, group, transactional-id: as kafka-acls.sh calls them
    name: str
    operation: str
    prefixed: bool = False


Rights = Mapping[str, tuple[Right, ...]]


def table(rights: Rights) -> Iterator[str]:
    """As Markdown has it."""
    yield "| Principal | Operation | Resource | Name |"
    yield "|---|---|---|---|"
    for principal, needed in rights.items():
        for right in needed:
            yield f"| {principal} | {right.operation} | {right.kind} | `{right.name}{'*' if right.prefixed else ''}` |"


def commands(rights: Rights) -> Iterator[str]:
    """To be pasted behind ``kafka-acls.sh --bootstrap-server ... --command-config ...``."""
    for principal, needed in rights.items():
        for right in needed:
            pattern = " --resource-pattern-type prefixed" if right.prefixed else ""
            who = f"--allow-principal User:{principal} --operation {right.operation}"
            yield f"--add {who} --{right.kind} {right.name}{pattern}"


def strimzi(rights: Rights) -> Iterator[str]:
    """A ``KafkaUser`` for each principal; how it says who it is, and of which cluster it is, is left to be added."""
    for principal, needed in rights.items():
        yield from (
            "---",
            "apiVersion: kafka.strimzi.io/v1beta2",
            "kind: KafkaUser",
            f"metadata: {{name: {principal}}}",
            "spec:",
            "  authorization:",
            "    type: simple",
            "    acls:",
        )
        for resource in dict.fromkeys(right._replace(operation="") for right in needed):
            operations = [right.operation for right in needed if right._replace(operation="") == resource]
            yield f"      - {_strimzi(resource, operations)}"


def _strimzi(resource: Right, operations: list[str]) -> str:
    pattern = "prefix" if resource.prefixed else "literal"
    what = f'type: {STRIMZI_KINDS[resource.kind]}, name: "{resource.name}", patternType: {pattern}'
    return f"{{resource: {{{what}}}, operations: [{', '.join(operations)}]}}"
