"""The page: one self-contained HTML file, audio included, that a person with the right to see both sides looks at.

Everything shown as "after" is computed from the bytes that lie in the anonymized topic. Every text is escaped, and a
content security policy keeps the page from loading or sending anything.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from html import escape
from importlib import resources

from stream.clip import PublishedWord, Segment, Subject, Why
from stream.demo import drawing
from stream.demo.clips import DemoClip
from stream.demo.results import Result, heard, is_placeholder, pcm, totals
from stream.demo.summary import Setup, Summary, share

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; media-src data:; img-src data:"
_WITHHELD_TEXT = {
    "no_consent": "The account has not agreed that people listen. The audio was not even decoded.",
    "no_main_speaker": "Nobody in it is known to have spoken to the device.",
    "main_speaker_uncertain": "It is not sure enough who spoke to the device.",
    "too_much_overlap": "Too much of the main speaker's speech has another voice over it.",
    "audio_truncated": "The recording did not arrive whole.",
    "nothing_left": "Nothing worth hearing was left.",
}


def page(summary: Summary) -> str:
    """The whole HTML document."""
    style, script = (_asset(name) for name in ("page.css", "page.js"))
    cards = "".join(_card(number, result) for number, result in enumerate(summary.results, 1))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>clipveil: before and after</title><style>{style}</style></head><body>"
        f'<main class="page">{_banner(summary)}{_legend()}{_overview(summary.results)}{cards}{_footer()}</main>'
        f"<script>{script}</script></body></html>\n"
    )


def _asset(name: str) -> str:
    return resources.files("stream.demo").joinpath("assets", name).read_text(encoding="utf-8")


# ------------------------------------------------------------------ the top of the page
def _banner(summary: Summary) -> str:
    checks = "".join(
        f'<li class="{"passed" if check.passed else "failed"}">{escape(check.text)}</li>' for check in summary.checks
    )
    return (
        "<h1>What an annotator hears, and what was there before</h1>"
        '<p class="lead">Clip events went through the service on an embedded broker. Only the voice of the person who '
        "spoke to the device came out, without spoken or written identifiers.</p>"
        '<div class="note"><p><strong>The “before” side exists only because these clips are the demonstration’s own.'
        "</strong> Nobody who works with the service’s output sees it. It comes from a telephone conversation that "
        "the pyannote.audio package ships, and from synthetic voices; accounts, numbers and addresses are invented."
        f"</p></div>{_figures(summary)}"
        f'<ul class="checks">{checks}</ul>{_setup(summary.setup)}'
    )


def _figures(summary: Summary) -> str:
    heard_in_all = totals(summary.results)
    muted = sum(result.muted_s for result in summary.results if result.output)
    withheld = len(summary.results) - summary.published
    withheld_s = summary.seconds_in - summary.seconds_kept - muted
    figures = [
        (f"{summary.published} of {len(summary.results)}", f"clips published, {withheld} withheld"),
        (f"{summary.seconds_in:.0f} s", "of sound came in"),
        (f"{summary.seconds_kept:.0f} s", f"kept; {muted:.0f} s muted, {withheld_s:.0f} s withheld"),
        (str(sum(summary.identifiers().values())), "placeholders for identifiers in the words"),
        (
            f"{100 * share(heard_in_all.others_audible_s, heard_in_all.others_s):.1f} %",
            "of the others’ speech audible in published clips",
        ),
        (
            f"{100 * share(heard_in_all.main_audible_s, heard_in_all.main_s):.0f} %",
            "of the main speakers’ speech kept, identifiers counted as lost",
        ),
    ]
    return f'<ul class="figures">{"".join(f"<li><b>{escape(n)}</b>{escape(text)}</li>" for n, text in figures)}</ul>'


def _setup(setup: Setup) -> str:
    detectors = ", ".join(f"{name} ({version})" for name, version in setup.detectors)
    rows = [
        ("Detectors", detectors or "none ran to the end"),
        ("Policy", f"version {setup.policy_version}, operating point “{setup.operating_point}”"),
        ("Ran on", f"{setup.broker}, {setup.processes} inference processes, {setup.seconds:.0f} s"),
    ]
    return '<dl class="ran">' + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in rows) + "</dl>"


def _legend() -> str:
    entries = [
        ('<i class="line" style="background:var(--main)"></i>', "main speaker"),
        ('<i class="line" style="background:var(--other)"></i>', "somebody else"),
        ('<i class="line" style="background:var(--both)"></i>', "both at once"),
        ('<i class="line" style="background:var(--kept)"></i>', "published sound"),
        ('<i style="background:var(--secret-fill);border-color:var(--secret)"></i>', "identifier"),
        ('<i style="background:var(--other-fill);border-color:var(--other)"></i>', "muted: another voice"),
        ('<i style="background:var(--nobody-fill);border-color:var(--nobody)"></i>', "muted: background"),
    ]
    marks = "".join(f"<span>{mark}{escape(text)}</span>" for mark, text in entries)
    return f'<div class="legend" role="note" aria-label="Legend">{marks}</div>'


def _overview(results: Iterable[Result]) -> str:
    rows = []
    for number, result in enumerate(results, 1):
        found = ", ".join(f"{name} {count}" for name, count in sorted(result.identifiers().items())) or "–"
        kept, muted = (f"{result.kept_s:.1f}", f"{result.muted_s:.1f}") if result.output else ("–", "–")
        rows.append(
            f'<tr><td>{number}. <a href="#clip-{number}">{escape(result.clip.title)}</a></td><td>{_badge(result)}</td>'
            f'<td class="number">{kept}</td><td class="number">{muted}</td><td>{escape(found)}</td></tr>'
        )
    head = (
        '<thead><tr><th scope="col">Clip</th><th scope="col">Outcome</th><th scope="col" class="number">Kept, s</th>'
        '<th scope="col" class="number">Muted, s</th><th scope="col">Identifiers replaced</th></tr></thead>'
    )
    return (
        f'<section class="card scroll"><h2>All clips</h2><table>{head}<tbody>{"".join(rows)}</tbody></table></section>'
    )


def _footer() -> str:
    return (
        "<footer>Speech is drawn in the colour of who truly speaks (the truth of these clips, which the service never "
        "sees); mutes, words and sound on the “after” side were read from the anonymized topic. An unmodified voice "
        "can still be recognised by someone who knows it: the output is pseudonymised, not anonymous.</footer>"
    )


# ------------------------------------------------------------------ one clip
def _card(number: int, result: Result) -> str:
    token = f'<span class="mono">{escape(result.output.clip.metadata.token)}</span>' if result.output else ""
    return (
        f'<article class="card" id="clip-{number}"><header><h2>{number}. {escape(result.clip.title)}</h2>'
        f'{_badge(result)}{token}</header><p class="origin">{escape(_measured(result))}</p>'
        f"{_sound(number, result)}{_words(result)}{_metadata(result)}</article>"
    )


def _badge(result: Result) -> str:
    wrong = ' <span class="badge wrong">had to be withheld</span>' if result.wrongly_published else ""
    if result.reason is None:
        return f'<span class="badge">published</span>{wrong}'
    return f'<span class="badge withheld">withheld: {escape(result.reason.value.replace("_", " "))}</span>{wrong}'


def _sound(number: int, result: Result) -> str:
    """Both waveforms over one axis, and a player for each."""
    clip, before, after = result.clip, f"before-{number}", f"after-{number}"
    try:
        sent = pcm(clip.flac)
    except (RuntimeError, ValueError):
        return drawing.nothing(
            f"<p class='dropped'>The bytes that came can’t be decoded to the end.</p>{_held(result)}"
        )
    rows = drawing.before(clip, sent, before)
    players = _player(before, clip.flac, "before")
    if result.output:
        rows += drawing.after(result, pcm(result.output.flac), after, drawing.scale(sent))
        players += _player(after, result.output.flac, "after")
    else:
        rows += drawing.nothing(_held(result))
    return f'<figure>{rows}{drawing.axis(clip.duration)}</figure><div class="pair players">{players}</div>'


def _measured(result: Result) -> str:
    parts = [result.clip.origin, f"{result.clip.duration:.1f} s"]
    if result.output:
        figures, muted = heard(result), result.muted_by_reason()
        parts.append(f"{result.kept_s:.1f} s kept")
        parts += [f"{muted[why]:.1f} s muted: {drawing.WHY_TEXT[why]}" for why in Why if muted.get(why)]
        if figures.others_s:
            leaked = 100 * share(figures.others_audible_s, figures.others_s)
            parts.append(f"{leaked:.1f} % of the others’ speech audible")
    return " · ".join(parts)


def _held(result: Result) -> str:
    record = result.withheld
    if record is None:
        return ""
    said = _WITHHELD_TEXT.get(record.reason.value, "It could not be vouched for.")
    where = record.coordinates
    whole = f"topic {where.topic}, partition {where.partition}, offset {where.offset}, reason {record.reason.value}, "
    whole += f"policy {record.policy_version}"
    return (
        f'<div class="nothing"><p><strong>Nothing of this clip left.</strong> {escape(said)}</p>'
        f'<p>All that was written of it: <span class="mono">{escape(whole)}</span></p></div>'
    )


def _player(lane: str, flac: bytes, side: str) -> str:
    sound = base64.b64encode(flac).decode("ascii")
    return (
        f'<div><h3 id="listen-{lane}">Listen: {side}</h3><audio controls preload="metadata" data-lane="{lane}" '
        f'aria-labelledby="listen-{lane}" src="data:audio/flac;base64,{sound}"></audio></div>'
    )


# ------------------------------------------------------------------ words and metadata
def _words(result: Result) -> str:
    published = result.output.clip.words if result.output else ()
    after = " ".join(_published_word(word) for word in published) or '<span class="dropped">nothing</span>'
    return (
        f'<div class="pair"><div><h3>Words before</h3><p class="said">{_spoken(result.clip) or "none"}</p></div>'
        f'<div><h3>Words after</h3><p class="said">{after}</p></div></div>'
    )


def _spoken(clip: DemoClip) -> str:
    """The device's transcript, coloured by who truly speaks, the true identifiers marked."""
    starts, ends = {span.first: span for span in clip.spans}, {span.last for span in clip.spans}
    parts = []
    for at, word in enumerate(clip.words):
        opened = f'<mark title="{escape(starts[at].entity_type)}">' if at in starts else ""
        closed = "</mark>" if at in ends else ""
        parts.append(f'{opened}<span class="{_who(clip, word.segment)}">{escape(word.text)}</span>{closed}')
    return " ".join(parts)


