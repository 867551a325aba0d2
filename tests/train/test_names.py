"""What the names model is trained on stays what the shipped weights saw."""

from __future__ import annotations

import hashlib
from pathlib import Path

from stream.train.sentences import read_corpora

READ = "d3e148ab71f6df24f908b449445b8538e08e7bf4fda3759d0da7ed2df668f859"


def test_training_reads_the_corpora_as_it_did_for_the_shipped_weights(corpora: Path) -> None:
    """Another reading of three words gives other weights from the same seed."""
    digest = hashlib.sha256()
    for sentence in read_corpora(corpora / "words"):
        digest.update(f"{sentence.words} {sentence.labels}\n".encode())
    assert READ == digest.hexdigest()
