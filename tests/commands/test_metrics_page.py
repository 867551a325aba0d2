"""docs/metrics.md: what is on it is what the services serve, name by name."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream.commands.metrics_page import OPEN_LABELS, PROCESS, SERVICES, page
from stream.ops.registered import PREFIX, Registered
from stream.wire.local import LocalBroker
from tests.commands.test_run import send, service, settings_in, until, withheld

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def on_page(of: str) -> dict[str, str]:
    """Name -> type, of the service's section."""
    section = PAGE.partition(f"## {of}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section, flags=re.MULTILINE))


def scraped(text: str) -> tuple[dict[str, str], set[str]]:
    """Name -> type, of what is ours in a scrape, by the name that a query uses; and the names that are not ours."""
    families = [each for each in text_string_to_metric_families(text) if not each.name.endswith("_created")]
    counted = {each.name: f"{each.name}_total" for each in families if each.type == "counter"}
    named = {counted.get(each.name, each.name): each.type for each in families}
    ours = {name: kind for name, kind in named.items() if name.startswith(PREFIX)}
    return ours, named.keys() - ours.keys()


def closed_on_page(of: str) -> dict[tuple[str, str], set[str]]:
    """Metric and label -> its values, of the service's section, where these are a closed list."""
    section = PAGE.partition(f"## {of}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| (.*?) \|", section, flags=re.MULTILINE)
    labels = [(name, label) for name, told in rows for label in re.split(r"; (?=`)", told) if label]
    told = {(name, label.split("`")[1]): set(re.findall(r"`(\w[\w/]*)`", label)[1:]) for name, label in labels}
    return {(name, label): values for (name, label), values in told.items() if label not in OPEN_LABELS}


def labelled(text: str) -> dict[tuple[str, str], set[str]]:
    """Metric and label -> the values that a scrape has."""
    told: dict[tuple[str, str], set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = re.sub(r"_(bucket|sum|count)$", "", sample.name) if family.type == "histogram" else sample.name
            for label, value in sample.labels.items():
                told.setdefault((name, label), set()).add(value)
    return told


def test_the_page_is_what_the_command_prints() -> None:
    """A metric that was added, renamed or told otherwise is on the page, or this fails."""
    assert page() == PAGE, "run: clipveil config metrics > docs/metrics.md"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_declares_what_it_registers(name: str) -> None:
    """The page is made from what is declared: nothing is registered past it, and nothing is only declared."""
    ours, others = scraped(SERVICES[name]().render().decode())
    assert ours == on_page(name)
    assert [] == sorted(others - set(PROCESS))


@pytest.mark.parametrize("declaring", SERVICES.values())
def test_no_label_is_unknown(declaring: type[Registered]) -> None:
    """A label has a closed list of values, all there from the start, or is one of three that are told of."""
    metrics = declaring()
    closed = {
        (sample.name, label)
        for family in metrics.registry.collect()
        for sample in family.samples
        for label in sample.labels
    }
    for each in metrics.declared:
        for label in each.labels:
            names = {each.name, f"{each.name}_bucket"}
            assert label in OPEN_LABELS or {(name, label) for name in names} & closed, each.name


async def test_a_worker_that_ran_serves_what_is_on_the_page(tmp_path: Path) -> None:
    """Neither more nor less, once clips went through: what is registered on the way, such as for consent, counts."""
    broker = LocalBroker()
    await send(broker, tmp_path, ["refuse", "refuse"])
    running = service(settings_in(tmp_path), broker)
    task = asyncio.create_task(running.run())
    await until(running.ready)
    while len(await withheld(broker)) < 2:
        await asyncio.sleep(0.05)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as client:
        text = (await client.get("/metrics")).text
    running.stop()
    await task
    ours, others = scraped(text)
    assert ours == on_page("clipveil run")
    found = labelled(text)
    closed = closed_on_page("clipveil run")
    assert ("clipveil_withheld_total", "reason") in closed
    assert {of: found[of] for of in closed} == closed, "no value that the page lacks, and each from the start"
    assert [] == sorted(others - set(PROCESS))
