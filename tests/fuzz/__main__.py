"""``python -m tests.fuzz --inputs 1000000``: hostile input to every target; counts by target and outcome as JSON."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from tests.fuzz import engines, page
from tests.fuzz.campaign import Campaign
from tests.fuzz.targets import MODULES, shares

PAGE = Path(__file__).parents[2] / "docs" / "fuzzing.md"


def main() -> int:
    asked = _asked()
    at_hand = (engines.HYPOTHESIS,) if asked.plain else engines.at_hand()
    told: dict[str, dict[str, object]] = {}
    inputs = violations = 0
    for (name, engine), share in shares(asked.target or list(MODULES), asked.inputs, at_hand).items():
        folder = asked.out / name / engine
        if not asked.resume:
            shutil.rmtree(folder, ignore_errors=True)
        result = Campaign(name, engine, folder, asked.seed).run(share, asked.minutes * 60)
        told.setdefault(name, {})[engine] = result.told()
        inputs, violations = inputs + result.inputs, violations + sum(result.violations.values())
        whole = {"inputs": inputs, "asked": asked.inputs, "violations": violations, "seed": asked.seed, "targets": told}
        (asked.out / "fuzz.json").write_text(json.dumps(whole, indent=1))
        seconds, found = round(result.seconds), dict(result.violations)
        print(name, engine, result.inputs, "inputs", seconds, "s", found, file=sys.stderr, flush=True)
    json.dump(whole, sys.stdout, indent=1)
    if asked.page:
        page.rewrite(PAGE, whole)
    return int(violations > 0 or inputs < asked.inputs)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="over all targets, by their weights")
    parser.add_argument("--target", choices=sorted(MODULES), action="append", help="only these")
    parser.add_argument("--minutes", type=float, default=600.0, help="most of each target's time by each engine")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="Hypothesis alone, also where atheris is installed")
    parser.add_argument("--resume", action="store_true", help="go on where the last run was cut off")
    parser.add_argument("--page", action="store_true", help="put the results into docs/fuzzing.md")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
