from __future__ import annotations

import base64
import importlib.util
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile

from stream.clip import Segment
from stream.demo.conversation import CUTS, LABELS, Cut
from stream.demo.results import audible, pcm
from stream.segments import Segments, intersect, seconds, subtract, union
from tests.demo.browser import browse
from tests.demo.truth import all_clips

COMMAND = [sys.executable, "-m", "stream", "demo"]
LEAK_MAX = 0.10  # of the others' speech alone, over all published cuts of the conversation
PLAYABLE = """<script>addEventListener("load", async () => {
  const players = [...document.querySelectorAll("audio")];
  await Promise.all(players.map((one) => one.readyState ? 0 : new Promise((done) => {
    one.addEventListener("loadedmetadata", done); one.addEventListener("error", done); one.load(); })));
  document.title = "lengths " + players.map((one) => one.error ? "error" : one.duration.toFixed(2)).join(" ");
})</script>"""


@dataclass(frozen=True)
class Ran:
    """One run of the command, as a person runs it."""

    code: int
    said: str
    folder: Path
    told: dict[str, Any]

    def outcome(self, name: str) -> dict[str, Any]:
        return next(row for row in self.told["outcomes"] if row["clip"] == name)

    def after(self, name: str) -> bytes | None:
        token = self.outcome(name)["token"]
        return None if token is None else (self.folder / "after" / f"{token}.flac").read_bytes()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("demo")
    figures = folder / "figures.json"
    done = subprocess.run(
        [*COMMAND, "--out", str(folder), "--json", str(figures)], capture_output=True, text=True, timeout=240
    )
    return Ran(done.returncode, done.stdout + done.stderr, folder, json.loads(figures.read_text()))


def true_turns(cut: Cut) -> tuple[Segments, Segments]:
    """Main and other speech of a cut, alone, straight from the RTTM that pyannote ships."""
    spec = importlib.util.find_spec("pyannote.audio")
    assert spec is not None
    assert spec.origin is not None
    rows = (Path(spec.origin).parent / "sample" / "sample.rttm").read_text().splitlines()
    turns: dict[str, list[Segment]] = {"Diane": [], "Sheila": []}
    for row in rows:
        _, _, _, start, length, _, _, label, *_ = row.split()
        first, end = float(start) - cut.start, float(start) + float(length) - cut.start
        if max(first, 0.0) < min(end, cut.end - cut.start):
            turns[LABELS[label]].append(Segment(max(first, 0.0), min(end, cut.end - cut.start)))
    main = union(turns.pop(cut.main))
    (other,) = turns.values()
    return subtract(main, other), subtract(other, main)


def test_it_succeeds_and_says_so(ran: Ran) -> None:
    """Exit code 0, a line for every clip, and every check passed."""
    assert ran.code == 0, ran.said
    assert all(clip.name in ran.said for clip in all_clips())
    assert re.search(r"checked: 0 of \d+ identifiers found in the output", ran.said)
    assert "FAILED" not in ran.said
    assert ran.told["passed"] is True


def test_every_clip_has_one_outcome(ran: Ran) -> None:
    """Published or withheld with a reason; what must be withheld is."""
    assert [clip.name for clip in all_clips()] == [row["clip"] for row in ran.told["outcomes"]]
    for clip, row in zip(all_clips(), ran.told["outcomes"], strict=True):
        assert (row["outcome"] == "published") == (row["reason"] is None) == (row["token"] is not None)
        if clip.withhold:
            assert row["outcome"] == "withheld"
    assert ran.outcome("own-no-consent")["reason"] == "no_consent"
    assert ran.outcome("own-cut-off")["reason"] == "audio_truncated"


