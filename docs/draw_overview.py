"""Draw the picture at the top of the README from a finished demo.

    make demo && .venv/bin/python docs/draw_overview.py runs/demo/<date>

Everything in it is real: the drawn photos that the model predicted, its
answers, its accuracy on the test part and its curves.
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

import pawsight

OUT = Path(__file__).parent / "images" / "overview.png"
INK, QUIET, ACCENT = "#1f2937", "#6b7280", "#0f766e"


def main() -> None:
    """Draw the photos on the left, the command in the middle, the result on the right."""
    demo = Path(sys.argv[1])
    run = pawsight.Run.open(demo / "run")
    figure = Figure(figsize=(12, 4.5), dpi=150, facecolor="white")
    draw_folder(figure, demo / "photos" / "cats", 0.02, "photos/cats/")
    draw_folder(figure, demo / "photos" / "dogs", 0.16, "photos/dogs/")
    figure.text(0.403, 0.60, "pawsight train photos/", family="monospace", fontsize=10.5,
                color="white", ha="center", va="center",
                bbox={"boxstyle": "round,pad=0.7", "facecolor": INK, "edgecolor": INK})  # fmt: skip
    figure.text(0.403, 0.44, "⟶", fontsize=34, color=ACCENT, ha="center", va="center")
    draw_result(figure, run)
    draw_answers(figure, run, demo / "new-photos")
    OUT.parent.mkdir(exist_ok=True)
    figure.savefig(OUT)


def draw_folder(figure: Figure, folder: Path, left: float, title: str) -> None:
    """Draw two columns of photos under the name of their folder."""
    figure.text(left, 0.93, title, family="monospace", fontsize=11, color=INK)
    for number, path in enumerate(sorted(folder.iterdir())[:8]):
        row, column = divmod(number, 2)
        axes = figure.add_axes((left + column * 0.064, 0.70 - row * 0.215, 0.06, 0.2))
        with Image.open(path) as photo:
            axes.imshow(photo.convert("RGB").resize((160, 160)))
        axes.set_axis_off()


def draw_result(figure: Figure, run: pawsight.Run) -> None:
    """Write the headline of the test part over the curve of the accuracy."""
    metrics = run.metrics["parts"][run.metrics["headline"]]
    low, high = metrics["accuracy_interval"]
    figure.text(0.53, 0.93, "report.html", family="monospace", fontsize=11, color=INK)
    figure.text(
        0.53,
        0.80,
        f"Right on {metrics['num_correct']} of {metrics['n']} photos\nit had never seen",
        fontsize=14,
        weight="bold",
        color=INK,
    )
    figure.text(0.53, 0.74, f"95 % interval: {low:.1%} to {high:.1%}", fontsize=10, color=QUIET)
    axes = figure.add_axes((0.52, 0.05, 0.24, 0.64))
    with Image.open(run.figures_dir / "accuracy.png") as curve:
        axes.imshow(curve.convert("RGB"))
    axes.set_axis_off()


def draw_answers(figure: Figure, run: pawsight.Run, folder: Path) -> None:
    """Show new photos with the answer and its probability."""
    figure.text(0.79, 0.93, "pawsight predict new/", family="monospace", fontsize=11,
                color=INK)  # fmt: skip
    photos = sorted(folder.glob("*/*"))[::3][:4]
    for number, answer in enumerate(pawsight.load(run).predict(photos)):
        top = 0.70 - number * 0.215
        axes = figure.add_axes((0.79, top, 0.06, 0.2))
        with Image.open(answer.path) as photo:
            axes.imshow(photo.convert("RGB").resize((160, 160)))
        axes.set_axis_off()
        figure.text(0.86, top + 0.11, answer.label, fontsize=13, weight="bold", color=ACCENT)
        figure.text(0.86, top + 0.05, f"{answer.probability:.1%}", fontsize=11, color=QUIET)


if __name__ == "__main__":
    main()