def _who(clip: DemoClip, segment: Segment | None) -> str:
    """Whose turn covers most of a word."""
    if segment is None:
        return "nobody"

    def covered(turns: Iterable[Segment]) -> float:
        return sum(max(0.0, min(t.end, segment.end) - max(t.start, segment.start)) for t in turns)

    main, other = map(covered, clip.speech())
    return "nobody" if main == other == 0.0 else "main" if main >= other else "other"


def _published_word(word: PublishedWord) -> str:
    if not is_placeholder(word.text):
        return f'<span class="kept">{escape(word.text)}</span>'
    name = word.text[1:-1].lower()
    kind = name if name in (Why.BYSTANDER, Why.BACKGROUND) else Why.IDENTIFIER.value
    return f'<span class="chip {kind}">{escape(word.text)}</span>'


def _metadata(result: Result) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="mono">{escape(before)}</td><td>{after}</td></tr>'
        for name, before, after in _fields(result)
    )
    return (
        "<details><summary>The event’s other fields, before and after</summary><div class='scroll'><table><thead><tr>"
        '<th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _fields(result: Result) -> list[tuple[str, str, str]]:
    """(name, before, after as HTML); what is not coarsened or made a token is dropped."""
    event = result.clip.event
    dropped = '<span class="dropped">dropped</span>'
    kept = {"clip id": dropped, "captured at": dropped, "device model": dropped, "locale": dropped}
    if result.output:
        metadata = result.output.clip.metadata
        kept["clip id"] = f'token <span class="mono">{escape(metadata.token)}</span>'
        kept["captured at"] = f"hour {escape(_time(metadata.captured_hour))}"
        kept["device model"] = f"family “{escape(metadata.device_family)}”"
        kept["locale"] = f"language “{escape(metadata.language)}”"
    before = {
        "clip id": event.clip_id,
        "event id": event.event_id,
        "captured at": _time(event.captured_at),
        "device model": event.device_model,
        "locale": event.locale,
        **_subject(event.subject),
        "consent": f"{'yes' if event.consent.human_review else 'no'}, version {event.consent.version}",
        "intent": event.intent or "–",
        "slots": ", ".join(f"{name} = {value}" for name, value in event.slots.items()) or "–",
        "attributes": ", ".join(f"{name} = {value}" for name, value in event.attributes.items()) or "–",
    }
    return [(name, text, kept.get(name, dropped)) for name, text in before.items()]


def _subject(subject: Subject) -> dict[str, str]:
    values = {name.replace("_", " "): str(value) for name, value in vars(subject).items()}
    values["place"] = ", ".join(values.pop(name) for name in ("city", "postcode", "latitude", "longitude"))
    return values


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
