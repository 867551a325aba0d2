"""``python -m tests.faults --scale long``: the service under fire. Exits with 0 where nothing was lost, told twice, out
of order or leaked, and with 1 otherwise."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.report import SEED, rewrite
from tests.faults.results import summary
from tests.faults.run import Run
from tests.faults.scales import SCALES

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--scale", choices=sorted(SCALES), default="short")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, help="counts as JSON, written as they come (default out/faults/SCALE.json)")
    parser.add_argument("--folder", type=Path, help="where brokers and workers keep their files")
    parser.add_argument("--page", action="store_true", help="put the results into docs/reliability.md")
    asked = parser.parse_args()
    out = asked.out or Path("out") / "faults" / f"{asked.scale}.json"
    print(f"scale {asked.scale}, seed {asked.seed}, results in {out}", flush=True)
    # clients that look for a broker that was killed say so ten times a second
    logging.getLogger().addHandler(logging.NullHandler())
    folder = Path(tempfile.mkdtemp(prefix="clipveil-faults-", dir=asked.folder))
    results = asyncio.run(Run(SCALES[asked.scale], asked.seed, folder, out).go())
    print(json.dumps(summary(results), indent=1))
    if results.good:
        shutil.rmtree(folder)
    else:
        print(f"what brokers and workers wrote is kept in {folder}", file=sys.stderr)
    if asked.page:
        rewrite(PAGE, asked.scale, json.loads(out.read_text()))
    return 0 if results.good else 1


if __name__ == "__main__":
    sys.exit(main())
