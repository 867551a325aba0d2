"""Collect the licence texts of what is installed: ``python licences.py SITE_PACKAGES TEXTS TARGET``.

Texts come from the packages themselves; a package without one needs ``TEXTS/NAME.txt``, else this fails, and with it
the build of the image. The cards of built-in models count: they name the licences of what the models were trained on.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

LEGAL = re.compile(r"(^|[-_.])(licen[cs]es?|copying|notices?|copyright|eula|model_card)([-_.]|$)", re.IGNORECASE)
CODE = {".py", ".pyc", ".pyi", ".so", ".h", ".hpp"}


def texts(distribution: Distribution) -> Iterator[Path]:
    """What of a package's files is a licence, a notice, or about a model, by its path in the package."""
    for file in distribution.files or []:
        legal = LEGAL.search(file.name) or "licenses" in file.parts or ("models" in file.parts and file.suffix == ".md")
        if legal and file.suffix not in CODE:
            yield Path(file)


def collect(site: Path, ours: Path, target: Path) -> list[str]:
    """Copy the texts of all packages in ``site`` below ``target``, and list the packages there; names those without."""
    without, rows = [], []
    for distribution in sorted(distributions(path=[str(site)]), key=lambda each: each.name.lower()):
        name = re.sub(r"[-_.]+", "-", distribution.name).lower()
        folder = target / f"{name}-{distribution.version}"
        folder.mkdir(parents=True)
        found = [text for text in texts(distribution) if (site / text).is_file()]
        for text in found:
            shutil.copyfile(site / text, folder / re.sub(r"[^\w.-]+", "-", str(text).strip("./")))
        own = ours / f"{name}.txt"
        if not found and own.is_file():
            shutil.copyfile(own, folder / own.name)
        elif not found:
            without.append(name)
        rows.append(f"{name}\t{distribution.version}\t{declared(distribution)}\n")
    (target / "PACKAGES.tsv").write_text("package\tversion\tlicence\n" + "".join(rows), encoding="utf-8")
    return without


def declared(distribution: Distribution) -> str:
    """The licence that a package's metadata names, in one line."""
    said = distribution.metadata.json
    classified = [line.rpartition(" :: ")[2] for line in said.get("classifier", []) if "License ::" in line]
    whole = str(said.get("license_expression") or "; ".join(classified) or said.get("license") or "see its texts")
    return " ".join(whole.split())[:100]


if __name__ == "__main__":
    missing = collect(*map(Path, sys.argv[1:]))
    if missing:
        sys.exit(f"packages without a licence text, neither their own nor in {sys.argv[2]}: {', '.join(missing)}")
