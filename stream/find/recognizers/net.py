"""E-mail addresses, web addresses and user names as they are said: "john dot smith at i cloud dot com"."""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.cues import is_strong
from stream.find.language import Role
from stream.find.spans import Scene, Span

HOST_REACH = 5  # lexemes between "at" and the first "dot"
LOCAL_REACH = 14  # lexemes of a local part
HANDLE_REACH = 8  # lexemes of a user name
_RECOGNIZER = "net"
_GLUE = "._-/+:"


def find_net(scene: Scene) -> Iterator[Span]:
    """Every address that ends in "dot" and a top-level domain, or names a mail host after "at"."""
    yield from _written(scene)
    done = -1
    at = 0
    while at < len(scene.lexemes):
        end = _domain_end(scene, at)
        if end and at > done:
            yield _address(scene, at, end)
            done = at = end
        at += 1
    yield from _known_hosts(scene, done)
    yield from _handles(scene)


def _written(scene: Scene) -> Iterator[Span]:
    for at, lexeme in enumerate(scene.lexemes):
        if lexeme.text.startswith("@") and len(lexeme.text) > 1:
            yield Span(lexeme.first, lexeme.last, "USERNAME", 0.9, _RECOGNIZER)
        elif lexeme.has(Role.MAIL):
            end = _domain_end(scene, at + 1) or at + 1  # half written: "jack@gmail dot com"
            yield Span(lexeme.first, scene.lexemes[end - 1].last, "EMAIL_ADDRESS", 0.95, _RECOGNIZER)
        elif lexeme.has(Role.HOST) and _has_domain(scene, lexeme.text):
            at_sign = _at_sign_before(scene, at)
            if at_sign is None:
                yield Span(lexeme.first, _path_end(scene, at + 1), "URL", 0.8, _RECOGNIZER)
            else:
                begin = _local_begin(scene, at_sign)
                yield Span(scene.lexemes[begin].first, lexeme.last, "EMAIL_ADDRESS", 0.95, _RECOGNIZER)
        elif lexeme.has(Role.ADDRESS_IP):
            yield Span(lexeme.first, lexeme.last, "IP_ADDRESS", 0.95, _RECOGNIZER)


def _has_domain(scene: Scene, text: str) -> bool:
    """Whether a written host ends in a known domain: two sentences glued by a full stop do not."""
    host = text.split("://")[-1].split("/")[0].split(":")[0]
    return "://" in text or host.rsplit(".", 1)[-1] in scene.language.listed("top_level_domains")


def _dot(scene: Scene, at: int) -> bool:
    return 0 <= at < len(scene.lexemes) and scene.lexemes[at].roles.get(Role.SYMBOL) == "."


def _top_level(scene: Scene, at: int) -> int:
    """The lexeme after a top-level domain that begins at ``at``, or 0."""
    if scene.text(at).replace(" ", "") in scene.language.listed("top_level_domains"):
        return at + 1
    spelled = "".join(text for text in (scene.text(at), scene.text(at + 1), scene.text(at + 2)) if len(text) == 1)
    for size in (3, 2):
        if len(spelled) >= size and spelled[:size] in scene.language.listed("top_level_domains"):
            return at + size
    return 0


def _domain_end(scene: Scene, at: int) -> int:
    """The lexeme after the last "dot TLD" of a domain whose first such dot is at ``at``, or 0."""
    if not _dot(scene, at) or at == 0:
        return 0
    step = at + 1
    while (
        step < len(scene.lexemes)
        and scene.lexemes[step].has(Role.FILLER)
        and not scene.listed(step, "top_level_domains")
    ):
        step += 1
    end = _top_level(scene, step)
    if not end:
        return 0
    while _dot(scene, end) and (further := _top_level(scene, end + 1)):
        end = further
    return end


def _address(scene: Scene, dot: int, end: int) -> Span:
    """The address around a domain's first top-level dot."""
    at_sign = _at_sign_before(scene, dot)
    if at_sign is not None and _has_local_part(scene, at_sign):
        begin = _local_begin(scene, at_sign)
        return Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, "EMAIL_ADDRESS", 0.95, _RECOGNIZER)
    begin = _host_begin(scene, dot)
    return Span(scene.lexemes[begin].first, _path_end(scene, end), "URL", 0.85, _RECOGNIZER)


def _at_sign_before(scene: Scene, dot: int) -> int | None:
    for at in range(dot - 1, max(-1, dot - 2 - HOST_REACH * 2), -1):
        if scene.lexemes[at].roles.get(Role.SYMBOL) == "@" and (at + 1 < dot or scene.lexemes[dot].has(Role.HOST)):
            return at
    return None


