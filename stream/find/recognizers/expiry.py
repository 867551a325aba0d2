"""When a card expires, said as a month and a year in any way: "the seventh of thirty four", "end of april 29"."""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.language import Role
from stream.find.recognizers.pieces import unit_follows
from stream.find.spans import Mention, Scene, Span

REACH = 6  # lexemes between "expires" and the month
BEHIND_MAX = 5  # lexemes between the year and "expires": "... is when my card expires"
MONTHS, YEAR_FIRST, YEAR_LAST = 12, 20, 50  # of the month and the year's last two digits
SIZE_MAX = 10  # lexemes of month and year
_PIECES = frozenset(
    {Role.UNIT, Role.TEEN, Role.TENS, Role.SCALE, Role.DIGITS, Role.ORDINAL, Role.ZERO, Role.MONTH, Role.DATE}
    | {Role.MULTIPLIER, Role.HOMOPHONE}
)
_STALLING = frozenset({Role.FILLER, Role.REPAIR, Role.SYMBOL})


def find_expiries(scene: Scene) -> Iterator[Span]:
    """Month and year after every word that speaks of expiry."""
    for mention in scene.mentions:
        if mention.context.entity_type != "CARD_EXPIRY":
            continue
        yield from _said_before(scene, mention)
        begin = next((at for at in range(mention.end, mention.end + REACH) if _begins(scene, at)), None)
        if begin is None:
            continue
        end = _end(scene, begin)
        while scene.listed(begin - 1, "date_articles") or scene.listed(begin - 1, "date_joiners_before"):
            begin -= 1
        if end - begin >= 2:
            yield Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, "CARD_EXPIRY", 0.85, "expiry")


def _said_before(scene: Scene, mention: Mention) -> Iterator[Span]:
    """The run before "expires", if it can be a month and a year."""
    for run in scene.runs:
        if not 0 <= mention.begin - run.end <= BEHIND_MAX or run.letters or not 3 <= run.digits <= 6:
            continue
        if scene.listed(run.begin - 1, "time_leads") or unit_follows(scene, run):
            continue
        written = run.values[0]
        month = int(written[: len(written) % 2 or 2])
        if 1 <= month <= MONTHS and YEAR_FIRST <= int(written[-2:]) <= YEAR_LAST:
            yield Span(run.first, run.last, "CARD_EXPIRY", 0.85, "expiry")


def _begins(scene: Scene, at: int) -> bool:
    if not 0 <= at < len(scene.lexemes):
        return False
    roles = scene.lexemes[at].roles
    return not _PIECES.isdisjoint(roles) and Role.HOMOPHONE not in roles


def _end(scene: Scene, begin: int) -> int:
    """The end of month and year, through "of", "the" and hesitation, but no unit of another quantity."""
    end = begin + 1
    for at in range(begin + 1, min(begin + SIZE_MAX, len(scene.lexemes))):
        roles = scene.lexemes[at].roles
        if not _PIECES.isdisjoint(roles) and Role.HOMOPHONE not in roles:
            end = at + 1
        elif not (_STALLING & set(roles)) and not _joins(scene, at) and Role.HOMOPHONE not in roles:
            break
    return end


def _joins(scene: Scene, at: int) -> bool:
    return scene.listed(at, "date_joiners") or scene.listed(at, "expiry_joiners")
