"""What the shipped model answers to photos of other things.

    python benchmarks/none_of_these/shipped.py flowers.zip ants-bees.zip

Every photo of each source is predicted; answers are counted by source into shipped.json.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.inference.answers import NONE, UNSURE
from pawsight.inference.classifier import load
from pawsight.progress import Silent

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import machine

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", help="photos of neither cats nor dogs")
    classifier, found = load(), {}
    for place in parser.parse_args().sources:
        catalog = scan(fetch(place, Silent()))
        paths = [catalog.root / photo.path for photo in catalog.photos if not photo.problem]
        counts = Counter(
            one.answer if one.answer in (NONE, UNSURE) else "a class"
            for one in classifier.predict_iter(paths)
            if not one.error
        )
        found[Path(place).name] = dict(counts)
        print(Path(place).name, dict(counts), flush=True)
    facts = {"machine": machine.describe(), "answers": found}
    (HERE / "shipped.json").write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