def _has_local_part(scene: Scene, at_sign: int) -> bool:
    """Whether something stands before "at" that can belong to an address: "it's at ..." has nothing."""
    before = at_sign - 1
    while before >= 0 and scene.lexemes[before].has(Role.FILLER):
        before -= 1
    return before >= 0 and _belongs(scene, before, glued=False)


def _local_begin(scene: Scene, at_sign: int) -> int:
    """Where the local part before "at" begins."""
    begin = at_sign
    while begin > 0 and at_sign - begin < LOCAL_REACH:
        before = begin - 1
        if not _belongs(scene, before, glued=_is_glue(scene, begin)):
            break
        begin = before
    while begin < at_sign - 1 and scene.lexemes[begin].has(Role.FILLER) and not scene.lexemes[begin].has(Role.LETTER):
        begin += 1
    return min(begin, max(0, at_sign - 1))


def _is_glue(scene: Scene, at: int) -> bool:
    return scene.lexemes[at].roles.get(Role.SYMBOL, " ") in _GLUE


def _belongs(scene: Scene, at: int, glued: bool) -> bool:
    """Whether the lexeme at ``at`` is part of an address that goes on to its right."""
    if glued or _is_glue(scene, at) or scene.listed(at, "net_remarks") or is_strong(scene.lexemes[at]):
        return True
    return not scene.listed(at, "net_stops") or _spelled_neighbour(scene, at)


def _spelled_neighbour(scene: Scene, at: int) -> bool:
    """A single letter such as "a" or "i" between letters."""
    return len(scene.text(at)) == 1 and (len(scene.text(at - 1)) == 1 or len(scene.text(at + 1)) == 1)


def _host_begin(scene: Scene, dot: int) -> int:
    begin = dot
    while begin > 0 and dot - begin < LOCAL_REACH:
        glued = begin == dot or _is_glue(scene, begin)
        if not glued and not scene.listed(begin - 1, "host_words") and not _belongs(scene, begin - 1, glued=False):
            break
        begin -= 1
    return min(begin, dot - 1)


def _path_end(scene: Scene, end: int) -> int:
    """The last word of an address whose domain ends before lexeme ``end``: "slash word" goes on."""
    while end + 1 < len(scene.lexemes) and scene.lexemes[end].roles.get(Role.SYMBOL) in ("/", "?", "#", ":"):
        end += 2
        while end < len(scene.lexemes) and (_is_glue(scene, end) or _is_glue(scene, end - 1)):
            end += 1
    return scene.lexemes[min(end, len(scene.lexemes)) - 1].last


def _known_hosts(scene: Scene, done: int) -> Iterator[Span]:
    """ "smith seven at gmail" without an ending."""
    for at in range(max(1, done + 1), len(scene.lexemes) - 1):
        if scene.lexemes[at].roles.get(Role.SYMBOL) != "@":
            continue
        host = (
            scene.text(at + 1) if scene.listed(at + 1, "mail_hosts") else f"{scene.text(at + 1)} {scene.text(at + 2)}"
        )
        if host in scene.language.listed("mail_hosts") - scene.language.listed("mail_hosts_weak"):
            begin = _local_begin(scene, at)
            end = at + 1 + len(host.split())
            yield Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, "EMAIL_ADDRESS", 0.85, _RECOGNIZER)


def _handles(scene: Scene) -> Iterator[Span]:
    """User names and passwords: "my handle is ...", up to the next word that can't be part of one."""
    for leads, entity_type in (("handle_leads", "USERNAME"), ("secret_leads", "PIN")):
        yield from _after_leads(scene, scene.language.listed(leads), entity_type)


def _after_leads(scene: Scene, leads: frozenset[str], entity_type: str) -> Iterator[Span]:
    texts = [lexeme.text for lexeme in scene.lexemes]
    for at in range(1, len(texts)):
        spoken = " ".join(texts[max(0, at - 3) : at]).split()
        if any(" ".join(spoken[-size:]) in leads for size in (2, 3) if len(spoken) >= size):
            end = at
            while (
                end < len(texts)
                and end - at < HANDLE_REACH
                and _belongs(scene, end, glued=end > at and _is_glue(scene, end - 1))
            ):
                end += 1
            if end > at:
                yield Span(scene.lexemes[at].first, scene.lexemes[end - 1].last, entity_type, 0.8, _RECOGNIZER)