def test_each_speaker_vanishes_where_the_other_spoke_to_the_device(ran: Ran) -> None:
    """Over all published cuts of each main speaker little of the other is heard, and enough of the main speaker."""
    for speaker in ("Diane", "Sheila"):
        cuts = [(cut, sound) for cut in CUTS if cut.main == speaker and (sound := ran.after(cut.name))]
        assert cuts, f"no clip of {speaker} was published"
        main = other = main_heard = other_heard = 0.0
        for cut, sound in cuts:
            heard = audible(pcm(sound))
            own, others = true_turns(cut)
            main, main_heard = main + seconds(own), main_heard + seconds(intersect(own, heard))
            other, other_heard = other + seconds(others), other_heard + seconds(intersect(others, heard))
        assert other_heard <= LEAK_MAX * other
        assert main_heard >= 0.3 * main


def test_identifiers_are_silent_and_unwritten(ran: Ran) -> None:
    """The sound of every true identifier is exact zeros in the published file; nothing of it is in any file of the
    output side."""
    for clip in all_clips():
        sound = ran.after(clip.name)
        if sound is None:
            continue
        samples = pcm(sound)
        for span in clip.spans:
            times = clip.sound(span)
            assert not np.any(samples[round(times.start * 16_000) : round(times.end * 16_000)])
        for identifier in clip.identifiers():
            assert identifier.encode() not in sound


def test_the_folder_holds_both_sides(ran: Ran) -> None:
    """Sound before and after, under names that say nothing, and as playable FLAC."""
    published = {row["token"] for row in ran.told["outcomes"] if row["token"]}
    assert published == {path.stem for path in (ran.folder / "after").iterdir()}
    assert len(all_clips()) == len(list((ran.folder / "before").iterdir()))
    for path in (ran.folder / "after").iterdir():
        assert (soundfile.info(path).format, soundfile.info(path).channels) == ("FLAC", 1)


def test_the_page_plays_the_published_bytes(ran: Ran) -> None:
    """What is embedded as after is what lies in the topic."""
    html = (ran.folder / "index.html").read_text(encoding="utf-8")
    embedded = re.findall(r'data-lane="after-\d+"[^>]*src="data:audio/flac;base64,([^"]+)"', html)
    published = [ran.after(row["clip"]) for row in ran.told["outcomes"] if row["token"]]
    assert published == [base64.b64decode(sound) for sound in embedded]


def test_a_browser_shows_and_plays_it(ran: Ran, tmp_path: Path) -> None:
    """Chromium draws every card and decodes every player's sound, but for the recording that was cut off."""
    html = (ran.folder / "index.html").read_text(encoding="utf-8")
    copy = tmp_path / "page.html"
    copy.write_text(html.replace("</body>", PLAYABLE + "</body>"), encoding="utf-8")
    dom = browse(copy, "--virtual-time-budget=20000", "--dump-dom")
    assert len(all_clips()) == dom.count("<article")
    found = re.search(r"<title>lengths ([^<]+)</title>", dom)
    assert found is not None
    lengths = found.group(1).split()
    durations = []
    for row, clip in zip(ran.told["outcomes"], all_clips(), strict=True):
        if clip.name != "own-cut-off":
            durations.append(f"{clip.duration:.2f}")
        if row["token"]:  # filled up with silence
            durations.append(f"{soundfile.info(io.BytesIO(ran.after(row['clip']))).duration:.2f}")
    assert durations == lengths
    browse(ran.folder / "index.html", f"--screenshot={tmp_path / 'page.png'}")
    assert (tmp_path / "page.png").stat().st_size > 50_000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C while the models load: one line, no traceback, no process, no page."""
    running = subprocess.Popen(
        [*COMMAND, "--out", str(tmp_path / "out")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        children = _children(running.pid)
        os.kill(running.pid, number)
        said, _ = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130
    assert "Traceback" not in said
    assert "stopped" in said
    psutil.wait_procs(children, timeout=10)
    assert not [child for child in children if child.is_running()]
    assert not (tmp_path / "out").exists()


def _children(pid: int) -> list[psutil.Process]:
    """The inference processes, as soon as there are any."""
    for _ in range(600):
        if children := psutil.Process(pid).children(recursive=True):
            return children
        time.sleep(0.1)
    raise AssertionError("no inference process was started")
