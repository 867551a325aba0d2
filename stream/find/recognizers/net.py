"""E-mail and web addresses as they are said: "john dot smith at i cloud dot com"."""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.language import Role
from stream.find.recognizers.handles import find_handles
from stream.find.recognizers.machines import find_machines
from stream.find.recognizers.paths import belongs, is_glue, path_end
from stream.find.recognizers.phrases import phrase_at, phrase_before, places_at, remarked
from stream.find.spans import Scene, Span

HOST_REACH = 5  # lexemes between "at" and the first "dot"
LOCAL_REACH = 14  # lexemes of a local part
LOOSE_MAX = 4  # words of grammar inside a local part that is announced
HOST_WORDS_MAX = 4  # lexemes of a well-known host
_RECOGNIZER = "net"
_WRITTEN = frozenset({Role.MAIL, Role.HOST, Role.ADDRESS_IP})


def find_net(scene: Scene) -> Iterator[Span]:
    """Addresses that end in "dot" and a top-level domain, or name a mail host after "at"; user names; machines."""
    yield from _written(scene)
    done = -1
    for at in scene.signs:
        if at > done and (end := _domain_end(scene, at)):
            yield _address(scene, at, end)
            done = end
    yield from _known_hosts(scene, done)
    yield from _schemes(scene)
    yield from find_handles(scene)
    yield from _local_hosts(scene)
    for machine in find_machines(scene):
        yield machine
        last = path_end(scene, next((at for at, one in enumerate(scene.lexemes) if one.first > machine.last), 1 << 30))
        if last > machine.last:
            yield Span(machine.first, last, machine.entity_type, machine.score, _RECOGNIZER)


def _local_hosts(scene: Scene) -> Iterator[Span]:
    """ "localhost colon eight thousand"."""
    for at, end in places_at(scene, "hosts_local"):
        if (last := path_end(scene, end)) > scene.lexemes[end - 1].last:
            yield Span(scene.lexemes[at].first, last, "URL", 0.85, _RECOGNIZER)


def _written(scene: Scene) -> Iterator[Span]:
    for at in [at for at in scene.telling if not _WRITTEN.isdisjoint(scene.lexemes[at].roles)]:
        lexeme = scene.lexemes[at]
        if lexeme.has(Role.MAIL):
            yield _half_written(scene, at)
        elif lexeme.has(Role.HOST) and _has_domain(scene, lexeme.text):
            at_sign = _at_sign_before(scene, at)
            last = path_end(scene, at + 1)
            if at_sign is None or last > lexeme.last:
                yield Span(lexeme.first, last, "URL", 0.8, _RECOGNIZER)
            else:
                begin = _local_begin(scene, at_sign)
                yield Span(scene.lexemes[begin].first, lexeme.last, "EMAIL_ADDRESS", 0.95, _RECOGNIZER)
        elif lexeme.has(Role.ADDRESS_IP):
            yield Span(lexeme.first, lexeme.last, "IP_ADDRESS", 0.95, _RECOGNIZER)


def _half_written(scene: Scene, at: int) -> Span:
    """ "jack@gmail dot com", "jack @gmail.com", "jack@ g mail dot com"; a user name where no host follows the sign."""
    lexeme = scene.lexemes[at]
    host = lexeme.text.rpartition("@")[2]
    dot = next((place for place in range(at + 1, at + 2 + HOST_REACH) if _domain_end(scene, place)), 0)
    glued = dot == at + 1 or (dot and not host)
    end = _domain_end(scene, dot) if glued else at + 1
    begin = at
    if lexeme.text.startswith("@"):
        if not glued and host not in scene.language.listed("mail_hosts") and not _has_domain(scene, host):
            return Span(lexeme.first, lexeme.last, "USERNAME", 0.9, _RECOGNIZER)
        begin = _local_begin(scene, at)
    elif at and is_glue(scene, at - 1):
        begin = _local_begin(scene, at)
    return Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, "EMAIL_ADDRESS", 0.95, _RECOGNIZER)


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
    last = path_end(scene, end)
    if at_sign is not None and last == scene.lexemes[end - 1].last and _has_local_part(scene, at_sign):
        begin = _local_begin(scene, at_sign)
        return Span(scene.lexemes[begin].first, last, "EMAIL_ADDRESS", 0.95, _RECOGNIZER)
    begin = at_sign + 1 if at_sign is not None else _host_begin(scene, dot)
    return Span(scene.lexemes[begin].first, last, "URL", 0.85, _RECOGNIZER)


