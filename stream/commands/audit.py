"""``clipveil audit``: sign it, check it, hand it on, read it."""

from __future__ import annotations

import asyncio
import contextlib
import json as json_lines
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream.commands.audit_places import audited, files_told, public_keys_of
from stream.commands.failure import FAILED, WRONG_INPUT, CommandFailed, settings_from
from stream.commands.options import Config
from stream.config import Settings

if TYPE_CHECKING:
    from stream.lifecycle.reporting import AuditReport

app = typer.Typer(no_args_is_help=True, help="What became of every clip, in chains that nobody can change unseen.")

File = Annotated[Path | None, typer.Option("--file", help="Exported audit records, in place of the topics.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON in place of a table.")]


@app.command()
def sign(
    once: Annotated[bool, typer.Option("--once", help="Sign what is there now, and end.")] = False,
    config: Config = None,
) -> None:
    """Follow the audit topics and sign where their chains end, to a topic and to a file outside Kafka.

    Run it as somebody who can't write to the audit topics. Ends with 1 where a chain is broken or shorter than it was.
    Probes and metrics are served over HTTP, but with --once: /livez, /readyz, /metrics.
    """
    from stream.commands.audit_sign import sign_until_stopped
    from stream.ops import log
    from stream.ops.audit_metrics import AuditMetrics

    settings, metrics = settings_from(config), AuditMetrics()
    log.configure(settings.log.level, on_dropped=metrics.log_dropped)
    asyncio.run(sign_until_stopped(settings, metrics, once=once))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where the audit records go, one JSON object a line.")],
    heads: Annotated[Path | None, typer.Option(help="Where the signed heads go.")] = None,
    config: Config = None,
) -> None:
    """Write the audit topics, and the signed heads, to files that anybody can check."""
    settings = settings_from(config)
    topics = [each.audit_topic for each in audited(settings)]
    asyncio.run(_export(settings, {file: topics, **({heads: [settings.topics.audit_heads]} if heads else {})}))


async def _export(settings: Settings, wanted: Mapping[Path, Iterable[str]]) -> None:
    from stream.commands.connect import connect, registry_of, trouble_told
    from stream.wire.audits import exported

    registry = registry_of(settings)
    broker = await connect(settings, [topic for topics in wanted.values() for topic in topics])
    try:
        for path, topics in wanted.items():
            with trouble_told(), files_told(), path.open("wb") as lines:
                for topic in topics:
                    async for record in broker.read(topic):
                        lines.write(await exported(record, registry))
    finally:
        await registry.close()
        await broker.close()


@app.command()
def verify(
    file: File = None,
    heads: Annotated[
        list[Path] | None, typer.Option(help="Signed heads that were kept, with --file. May be repeated.")
    ] = None,
    public_key: Annotated[
        list[Path] | None, typer.Option(help="Who may vouch for heads (PEM). May be repeated.")
    ] = None,
    json: AsJson = False,
    raw: Annotated[
        bool, typer.Option("--raw/--no-raw", help="Look for inputs without audit record where offsets are missing.")
    ] = True,
    config: Config = None,
) -> None:
    """Check every record of every chain, by signed heads; in the cluster also against what was published and withheld.

    Ends with 0 only where everything holds; else it names the first broken record of each chain.
    """
    from stream.commands.audit_verify import as_json, as_text, verify_cluster, verify_files

    settings = settings_from(config)
    keys = public_keys_of(public_key or [], settings)
    if file is None:
        verification = asyncio.run(verify_cluster(settings, keys, look_into_raw=raw))
    elif not heads:
        raise CommandFailed("--heads: needed, a chain alone proves nothing", WRONG_INPUT)
    else:
        verification = verify_files(file, heads, keys, settings.audit.unsigned_seconds_max)
    typer.echo(json_lines.dumps(as_json(verification), indent=2) if json else "\n".join(as_text(verification)))
    if verification.problems or not verification.chains:
        raise CommandFailed("the audit does not hold" if verification.problems else "there is no audit", FAILED)


@app.command()
def report(file: File = None, json: AsJson = False, config: Config = None) -> None:
    """By day: clips reviewed, withheld and why, taken back, and the share that was picked.

    Counts records: a clip that was replayed is an input each time, and reviewed once (docs/audit.md).

    Checks nothing: `clipveil audit verify` does.
    """
    settings = settings_from(config)
    found = asyncio.run(_report(settings, file))
    if json:
        typer.echo(json_lines.dumps([day.as_json() for day in found.days], indent=2))
    else:
        typer.echo("\n".join(_table(found)))


async def _report(settings: Settings, file: Path | None) -> AuditReport:
    from stream.lifecycle.reporting import AuditReport

    found, unreadable = AuditReport(), 0
    async for row in _rows(settings, file):
        try:
            found.add(row)
        except (KeyError, TypeError, ValueError, OverflowError):
            unreadable += 1
    if unreadable:
        typer.echo(f"{unreadable} records can't be read and are not counted", err=True)
    return found


async def _rows(settings: Settings, file: Path | None) -> AsyncIterator[Mapping[str, Any]]:
    from stream.commands.audit_verify import rows
    from stream.commands.connect import connect, registry_of, trouble_told
    from stream.wire.audits import rows_in

    if file is not None:
        with files_told():
            for row in rows_in(file):
                yield row
        return
    registry, topics = registry_of(settings), [each.audit_topic for each in audited(settings)]
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(registry.close)
        broker = await connect(settings, topics)
        stack.push_async_callback(broker.close)
        with trouble_told():
            for topic in topics:
                async for row in rows(broker, topic, registry):
                    yield row


_NAMES = (
    *("day", "policy", "inputs", "reviewed", "withheld", "eligible", "picked", "rate"),
    *("erased", "recalled", "refused"),
)


def _table(of: AuditReport) -> list[str]:
    columns = "{:<10} {:>8} {:>10} {:>10} {:>10} {:>10} {:>10} {:>9} {:>7} {:>8} {:>7}"
    lines = [columns.format(*_NAMES)]
    for day in of.days:
        sampling = day.sampling
        rate = "" if sampling.rate is None else f"{sampling.rate:.4%}"
        counts = (day.inputs, day.published, sum(day.withheld.values()), sampling.eligible, sampling.picked, rate)
        requests = [day.requests[outcome] for outcome in ("erased", "recalled", "refused")]
        lines.append(columns.format(day.day, day.policy_version or "-", *counts, *requests))
        lines += [f"{'':<10} {number:>29} withheld: {reason}" for reason, number in day.withheld.most_common()]
        if day.taken_back:
            lines.append(f"{'':<10} {day.taken_back:>29} published records taken back")
    return lines
