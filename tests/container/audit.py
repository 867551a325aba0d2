"""``python -m tests.container.audit``: asks a service of known vulnerabilities about every locked package.

The real pip-audit does the asking. By itself it ends well where it could not ask about a package; this does not. Exit
code 0: all were asked about and none is known to be vulnerable. 1: some are, by name. 2: not all could be asked about.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

OSV = "https://api.osv.dev/v1/query"
VULNERABLE, UNKNOWN = 1, 2


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.container.audit", description=__doc__)
    options.add_argument("locks", nargs="+", type=Path, help="locks with hashes")
    options.add_argument("--osv-url", default=OSV, help="the service, or a mirror of it")
    chosen = options.parse_args()
    worst = 0
    for lock in chosen.locks:
        worst = max(worst, audit(lock, chosen.osv_url))
    return worst


def audit(lock: Path, url: str) -> int:
    """Exit code for one lock; says what was found."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    command += ["--vulnerability-service", "osv", "--osv-url", url, "--format", "json", "--progress-spinner", "off"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(run.stdout)["dependencies"]
    except ValueError:
        said = run.stderr.strip().splitlines() or ["it said nothing"]
        print(f"{lock.name}: NOT AUDITED: {url} gave no answer for all packages: {said[-1][:300]}", file=sys.stderr)
        return UNKNOWN
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    vulnerable = [package for package in packages if package.get("vulns")]
    for package in vulnerable:
        known = ", ".join(each["id"] + fixed(each["fix_versions"]) for each in package["vulns"])
        print(f"{lock.name}: {package['name']} {package['version']}: {known}")
    if skipped or not packages:
        print(f"{lock.name}: NOT AUDITED: {', '.join(skipped) or 'no package in it'}", file=sys.stderr)
        return UNKNOWN
    print(f"{lock.name}: {len(packages)} packages, {len(vulnerable)} with a known vulnerability")
    return VULNERABLE if vulnerable else 0


def fixed(versions: list[str]) -> str:
    return f" (mended in {versions[0]})" if versions else ""


if __name__ == "__main__":
    sys.exit(main())
