"""The whole way, from photos to answers, with the commands a person would type.

Each command is shown before it runs. Everything lands in a fresh folder under
runs/demo/, so the demo can be run again and again and touches nothing else.
"""

import json
import shlex
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

PAWSIGHT = Path(sys.executable).with_name("pawsight")
COUNT = 1200  # photos
MINUTES = 1.5  # for the training command as a whole


def main() -> int:
    """Draw, train, evaluate, predict, report; then print a summary."""
    begun = time.monotonic()
    folder = fresh_folder()
    photos, run, new = folder / "photos", folder / "run", folder / "new-photos"
    steps = (
        (
            f"Draw {COUNT} simple pictures of cats and dogs. Nothing is downloaded.",
            ("sample", photos, "--count", COUNT),
        ),
        (
            f"Train for {MINUTES} minutes: set some aside for the test, learn from the others.",
            ("train", photos, "--minutes", MINUTES, "--out", run),
        ),
        (
            "Evaluate: how often is the model right on the test photos, which it never saw?",
            ("evaluate", run),
        ),
        (
            "Draw 12 new pictures, as if they came from your camera...",
            ("sample", new, "--count", 12, "--seed", 1),
        ),
        ("... and ask the model what is on them.", ("predict", new, "--model", run)),
        ("Write the report again. (Training has written it already.)", ("report", run)),
    )
    for number, (purpose, command) in enumerate(steps, start=1):
        print(f"\n[{number}/{len(steps)}] {purpose}", flush=True)
        code = pawsight(*command)
        if code:
            print(f"\nThe demo ends here: that command failed. What it made is in {folder}/")
            return code
    print(summary(run, new, time.monotonic() - begun))
    return 0


def fresh_folder() -> Path:
    """A folder for this run of the demo alone."""
    stem = f"{datetime.now():%Y-%m-%d-%H%M%S}"
    for number in range(1, 100):
        folder = Path("runs", "demo", stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise SystemExit("runs/demo is full of folders of this very second.")


def pawsight(*arguments: object) -> int:
    """Show a command as a person would type it, and run it."""
    words = [str(argument) for argument in arguments]
    print(f"$ pawsight {shlex.join(words)}\n", flush=True)
    if words[0] == "predict" and not sys.stdout.isatty():
        words += ["--format", "table"]  # as on a terminal
    try:
        return subprocess.run([PAWSIGHT, *words], check=False).returncode
    except KeyboardInterrupt:
        return 130  # the command has said what is kept


def summary(run: Path, new: Path, seconds: float) -> str:
    """Return what was done, how good the model is and where its files are, in plain words."""
    metrics = json.loads((run / "evaluation" / "metrics.json").read_text(encoding="utf-8"))
    test = metrics["parts"][metrics["headline"]]
    low, high = test["accuracy_interval"]
    guess, name = test["baseline_accuracy"], test["baseline_class"]
    if low > guess:
        verdict = "Drawn pictures are easier than real photos: your own will score lower."
    else:
        verdict = (
            "So this model has learnt nothing worth having. The machine was too slow or too busy\n"
            f"  for {MINUTES} minutes; try: pawsight train {run.parent}/photos --minutes 5"
        )
    return f"""
What happened, in {seconds / 60:.1f} minutes:
  {COUNT:,} pictures were drawn. A network learnt from most of them. Then it had to name {test["n"]}
  others that it had never seen, and got {test["num_correct"]} right: {test["accuracy"]:.1%}.
  Chance matters with so few pictures: expect {low:.1%} to {high:.1%} on others (95 % interval).
  Always saying '{name}' would have got {guess:.1%}.
  {verdict}

Where to look:
  {run / "report.html"}   the report: open it in a browser
  {run}/   the run folder: model, numbers, curves, settings
  {new}/   the pictures it was asked about

With your own photos, one folder per class:
  {PAWSIGHT.parent / "pawsight"} train your-photos/
"""


if __name__ == "__main__":
    sys.exit(main())
