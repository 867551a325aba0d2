"""The images under test, built where a builder is at hand: CLIPVEIL_IMAGE_TEST=1 insists on one, 0 does without."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.builder import Image, build, missing, need_builder, opened, remove, write_context
from tests.container.cpu_index import cpu_index, lock_cpu
from tests.helm.chart import ROOT

ASKED = os.environ.get("CLIPVEIL_IMAGE_TEST", "")


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """The image of this working tree, with everything in it."""
    _need()
    build(ROOT, "localhost/clipveil-test:cuda", lock="requirements.lock")
    with opened("localhost/clipveil-test:cuda") as built:
        yield built
    remove(built)


@pytest.fixture(scope="session")
def cpu_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The variant for CPUs, from a lock and an index in which PyTorch's wheels are empty stand-ins."""
    _need()
    context: Path = tmp_path_factory.mktemp("context")
    write_context(context)
    with cpu_index(tmp_path_factory.mktemp("index")) as index:
        lock_cpu(index, context / "requirements-cpu.lock")
        build(context, "localhost/clipveil-test:cpu", lock="requirements-cpu.lock", index=index)
    with opened("localhost/clipveil-test:cpu") as built:
        yield built
    remove(built)


def _need() -> None:
    if ASKED == "1":
        need_builder()
    elif lacking := missing() or ["leave (CLIPVEIL_IMAGE_TEST=0)"] * (ASKED == "0"):
        pytest.skip(f"an image can't be built without {', '.join(lacking)}: make image-test installs what it can")
