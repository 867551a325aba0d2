from __future__ import annotations

import json
from dataclasses import replace

import pytest

from stream.clip import PublishedWord, Segment
from stream.demo.results import Output, Result
from stream.demo.summary import Summary, as_json, checked, leaks
from tests.demo.truth import SETUP, all_clips, named, record, true_result


def with_words(result: Result, text: str) -> Result:
    """The same result with other published words."""
    assert result.output is not None
    words = tuple(PublishedWord(word, Segment(n, n + 1.0)) for n, word in enumerate(text.split()))
    return Result(result.clip, Output(replace(result.output.clip, words=words), result.output.flac))


def test_a_clean_output_passes() -> None:
    """Perfect detectors lead to an output in which no identifier of any clip is found."""
    results = [true_result(clip) for clip in all_clips()]
    records = [record(result.output.flac) for result in results if result.output]
    assert [True] * 5 == [check.passed for check in checked(results, records, ["{}"])]


@pytest.mark.parametrize(
    ("value", "key", "text"),
    [
        (b"..acct-480977..", b"key", ""),
        (b"..ACCT-480977..", b"key", ""),
        (b"", b"SN-QX7031337", ""),
        (b"", b"key", '{"event": "198.51.100.11"}'),
        (b"4111111111111111", b"key", ""),
    ],
)
def test_an_identifier_anywhere_is_found(value: bytes, key: bytes, text: str) -> None:
    """In a record's value, in its key, in the log; in any case of letters."""
    clip = named("own-card")
    assert leaks([clip], [], [record(b"clean")], ["clean"]).passed
    assert not leaks([clip], [], [record(value, key)], [text]).passed


@pytest.mark.parametrize("text", ["mail Marta Kowalski, at example.dot com", "call lorenzo please", "in Springfield!"])
def test_an_identifier_in_the_words_is_found(text: str) -> None:
    """Words are compared without case and punctuation, since tokens carry both."""
    clips = [named("own-card"), named("own-email"), named("own-address")]
    leaky = with_words(true_result(named("own-timer")), text.replace("example.dot", "example dot"))
    assert not leaks(clips, [leaky], [], []).passed


def test_the_check_says_how_much_and_never_what() -> None:
    """Its text has numbers only, also when something was found."""
    check = leaks([named("own-card")], [], [record(b"acct-480977")], [])
    assert check.text.startswith("1 of ")
    assert "acct" not in check.text


def test_a_clip_that_must_be_withheld_and_was_not_fails() -> None:
    """The demonstration doesn't succeed then."""
    result = true_result(named("own-timer"))
    wrong = replace(result, clip=replace(result.clip, withhold=True))
    assert not Summary((wrong,), SETUP, checked([wrong], [], [])).passed
    assert Summary((result,), SETUP, checked([result], [], [])).passed


def test_withholding_every_clip_of_a_group_fails() -> None:
    """A demonstration in which one speaker is never heard shows nothing of that speaker."""
    diane, sheila = true_result(named("diane-1")), true_result(named("sheila-1"))
    withheld = Result(sheila.clip, withheld=true_result(named("own-no-consent")).withheld)
    assert Summary((diane, sheila), SETUP, checked([diane, sheila], [], [])).passed
    assert not Summary((diane, withheld), SETUP, checked([diane, withheld], [], [])).passed


def test_an_identifier_that_is_heard_fails() -> None:
    """One sample left in a spoken identifier is enough."""
    clip = named("own-card")
    result = true_result(clip)
    assert result.output is not None
    loud = Result(clip, Output(result.output.clip, clip.flac))
    assert not Summary((loud,), SETUP, checked([loud], [], [])).passed


def test_the_json_has_figures_and_no_content() -> None:
    """What machines read can be kept where clips can't."""
    results = tuple(true_result(clip) for clip in all_clips())
    figures = as_json(Summary(results, SETUP, checked(results, [], [])))
    told = json.dumps(figures | {"outcomes": [{**row, "clip": ""} for row in figures["outcomes"]]})  # names are ours
    for clip in all_clips():
        for identifier in clip.identifiers():
            assert identifier not in told
    assert figures["published"] + figures["withheld"] == len(results)