def _at_sign_before(scene: Scene, dot: int) -> int | None:
    """The "at" before a host, or the word that was heard in its place before a host of mail: "smith that gmail"."""
    for at in range(dot - 1, max(-1, dot - 2 - HOST_REACH * 2), -1):
        if scene.lexemes[at].roles.get(Role.SYMBOL) == "@" and (at + 1 < dot or scene.lexemes[dot].has(Role.HOST)):
            return at
        host = " ".join(scene.text(place) for place in range(at + 1, dot))
        if scene.listed(at, "at_sounds") and host in scene.language.listed("mail_hosts"):
            return at
    return None


def _has_local_part(scene: Scene, at_sign: int) -> bool:
    """Whether something stands before "at" that can belong to an address: "it's at ..." has nothing."""
    before = at_sign - 1
    while before >= 0 and scene.lexemes[before].has(Role.FILLER):
        before -= 1
    if scene.listed(before, "web_nouns"):
        return False
    if before >= 0 and belongs(scene, before, glued=before > 0 and is_glue(scene, before - 1)):
        return True
    return scene.says("net_ats") and _local_begin(scene, at_sign) < at_sign - 1


def _local_begin(scene: Scene, at_sign: int) -> int:
    """Where the local part before "at" begins.

    A word of grammar ends it, unless an announcing word stands before that: "my email is the real jack at ...".
    """
    begin = at_sign
    loose = 0
    for before in range(at_sign - 1, max(-1, at_sign - 1 - LOCAL_REACH), -1):
        glued = is_glue(scene, before + 1) or (before > 0 and is_glue(scene, before - 1))
        if not belongs(scene, before, glued) and not remarked(scene, before):
            if not loose:
                begin = before + 1
            if scene.listed(before, "net_leads") or phrase_before(scene, before + 1, "net_ats"):
                begin = before + 1
                break
            loose += 1
            if loose > LOOSE_MAX or scene.listed(before, "net_walls"):
                break
        elif not loose:
            begin = before
    while begin < at_sign - 1 and scene.lexemes[begin].has(Role.FILLER) and not scene.lexemes[begin].has(Role.LETTER):
        begin += 1
    return min(begin, max(0, at_sign - 1))


def _host_begin(scene: Scene, dot: int) -> int:
    begin = dot
    for size in range(min(dot, HOST_WORDS_MAX), 0, -1):
        if phrase_at(scene, dot - size, "host_phrases") == size:
            return dot - size  # "go fund me", grammar all over
    while begin > 0 and dot - begin < LOCAL_REACH:
        glued = begin == dot or is_glue(scene, begin)
        if not glued and not scene.listed(begin - 1, "host_words") and not belongs(scene, begin - 1, glued=False):
            break
        begin -= 1
    return min(_announced(scene, begin), dot - 1)


def _announced(scene: Scene, begin: int) -> int:
    """Where a host begins behind "my site is", over words of grammar: "my site is anna cooks food dot com"."""
    for at in range(begin, max(0, begin - LOOSE_MAX), -1):
        if phrase_before(scene, at, "url_announcing"):
            return at
        if scene.listed(at - 1, "net_walls"):
            break
    return begin


def _schemes(scene: Scene) -> Iterator[Span]:
    """What begins with "h t t p", "w w w" or the like, whatever its ending."""
    for at, begin in places_at(scene, "url_schemes"):
        end = begin
        while end < len(scene.lexemes) and (is_glue(scene, end) or scene.lexemes[end].has(Role.MULTIPLIER)):
            end += 1
        if end == begin and not phrase_at(scene, at, "url_schemes_glued"):
            continue
        while end < len(scene.lexemes) and (
            is_glue(scene, end) or is_glue(scene, end - 1) or belongs(scene, end, glued=False)
        ):
            end += 1
        if any(is_glue(scene, place) for place in range(begin, end)):
            yield Span(scene.lexemes[at].first, scene.lexemes[end - 1].last, "URL", 0.85, _RECOGNIZER)


def _known_hosts(scene: Scene, done: int) -> Iterator[Span]:
    """ "smith seven at gmail" without an ending."""
    hosts, weak = scene.language.listed("mail_hosts"), scene.language.listed("mail_hosts_weak")
    for at in scene.signs:
        if not max(1, done + 1) <= at < len(scene.lexemes) - 1 or scene.lexemes[at].roles.get(Role.SYMBOL) != "@":
            continue
        host = (
            scene.text(at + 1) if scene.listed(at + 1, "mail_hosts") else f"{scene.text(at + 1)} {scene.text(at + 2)}"
        )
        if host in hosts and host not in weak:
            begin = _local_begin(scene, at)
            end = at + 1 + len(host.split())
            yield Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, "EMAIL_ADDRESS", 0.85, _RECOGNIZER)
