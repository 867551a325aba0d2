"""``python -m tests.fuzz --inputs 1000000``: hostile input to every target; counts by target and outcome as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.fuzz import campaign
from tests.fuzz.targets import MODULES, shares


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="over all targets, by their weights")
    parser.add_argument("--target", choices=sorted(MODULES), action="append", help="only these")
    parser.add_argument("--minutes", type=float, default=600.0, help="most of each target's time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="by chance, also where atheris is installed")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"))
    asked = parser.parse_args()
    told: dict[str, object] = {}
    inputs = violations = 0
    for name, share in shares(asked.target or list(MODULES), asked.inputs).items():
        options = ("plain",) if asked.plain else ()
        result = campaign.run(name, share, asked.minutes * 60, asked.out / name, asked.seed, options)
        told[name] = result.told()
        inputs, violations = inputs + result.inputs, violations + sum(result.violations.values())
        whole = {"inputs": inputs, "violations": violations, "targets": told}
        (asked.out / "fuzz.json").write_text(json.dumps(whole, indent=1))
        print(name, result.inputs, "inputs", round(result.seconds), "s", dict(result.violations), file=sys.stderr)
    json.dump(whole, sys.stdout, indent=1)
    return int(violations > 0)


if __name__ == "__main__":
    sys.exit(main())
