"""What each format costs: difference from the model, accuracy, size, time a photo.

    python benchmarks/export/run.py NAME [RUN] [--photos SOURCE] [--formats onnx onnx-int8 ...]

Exports RUN (without it, the model in the package) to every format, or to those
named, into a folder that is removed again. All are compared with the model on the same
photos: the run's own validation part, or those of --photos. Times are medians of
single photos, in turns with model.onnx as pawsight runs it; so their ratio says
more than either. Puts what was seen under NAME into results.json here, and writes
results.md from all that is there.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import describe

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="what the results stand under")
    parser.add_argument("run", type=Path, nargs="?", help="a run folder; else the package's model")
    parser.add_argument("--photos", help="labelled photos; else the run's own")
    parser.add_argument("--formats", nargs="+")
    arguments = parser.parse_args()
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    results[arguments.name] = measure(arguments)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    (HERE / "results.md").write_text(page(results), encoding="utf-8")


def measure(arguments: argparse.Namespace) -> dict:
    from pawsight.exporting.formats import FORMATS
    from pawsight.workflow.exports import export_all

    has_keras = arguments.run is not None
    every = [name for name, one in FORMATS.items() if has_keras or not one.is_keras]
    formats = arguments.formats or every
    rows = []
    with tempfile.TemporaryDirectory(prefix="export-") as scratch:
        out = Path(scratch) / "out"
        for one in export_all(arguments.run, formats, out, arguments.photos):
            rows.append(dataclasses.asdict(one))
            del rows[-1]["path"]
            print(one, flush=True)
    return {"machine": describe(), "formats": rows}


def page(results: dict) -> str:
    parts = ["# Exports beside their model\n\nWritten by `benchmarks/export/run.py`.\n"]
    for name, found in results.items():
        first = found["formats"][0]
        parts.append(
            f"## {name}\n\n{first['num_photos']:,} photos, of which the model names "
            f"{first['model_accuracy']:.2%} rightly. {found['machine']}\n\n"
            "| format | largest difference | agreement | accuracy | MB | time, model.onnx = 1 |\n"
            "|---|---|---|---|---|---|\n" + "\n".join(map(row, found["formats"])) + "\n"
        )
    return "\n".join(parts)


def row(one: dict) -> str:
    ratio = one["seconds_per_photo"] / one["model_seconds_per_photo"]
    cells = (
        one["format"],
        f"{one['largest_difference']:.1e}",
        f"{one['agreement']:.2%}",
        f"{one['accuracy']:.2%}",
        f"{one['size'] / 1e6:.1f}",
        f"{ratio:.2f}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
