"""What is let pass where nothing announces a number: clock times, years, quantities, scores; two of them together."""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.language import Role
from stream.find.recognizers.pieces import unit_follows
from stream.find.runs import HOUR_MAX, Run, make_run
from stream.find.spans import Mention, Scene

HOUR_DIGITS = 2
DRAWN_MAX = 2  # characters of one number that is drawn
GAME_MAX = 12  # characters: six numbers of two digits
GAME_SINGLY_MAX = 6  # digits said one by one: a telephone number has more
TYPED_MAX = 3  # digits of a score or channel as it is written
COUNT_MIN = 6  # numbers: a shorter count may be of anything
COUNT_ENDS = ("0", "1")  # of counting down
ANNOUNCED_REACH = 4  # lexemes between "tax number" and what it announces
LED_MAX = 6  # characters of what is numbered, letters among them: "seat twelve b and twelve c"


def is_harmless(scene: Scene, run: Run) -> bool:
    """The allow-list: shapes that no identifier without a context word has, or that a unit or lead explains."""
    typed = run.shape == "D"
    if not typed and (run.is_cardinal() or run.is_year() or run.is_time() or run.is_price()):
        return True
    if run.is_count() and is_counting(scene, run):
        return True
    if run.shape == "DD" and run.is_clock() and scene.listed(run.begin - 1, "time_leads"):
        return True
    if typed and run.digits == 4 and run.values[0][:2] in ("19", "20"):
        return True
    if unit_follows(scene, run):
        return True
    if run.dots == 1 and len(run.elements) >= 3 and run.digits <= 8 and run.said_singly < 8:
        return True  # a decimal number
    if run.digits <= 4 and is_led(scene, run, "quantity_leads"):
        return True
    if typed and run.digits <= 4 and is_led(scene, run, "year_leads"):
        return True
    if set(run.shape) == {"D"} and all(len(one.written) <= TYPED_MAX for one in run.elements):
        return len(run.elements) == 2 and is_led(scene, run, "quantity_leads")  # "final score 108 100"
    return _several(scene, run)


def is_counting(scene: Scene, run: Run) -> bool:
    """Whether a run that counts up or down is no number: none is announced, and it ends where counting ends.

    "My tax number is nine eight seven six five four three two one" is one, and so is "nine eight dash seven".
    """
    if any(element.shape == "S" for element in run.elements):
        return False
    told = (one for one in scene.mentions if one.end <= run.begin and _announces(scene, one, run.begin))
    if any(told):
        return False
    short = len(run.elements) < COUNT_MIN or run.elements[-1].written in COUNT_ENDS or run.elements[0].written == "1"
    return short or scene.says("counting")


def _announces(scene: Scene, mention: Mention, begin: int) -> bool:
    """Whether the context word names an identifier, and nothing but "is" and hesitation lies before ``begin``."""
    said = range(mention.begin, mention.end)
    if not mention.context.entity_type and not any(scene.listed(at, "identifier_nouns") for at in said):
        return False
    between = range(mention.end, begin)
    return len(between) <= ANNOUNCED_REACH and all(
        scene.lexemes[at].has(Role.CODE_LEAD) or scene.lexemes[at].has(Role.FILLER) or scene.listed(at, "announcers")
        for at in between
    )


def is_harmless_mix(scene: Scene, run: Run) -> bool:
    """ "4 k", "b 12", "six forty five a m", "ninety eight point six f m", "a four k sixty hertz screen"."""
    value = run.values[0]
    size = run.letters + run.digits
    if size <= LED_MAX and run.said_singly <= 1 and scene.listed(run.end, "quantity_units"):
        return True
    if size <= LED_MAX and run.said_singly <= 1 and is_led(scene, run, "seat_leads"):
        return True
    if (size <= 4 and (run.digits <= 1 or run.letters <= 1)) or (size <= 5 and run.digits <= 1):
        return True
    tail = value[len(value.rstrip("abcdefghijklmnopqrstuvwxyz")) :]
    return tail in scene.language.listed("quantity_letters") and value[: -len(tail)].isdigit() and run.digits <= 4


def is_game(scene: Scene, run: Run) -> bool:
    """Whether numbers are drawn or called out: "lotto", "bingo"; all that the transcript says are as many as that, each
    of two characters at most, and nothing announces an identifier."""
    if run.digits + run.letters > GAME_MAX or scene.language.listed("number_games").isdisjoint(scene.texts):
        return False
    if any(len(element.written) > DRAWN_MAX for element in run.elements):
        return False
    told = (one for one in scene.mentions if one.end <= run.begin and not scene.listed(one.end - 1, "number_draws"))
    if any(_announces(scene, one, run.begin) for one in told):
        return False
    singly = sum(one.said_singly for one in scene.runs)
    return singly <= GAME_SINGLY_MAX and sum(one.digits + one.letters for one in scene.runs) <= GAME_MAX


def is_led(scene: Scene, run: Run, name: str) -> bool:
    """Whether one of the two lexemes before the run is in the list ``name``."""
    return any(scene.listed(run.begin - step, name) for step in (1, 2))


def is_hour(scene: Scene, run: Run) -> bool:
    """Whether each part of the run, after "at" and the like, is a time of the day: "at six not seven"."""
    if run.letters or not scene.listed(run.begin - 1, "hour_leads"):
        return False
    return all(_is_hour(one) for one in parts(scene, run))


def _is_hour(run: Run) -> bool:
    if run.digits <= HOUR_DIGITS and run.is_cardinal():
        return int(run.values[0]) <= HOUR_MAX
    return run.is_clock() and run.is_time()


def _several(scene: Scene, run: Run) -> bool:
    """Two harmless numbers that a repair or a word between ran together: "from two to three thirty"."""
    led = scene.listed(run.begin - 1, "time_leads") or is_led(scene, run, "quantity_leads")
    if run.letters or not led or run.said_singly > 2 * TYPED_MAX:
        return False
    pieces = list(parts(scene, run))
    return len(pieces) > 1 and all(_is_part(one) for one in pieces) and any(len(one.elements) > 1 for one in pieces)


def _is_part(run: Run) -> bool:
    typed_time = run.shape in ("DD", "DDD") and run.is_clock()
    single = len(run.elements) == 1 and run.digits <= TYPED_MAX
    return single or typed_time or run.is_cardinal() or run.is_year() or run.is_time()


def parts(scene: Scene, run: Run, hesitation: bool = False) -> Iterator[Run]:
    """The run cut where a repair, a joining word or a word that only sounds like a digit stands in it, or a filler."""
    breaks = [at for at in range(run.begin, run.end) if _breaks(scene, at, hesitation)]
    for begin, end in zip([run.begin, *(at + 1 for at in breaks)], [*breaks, run.end], strict=True):
        words = range(scene.lexemes[begin].first, scene.lexemes[end - 1].last + 1) if end > begin else ()
        elements = [one for one in run.elements if one.first in words and one.shape != "S"]
        if elements:
            yield make_run(elements, begin, end, repaired=False)


def _breaks(scene: Scene, at: int, hesitation: bool) -> bool:
    roles = scene.lexemes[at].roles
    return Role.REPAIR in roles or (hesitation and Role.FILLER in roles) or scene.listed(at, "number_breaks")
