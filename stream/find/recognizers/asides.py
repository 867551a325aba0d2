"""Numbers that other talk cuts: "six one seven five five five i'm writing on my hand oh one oh nine".

A number that is announced, or known for one, and that has fewer characters than its kind has goes on behind words that
mean nothing here, even with a single digit. What lies between its pieces is masked with it: nobody can say which of
these words were digits that the recogniser got wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stream.find.cues import is_strong
from stream.find.language import Role
from stream.find.recognizers.announcements import Announcements
from stream.find.recognizers.pieces import may_go_on, unit_follows
from stream.find.recognizers.whole import AGAIN_SIZE, whole_size
from stream.find.runs import Run
from stream.find.spans import Mention, Scene

ASIDE_MAX = 12  # lexemes of other talk between two pieces of an announced number
UNANNOUNCED_MAX = 6  # the same where nothing says what the number is
UNCLEAR_MIN = 4  # characters of pieces of which none alone is a number
STRANGERS_MAX = 2  # words of no meaning here between what announces a number and a piece that other words follow
SURE = 0.9  # of a type: a context word names it
REPEATED_MAX = 2  # times the characters of a whole number, where a part is said again or taken back
_SOUNDS = frozenset({Role.HOMOPHONE, Role.ZERO, Role.SPELLING})
_GOES_ON = frozenset({Role.FILLER, Role.JOINER, Role.REPAIR, Role.CUT_OFF, Role.SYMBOL})
_LEADING = frozenset({Role.FILLER, Role.CODE_LEAD})

Found = Sequence[tuple[str, float]]  # what each run is and how sure that is; "" for nothing


@dataclass(frozen=True, slots=True)
class Number:
    """The runs ``first..last``, inclusive, are one number; with what belongs to it, the lexemes ``begin..end``."""

    first: int
    last: int
    begin: int
    end: int  # exclusive
    entity_type: str


def numbers_cut(scene: Scene, found: Found) -> Iterator[Number]:
    """Every number that other talk cuts."""
    if not scene.runs or not (scene.mentions or any(entity_type for entity_type, _ in found)):
        return
    around = Announcements(scene)
    at = 0
    while at < len(scene.runs):
        number = _grown(scene, found, around, at)
        if number:
            yield number
        at = number.last + 1 if number else at + 1


def _grown(scene: Scene, found: Found, around: Announcements, at: int) -> Number | None:
    """The number that begins with the run ``at`` and goes on with further ones."""
    runs = scene.runs
    known = found[at][0]
    mention = around.before(runs[at].begin) or (around.behind(runs[at].end) if known else None)
    if not known and not (mention and _opens(scene, runs[at], mention)):
        return None
    kind = mention.context.entity_type if mention else found[at][0] if found[at][1] >= SURE else ""
    reach = ASIDE_MAX if mention or kind else UNANNOUNCED_MAX
    last, size, whole = at, _size(runs[at]), whole_size(kind, runs[at])
    ahead = at + 1
    while ahead < len(runs) and runs[ahead].begin - runs[ahead - 1].end <= reach:
        left, right = runs[last], runs[ahead]
        again = right.repaired or around.again(left.end, right.begin)
        if around.anew(left.end, right.begin, kind):
            break
        fits = size < whole or (again and size < REPEATED_MAX * whole)
        if fits and _joins(scene, right, found[ahead][0], bool(mention), again):
            known = known or found[ahead][0]
            last, size = ahead, size + _size(right)
            whole += AGAIN_SIZE * again
        elif found[ahead][0]:
            break
        ahead += 1
    begin, end = runs[at].begin, runs[last].end
    if mention and size < whole:
        begin, end = _first_sound(scene, mention, begin), _last_sound(scene, end)
        size += (begin < runs[at].begin) + (end > runs[last].end)
    enough = bool(kind) and mention and size >= max(mention.context.fewest, UNCLEAR_MIN - (kind == "CVV"))
    if not (known or enough) or (last == at and (begin, end) == (runs[at].begin, runs[at].end)):
        return None
    return Number(at, last, begin, end, kind or known)


def _first_sound(scene: Scene, mention: Mention, begin: int) -> int:
    """Where what sounds like a digit or letter is announced that other talk cuts off: "pin is oh let me look two"."""
    at = mention.end
    while (
        at < begin
        and not scene.lexemes[at].has(Role.SPELLING)
        and (scene.listed(at, "announcers") or _leads(scene, at))
    ):
        at += 1
    if at >= begin or begin - at > ASIDE_MAX:
        return begin
    roles = scene.lexemes[at].roles
    weak = Role.WEAK_HOMOPHONE in roles and Role.ZERO not in roles
    # "oh it's ...", "for the hotel is ..."
    led = scene.listed(at + 1, "repeating") or (at + 1 < begin and scene.lexemes[at + 1].has(Role.CODE_LEAD))
    return begin if _SOUNDS.isdisjoint(roles) or weak or led else at


def _last_sound(scene: Scene, end: int) -> int:
    """The end of what sounds like a last digit behind other talk: "... five one let me see hive"."""
    for at in range(end, min(end + ASIDE_MAX, len(scene.lexemes))):
        roles = scene.lexemes[at].roles
        if is_strong(scene.lexemes[at]) or any(one.begin == at and one.context.entity_type for one in scene.mentions):
            break
        if Role.HOMOPHONE in roles or Role.ZERO in roles:
            closed = at + 1 >= len(scene.lexemes) or scene.listed(at + 1, "after_numbers")
            if closed and (at + 1 >= len(scene.lexemes) or Role.WEAK_HOMOPHONE not in roles or Role.ZERO in roles):
                return at + 1
    return end


def _leads(scene: Scene, at: int) -> bool:
    return not _LEADING.isdisjoint(scene.lexemes[at].roles)


def _opens(scene: Scene, run: Run, mention: Mention) -> bool:
    """Whether the run is the first piece of what ``mention`` announces."""
    if _counts(scene, run) or scene.listed(run.begin - 1, "arithmetic"):
        return False
    if run.letters == 1 and not run.digits and (scene.listed(run.begin, "letters_weak") or run.shape != "L"):
        return False
    if _closed(scene, run):
        return True
    strangers = sum(
        not scene.listed(at, "announcers") and not _leads(scene, at) for at in range(mention.end, run.begin)
    )
    return strangers <= STRANGERS_MAX and not scene.text(run.end).endswith("s")


def _size(run: Run) -> int:
    return run.digits + run.letters


def _joins(scene: Scene, right: Run, known: str, announced: bool, again: bool) -> bool:
    """Whether the run ``right`` may go on with a number."""
    if unit_follows(scene, right):
        return False
    before = right.begin - 1
    if not announced:
        walled = scene.listed(before, "number_walls") or scene.listed(before, "number_choices")
        return not walled and (bool(known) or may_go_on(scene, right))
    several = right.said_singly >= 3 or (right.said_singly >= 1 and _size(right) >= UNCLEAR_MIN)
    if scene.listed(before, "number_choices" if several or again else "number_walls") and not (known and several):
        return False
    plain = right.said_singly >= 2 or right.digits >= 3 or (right.letters and right.digits)
    return bool(plain) or (not _counts(scene, right) and _closed(scene, right))


def _counts(scene: Scene, run: Run) -> bool:
    """Whether the run counts something or stands for it: "two kids", "that one"."""
    if unit_follows(scene, run) or (run.letters > 2 and not run.digits):
        return True
    pronoun = run.end - run.begin == 1 and scene.listed(run.begin, "pronouns_counting")
    return pronoun and (scene.listed(run.begin - 1, "pronoun_leads") or scene.listed(run.end, "pronoun_tails"))


def _closed(scene: Scene, run: Run) -> bool:
    """Whether what follows shows that the run counts nothing: "eight thanks"."""
    after = run.end
    if after >= len(scene.lexemes):
        return True
    roles = scene.lexemes[after].roles
    if not _GOES_ON.isdisjoint(roles) or (Role.HOMOPHONE in roles and Role.WEAK_HOMOPHONE not in roles):
        return True
    return scene.listed(after, "number_closers") or scene.listed(after, "after_numbers")
