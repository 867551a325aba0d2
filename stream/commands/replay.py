"""``clipveil replay``: what was withheld for a reason that has passed goes through everything again."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from stream.commands.failure import WRONG_INPUT, CommandFailed, settings_from, told
from stream.commands.options import Config
from stream.config import Settings

if TYPE_CHECKING:
    from stream.clip import Coordinates, Reason
    from stream.lifecycle.replaying import Candidate, Chosen, History, Place, Wish
    from stream.ports import Broker, Copier, Message
    from stream.wire.outcomes import Destination
    from stream.wire.registry import Registry

GROUP_RECORDS = 16  # in one transaction, and in memory
_PLACE = re.compile(r"(\d{1,9}):(\d{1,18})")


def replay(
    reason: Annotated[
        list[str] | None,
        typer.Option(help="Replay what was withheld for this reason. May be repeated. Default: those that pass."),
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option(metavar="PARTITION:OFFSET", help="Replay this record. May be repeated.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="Only what was withheld since (UTC).")] = None,
    policy_version: Annotated[str | None, typer.Option(help="Only what this version of the policy withheld.")] = None,
    times_max: Annotated[int, typer.Option(min=1, help="Replay no clip event more often than this.")] = 3,
    again: Annotated[
        bool, typer.Option("--again", help="With --at: even where it was replayed before; its copy stays.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and do nothing.")] = False,
    config: Config = None,
) -> None:
    """Append withheld clip events to the raw topic anew, from where they go through everything again.

    Each at most once, however often this is run or killed. What was decided about a person, or by the gate, is refused.
    Ends with 1 where records are not there any more, or the audit says otherwise.
    """
    from stream.lifecycle.replaying import PASSING, NotReplayed, Wish

    settings = settings_from(config)
    if reason and at:
        raise CommandFailed("--at: names records whatever the reason; leave --reason out", WRONG_INPUT)
    with told(NotReplayed, code=WRONG_INPUT):
        wish = Wish(
            reasons=reasons_of(reason) if reason else PASSING,
            at=places_of(at or []),
            since_ms=0 if since is None else int(since.replace(tzinfo=UTC).timestamp() * 1000),
            policy_version=policy_version,
            times_max=times_max,
            again=again,
        )
    result = asyncio.run(_replay(settings, wish, dry_run=dry_run))
    typer.echo("\n".join(result.table(dry_run=dry_run)))
    if problems := result.problems():
        raise CommandFailed("; ".join(problems))


def reasons_of(names: list[str]) -> frozenset[Reason]:
    """Raises CommandFailed for what is no reason."""
    from stream.clip import Reason

    if unknown := sorted(set(names) - set(Reason)):
        raise CommandFailed(f"--reason: there is no {', '.join(unknown)}", WRONG_INPUT)
    return frozenset(map(Reason, names))


def places_of(texts: list[str]) -> frozenset[Place]:
    """Raises CommandFailed for what is no place."""
    found = [_PLACE.fullmatch(text) for text in texts]
    if not all(found):
        raise CommandFailed("--at: needs PARTITION:OFFSET, such as 3:4711", WRONG_INPUT)
    return frozenset((int(match[1]), int(match[2])) for match in found if match)


@dataclass
class Result:
    """What became of the records, by the reason for which they were withheld."""

    chosen: Counter[Reason] = field(default_factory=Counter)
    replayed: Counter[Reason] = field(default_factory=Counter)
    gone: Counter[Reason] = field(default_factory=Counter)
    before: Counter[Reason] = field(default_factory=Counter)
    too_often: Counter[Reason] = field(default_factory=Counter)
    unaudited: Counter[Reason] = field(default_factory=Counter)
    unreadable: int = 0

    def table(self, *, dry_run: bool) -> list[str]:
        counts = {"chosen": self.chosen, "replayed": self.replayed, "gone": self.gone}
        counts = {"chosen": self.chosen} if dry_run else counts
        counts |= {"before": self.before, "too often": self.too_often, "unaudited": self.unaudited}
        row = "{:<24}" + " {:>10}" * len(counts)
        reasons = sorted(set().union(*counts.values()))
        lines = [row.format("withheld for", *counts)]
        lines += [row.format(reason, *(count[reason] for count in counts.values())) for reason in reasons]
        lines.append(row.format("all", *(sum(count.values()) for count in counts.values())))
        return lines + ([f"{self.unreadable} records can't be read, and are left alone"] if self.unreadable else [])

    def problems(self) -> list[str]:
        """What somebody has to know of, though the rest was done."""
        gone, unaudited = sum(self.gone.values()), sum(self.unaudited.values())
        return [
            *([f"{gone} records are not on the raw topic any more"] if gone else []),
            *([f"{unaudited} records were not withheld so by the audit, and are left alone"] if unaudited else []),
        ]


async def _replay(settings: Settings, wish: Wish, *, dry_run: bool) -> Result:
    from stream.commands.connect import connect, registry_of

    of = settings.topics
    async with contextlib.AsyncExitStack() as stack:
        registry = registry_of(settings)
        stack.push_async_callback(registry.close)
        broker = await connect(settings, [of.raw, of.withheld, of.audit, of.replays])
        stack.push_async_callback(broker.close)
        replayer = Replayer(settings, broker, registry)
        return await (replayer.count(wish) if dry_run else replayer.run(wish))


class Replayer:
    """One run over a cluster. Both methods raise CommandFailed."""

    def __init__(self, settings: Settings, broker: Broker, registry: Registry) -> None:
        self._settings, self._broker, self._registry = settings, broker, registry
        self._result = Result()

    async def count(self, wish: Wish) -> Result:
        """What ``run`` would try."""
        await self._choose(wish)
        return self._result

    async def run(self, wish: Wish) -> Result:
        """The copier comes first: once it has started, no other run adds to the history any more."""
        from stream.commands.connect import register
        from stream.ports import CommitFailed, Fenced
        from stream.wire.replay_records import REPLAY_SCHEMA

        settings, copier = self._settings, self._broker.copier(self._settings.kafka.group)
        to = (await register(self._registry, {REPLAY_SCHEMA: settings.topics.replays}, settings))[REPLAY_SCHEMA]
        try:
            await copier.start()
            chosen, history = await self._choose(wish)
            for first in range(0, len(chosen.records), GROUP_RECORDS):
                await self._copy(copier, chosen.records[first : first + GROUP_RECORDS], history, to)
        except Fenced:
            raise CommandFailed(f"another replay has begun meanwhile; {self._so_far()}") from None
        except CommitFailed as error:
            raise CommandFailed(f"Kafka did not take copies ({error}); {self._so_far()}") from None
        finally:
            await copier.stop()
        return self._result

    async def _choose(self, wish: Wish) -> tuple[Chosen, History]:
        from stream.commands.connect import trouble_told
        from stream.lifecycle.replaying import NotReplayed, choose

        with trouble_told(), told(NotReplayed, code=WRONG_INPUT):
            history = await self._history()
            candidates = [candidate async for candidate in self._withheld(wish)]
            chosen = choose(candidates, wish, history)
            chosen.confirm(await self._audited(chosen))
        result = self._result
        result.chosen = Counter(candidate.reason for candidate in chosen.records)
        result.before, result.too_often, result.unaudited = chosen.before, chosen.too_often, chosen.unaudited
        return chosen, history

    async def _history(self) -> History:
        """Raises CommandFailed where a record can't be read: what it says was replayed would be once more."""
        from stream.clip import Refusal
        from stream.lifecycle.replaying import History
        from stream.wire.replay_records import ReplayRecords

        reading, of = ReplayRecords(self._registry), self._settings.topics
        history = History(of.raw)
        async for record in self._broker.read(of.replays):
            try:
                history.add(await reading.replay(record))
            except Refusal:
                at = record.coordinates
                raise CommandFailed(f"{at.topic}/{at.partition} offset {at.offset} is no record of a replay") from None
        return history

    async def _withheld(self, wish: Wish) -> AsyncIterator[Candidate]:
        from stream.clip import Refusal
        from stream.wire.replay_records import ReplayRecords

        reading = ReplayRecords(self._registry)
        async for record in self._broker.read(self._settings.topics.withheld):
            try:
                candidate = await reading.withheld(record)
            except Refusal:
                self._result.unreadable += 1
                continue
            if wish.means(candidate):
                yield candidate

    async def _audited(self, chosen: Chosen) -> dict[Place, Reason]:
        """Why those of the chosen were withheld of which the audit says so."""
        from stream.clip import Refusal
        from stream.wire.replay_records import ReplayRecords

        wanted = {candidate.at for candidate in chosen.records}
        found: dict[Place, Reason] = {}
        if not wanted:
            return found
        reading = ReplayRecords(self._registry)
        async for record in self._broker.read(self._settings.topics.audit):
            with contextlib.suppress(Refusal):
                at, reason = await reading.audited(record)
                if at in wanted and reason is not None:
                    found[at.partition, at.offset] = reason
        return found

    async def _copy(self, copier: Copier, group: list[Candidate], history: History, to: Destination) -> None:
        from stream.commands.connect import trouble_told
        from stream.lifecycle.replaying import done
        from stream.wire.replay_records import replay_message

        of: Mapping[Coordinates, Candidate] = {candidate.at: candidate for candidate in group}

        def remembered(at: Coordinates, copy: Coordinates) -> Message:
            return replay_message(done(of[at], copy, history), of[at], to)

        with trouble_told():
            there = frozenset(await copier.copy(list(of), remembered))
        self._result.replayed += Counter(of[at].reason for at in there)
        self._result.gone += Counter(candidate.reason for at, candidate in of.items() if at not in there)

    def _so_far(self) -> str:
        return f"{sum(self._result.replayed.values())} records were replayed before, and are not again"
