"""What is wrong with a corpus is said by file, line and field, before anything is scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stream.evaluate.corpus import load_clips
from stream.evaluate.perturbing import evaluate_perturbed
from stream.evaluate.rows import BadCorpus, ClipRow, UtteranceRow, read_rows
from stream.evaluate.words import read_utterances

UTTERANCE = {
    "id": "u",
    "words": ["call", "canary"],
    "spans": [{"first": 1, "last": 1, "entity_type": "PERSON"}],
}
CLIP = {
    "clip_id": "c",
    "audio": "audio/c.wav",
    "duration": 2.0,
    "wake_word": None,
    "words": [{"text": "canary", "start": 0.1, "end": 0.4}],
    "turns": [{"speaker": "main", "start": 0, "end": 1.5}],
    "main": "main",
    "spans": [],
    "set": "own",
}
SPAN = {"first": 0, "last": 0, "entity_type": "PERSON"}


def _written(folder: Path, *lines: object) -> Path:
    file = folder / "corpus.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return file


def test_lines_as_described_are_read(tmp_path: Path) -> None:
    """Blank lines and further fields are let be."""
    [utterance] = read_utterances(_written(tmp_path, "", UTTERANCE | {"locale": "en-US", "ignore": [[0, 0]]}))
    assert (("call", "canary"), frozenset({0}), "PERSON") == (utterance.words, utterance.ignored, utterance.kind)
    [clip] = read_rows(_written(tmp_path, CLIP | {"extra": 1}), ClipRow, "clip_id")
    assert ("c", 2.0) == (clip.clip_id, clip.duration)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"id": None}, "id: input should be a valid string"),
        ({"words": "call canary"}, "words: input should be a valid"),
        ({"spans": [{"start": 1, "last": 1, "entity_type": "PERSON"}]}, "spans.0.first is missing"),
        ({"spans": [SPAN | {"last": 2}]}, "a span lies outside of the words"),
        ({"spans": [SPAN | {"first": 1}]}, "a span lies outside of the words"),
    ],
)
def test_an_utterance_that_is_none_is_refused(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    """By line and field, without a word of what was said."""
    file = _written(tmp_path, UTTERANCE, UTTERANCE | {"id": "v"} | change)
    with pytest.raises(BadCorpus) as refused:
        read_utterances(file)
    assert str(refused.value).startswith(f"{file} line 2: {problem}")
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"turns": None}, "turns: input should be a valid"),
        ({"turns": [{"speaker": "main", "start": 2.0, "end": 1.0}]}, "turns.0: must end after its start"),
        ({"main": "somebody"}, "main has no turn"),
        ({"duration": 0}, "duration: input should be greater than 0"),
        ({"spans": [SPAN | {"last": 1}]}, "a span lies outside of the words"),
    ],
)
def test_a_clip_that_is_none_is_refused(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    """As an utterance is."""
    with pytest.raises(BadCorpus) as refused:
        read_rows(_written(tmp_path, CLIP | change), ClipRow, "clip_id")
    assert problem in str(refused.value)
    assert "canary" not in str(refused.value)


def test_what_is_no_json_or_comes_twice_or_not_at_all_is_refused(tmp_path: Path) -> None:
    """Nothing is scored as if it were right."""
    for lines, problem in (
        (('{"id": "u", "wor',), "line 1: is no JSON object"),
        ((UTTERANCE, UTTERANCE), "line 2: id is that of another line"),
        (("",), "has no lines"),
    ):
        with pytest.raises(BadCorpus, match=problem):
            read_rows(_written(tmp_path, *lines), UtteranceRow, "id")
    binary = tmp_path / "binary"
    binary.write_bytes(bytes(range(256)))
    with pytest.raises(BadCorpus, match="is no JSON object"):
        read_utterances(binary)


def test_a_recording_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By the clip's id, before any clip is heard."""
    (tmp_path / "clips.jsonl").write_text(json.dumps(CLIP))
    with pytest.raises(FileNotFoundError, match="no recording for clip c"):
        load_clips(tmp_path)


def test_numbers_can_only_be_changed_where_there_are_some(tmp_path: Path) -> None:
    """A corpus of names has no perturbed figures; that is said, not shown as an empty table."""
    with pytest.raises(BadCorpus, match="holds no spoken numbers"):
        evaluate_perturbed(_written(tmp_path, UTTERANCE), tmp_path / "out.json", lambda words: ())
