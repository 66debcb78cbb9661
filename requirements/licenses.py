"""Write requirements/licenses.md: the licence of every package in the lock.

    make licenses

Reads the metadata of the installed packages.
"""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE / "licenses.md"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
TITLE = """# Licences of the pinned packages

Every package that `make` may install, with the licence that its own metadata states. Written by
`make licenses`. `pip install pawsight` brings a small part of them; most are for development.

| package | version | licence |
|---|---|---|
"""
# Not stated in the metadata; read in the package's own LICENSE file.
STATED_ELSEWHERE = {
    "mergedeep": "MIT",
    "namex": "Apache-2.0",
    "ptyprocess": "ISC",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "tensorflow": "Apache-2.0",
}


def main() -> None:
    """Write the page."""
    versions: dict[str, list[str]] = {}
    licences: dict[str, str] = {}
    for name, version in PINNED.findall((HERE / "lock.txt").read_text(encoding="utf-8")):
        versions.setdefault(name, []).append(version)
        licences[name] = STATED_ELSEWHERE.get(name) or licence(name)
    lines = [
        f"| {name} | {', '.join(dict.fromkeys(versions[name]))} | {licences[name]} |"
        for name in sorted(licences)
    ]
    PAGE.write_text(TITLE + "\n".join(lines) + "\n", encoding="utf-8")


def licence(name: str) -> str:
    """Return what the metadata states: the expression, else a short text, else the classifiers."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return "not read: for another system"
    if found["License-Expression"]:
        return str(found["License-Expression"])
    classifiers = [
        one.rpartition(" :: ")[2]
        for one in found.get_all("Classifier") or ()
        if one.startswith("License :: ") and not one.endswith("OSI Approved")
    ]
    text = (found["License"] or "").strip()
    if text and len(text) < 60 and "\n" not in text:
        return text
    return ", ".join(classifiers) or "not stated"


if __name__ == "__main__":
    main()
