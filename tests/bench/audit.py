"""``python -m tests.bench.audit``: audit records a second, by processor time: linked, verified, decoded, signed."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable

from stream.lifecycle.heads import Anchors
from stream.lifecycle.notary import Notary
from stream.lifecycle.verifying import ChainCheck
from stream.wire import avro
from tests.lifecycle.chains import KEY, KEYS, decision, linked


def told(what: str, number: int, work: Callable[[], object]) -> None:
    began = time.process_time()
    work()
    print(f"{what:<28} {number / (time.process_time() - began):>10,.0f} a second")


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.audit", description=__doc__)
    options.add_argument("--records", type=int, default=100_000)
    number = options.parse_args().records
    chance = random.Random(1)
    decisions = [decision(chance, offset) for offset in range(number)]
    rows = linked(decisions)
    bodies, schema = [avro.write("audit", row) for row in rows], avro.schema_text("audit")
    check, notary, anchors = ChainCheck("clips.raw/0"), Notary(KEY), Anchors(KEYS)
    heads = []
    for offset, row in enumerate(rows[: number // 20]):
        notary.add(row, "clips.audit", offset)
        heads += notary.sign(0)
    told("records linked", number, lambda: linked(decisions))
    told("records verified", number, lambda: [check.add(row) for row in rows])
    told("records decoded (Avro)", number, lambda: [avro.read_as_written(schema, body) for body in bodies])
    told("heads verified", len(heads), lambda: [anchors.add(head) for head in heads])
    print(f"{sum(map(len, bodies)) / number:.0f} bytes a record")


if __name__ == "__main__":
    main()
