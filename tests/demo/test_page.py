from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from stream.clip import PublishedWord, Segment, Transcript, Word
from stream.demo.clips import DemoClip, Span
from stream.demo.page import page
from stream.demo.results import Output, Result
from stream.demo.summary import Check, Summary
from tests.demo.truth import SETUP, named, true_result

HOSTILE = '<script>alert("1")</script>\'"&'


class Elements(HTMLParser):
    """All elements and attributes, and whether every element is closed."""

    VOID = frozenset({"meta", "br", "img", "input", "link"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


def shown(*names: str) -> str:
    results = tuple(true_result(named(name)) for name in names)
    return page(Summary(results, SETUP, (Check("0 of 9 identifiers found", passed=True),)))


@pytest.fixture(scope="module")
def html() -> str:
    return shown("diane-1", "own-card", "own-no-consent", "own-cut-off")


def test_nothing_is_loaded_from_elsewhere(html: str) -> None:
    """No element names another file or host, and the page's own policy forbids it."""
    elements = Elements(html)
    assert elements.open == []
    for _, attributes in elements.seen:
        for name in ("src", "href", "action", "poster", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:audio/flac;base64,"))
    assert "default-src 'none'" in (elements.every("meta")[2]["content"] or "")
    assert not re.search(r"@import|url\(", html)


def test_the_published_bytes_can_be_played(html: str) -> None:
    """The players hold the bytes sent and the very bytes published."""
    players = [one for one in Elements(html).every("audio") if one["data-lane"] == "after-1"]
    result = true_result(named("diane-1"))
    assert result.output is not None
    sound = (players[0]["src"] or "").removeprefix("data:audio/flac;base64,")
    assert result.output.flac == base64.b64decode(sound)


def test_withheld_clips_have_no_after(html: str) -> None:
    """Only the record of coordinates and reason is shown."""
    lanes = {one["id"] for one in Elements(html).every("div") if one.get("class") == "lane"}
    assert {"before-1", "after-1", "before-2", "after-2", "before-3"} == lanes
    assert "reason no_consent" in html
    assert "can’t be decoded to the end" in html


def test_mutes_carry_their_reason(html: str) -> None:
    """Each mute is a band of its kind with a text, so that colour is not all there is."""
    bands = [one for one in Elements(html).every("span") if (one.get("class") or "").startswith("band mute")]
    kinds = {(one["class"] or "").split()[-1] for one in bands}
    assert {"identifier", "bystander", "background"} == kinds
    assert all(one["title"] for one in bands)


def test_every_waveform_and_player_has_a_name(html: str) -> None:
    """For those who can't see it."""
    elements = Elements(html)
    ids = {attributes["id"] for _, attributes in elements.seen if attributes.get("id")}
    assert all(one["aria-label"] for one in elements.every("svg"))
    assert all(one["aria-labelledby"] in ids for one in elements.every("audio"))
    assert elements.every("html")[0]["lang"] == "en"


def hostile(clip: DemoClip) -> DemoClip:
    """The clip with markup in every text."""
    words = tuple(Word(HOSTILE, Segment(n / 2, n / 2 + 0.4)) for n in range(3))
    subject = replace(clip.event.subject, account_id=HOSTILE, city=HOSTILE)
    event = replace(
        clip.event,
        clip_id=HOSTILE,
        event_id=HOSTILE,
        device_model=HOSTILE,
        locale=HOSTILE,
        intent=HOSTILE,
        slots={HOSTILE: HOSTILE},
        attributes={HOSTILE: HOSTILE},
        subject=subject,
        transcripts=(Transcript(words),),
    )
    spans = (Span(0, 1, HOSTILE),)
    voices = tuple((speaker, HOSTILE) for speaker, _ in clip.voices)
    return replace(clip, event=event, title=HOSTILE, origin=HOSTILE, voices=voices, spans=spans)


def test_texts_are_escaped() -> None:
    """Markup in any text of event, truth or output is shown, not obeyed."""
    result = true_result(named("own-email"))
    assert result.output is not None
    output = result.output.clip
    words = (PublishedWord(HOSTILE, Segment(0.0, 1.0)), PublishedWord(f"<{HOSTILE}>", Segment(1.0, 2.0)))
    mutes = tuple(replace(mute, entity_type=HOSTILE) for mute in output.mutes)
    metadata = replace(output.metadata, token=HOSTILE, language=HOSTILE, device_family=HOSTILE)
    leaky = Output(replace(output, words=words, mutes=mutes, metadata=metadata), result.output.flac)
    setup = replace(SETUP, broker=HOSTILE, policy_version=HOSTILE, detectors=((HOSTILE, HOSTILE),))
    html = page(Summary((Result(hostile(result.clip), leaky),), setup, (Check(HOSTILE, passed=False),)))
    assert HOSTILE not in html
    assert "<script>alert" not in html
    assert len(Elements(html).every("script")) == 1
