"""Measure the test for drift: false alarms among photos of the same kind, and what it finds.

    python benchmarks/drift/run.py NAME=SCORES.json ... > benchmarks/drift/results.md

SCORES.json is what scores.py wrote. In each of 1,000 trials the photos as they are are divided at
random into a reference and a set to test; altered and foreign photos, and a mix with a tenth of
foreign ones, are tested against the same reference.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from pawsight.inference.drift import FALSE_ALARM_RATE, DriftReference

NUM_TRIALS = 1000
NUM_POWER_TRIALS = 100
REFERENCES, SIZES = (60, 256), (30, 50, 200, 500)


def main() -> None:
    """Print a table for each set of scores."""
    print("# The test for drift\n")
    print(f"A set counts as different where p < {FALSE_ALARM_RATE:g}. Shares of {NUM_TRIALS:,}")
    print(f"random draws (`as they are`) and of {NUM_POWER_TRIALS} (the others), one seed.\n")
    for argument in sys.argv[1:]:
        name, _, path = argument.partition("=")
        scores = json.loads(Path(path).read_text())
        print(f"## {name}\n")
        for num_reference in REFERENCES:
            table(scores, num_reference)


def table(scores: dict[str, list], num_reference: int) -> None:
    """Print how often sets of each kind and size differ from a reference of so many photos."""
    labels = sorted({row[0] for rows in scores.values() for row in rows})
    arrays = {
        kind: np.array([[labels.index(label), *rest] for label, *rest in rows], np.float64)
        for kind, rows in scores.items()
    }
    own, foreign = arrays.pop("as they are"), arrays.pop("foreign")
    rng = np.random.default_rng(0)
    kinds = ["as they are", "one class alone", *arrays, "a tenth foreign", "foreign"]
    print(f"Reference of {num_reference} photos:\n")
    print("| photos tested | " + " | ".join(kinds) + " |")
    print("|---" * (len(kinds) + 1) + "|")
    for size in SIZES:
        cells = []
        for kind in kinds:
            num_trials = NUM_TRIALS if kind == "as they are" else NUM_POWER_TRIALS
            alarms = [
                trial(rng, own, foreign, arrays, kind, num_reference, size)
                for _ in range(num_trials)
            ]
            known = [alarm for alarm in alarms if alarm is not None]
            cells.append(f"{np.mean(known) * 100:.1f} %" if known else "-")
        print(f"| {size} | " + " | ".join(cells) + " |", flush=True)
    print()


def trial(rng, own, foreign, arrays, kind, num_reference, size) -> bool | None:
    """Return whether a set differs; None where there are too few photos for one."""
    order = rng.permutation(len(own))
    reference = DriftReference(*own[order[:num_reference]].T)
    rest = own[order[num_reference:]]
    if kind == "one class alone":
        rest = rest[rest[:, 0] == 0]
    elif kind == "a tenth foreign":
        some = rng.permutation(foreign)[: size // 10]
        rest = np.concatenate([some, rest[: size - len(some)]])
    elif kind != "as they are":
        rest = rng.permutation(foreign if kind == "foreign" else arrays[kind])
    if len(rest) < size:
        return None
    found = reference.test(rest[:size])
    return found is not None and found.has_drifted


if __name__ == "__main__":
    main()
