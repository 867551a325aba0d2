"""What the names model is trained on stays what the shipped weights saw."""

from __future__ import annotations

import hashlib
from pathlib import Path

from stream.find.gazetteer import load_gazetteer
from stream.train.sentences import Draws, read_corpora

READ = "b1e671c3cba2dc844bc5a298e1cbe55a0d8a0873bfea692f2d3013f63e34bac0"
DRAWN = "f8744913c1df5d04064ee95b881f2883e4ea9bc6fc84887cd765abc81441e7d5"


def test_training_reads_the_corpora_as_it_did_for_the_shipped_weights(corpora: Path) -> None:
    """Another reading of three words gives other weights from the same seed."""
    digest = hashlib.sha256()
    for sentence in read_corpora(corpora / "words"):
        digest.update(f"{sentence.words} {sentence.labels}\n".encode())
    assert READ == digest.hexdigest()


def test_training_draws_what_it_drew_for_the_shipped_weights(corpora: Path) -> None:
    """Forms, carriers and lists give the same sentences from the same seed: another one gives other weights."""
    digest = hashlib.sha256()
    for sentence in Draws(load_gazetteer(), 7).epoch(read_corpora(corpora / "words")):
        digest.update(f"{sentence.words}{sentence.labels}".encode())
    assert DRAWN == digest.hexdigest()
