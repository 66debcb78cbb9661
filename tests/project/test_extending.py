"""The examples of docs/extending.md: the edits are made to a copy of the package, and run."""

import contextlib
import csv
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def blocks_of(page, section):
    """The code blocks of a section that name a file: (kind of edit, file, code)."""
    text = page.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [
        (*re.fullmatch(r"# (.+): src/(\S+)", block.partition("\n")[0]).groups(), block)
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        if block.startswith("# ")
    ]


# What an edit comes before: the second text, after the first one.
PLACES = {
    "Last field": ("class Photo:", "\n    @property"),
    "Last field of FileOrigin": ("class FileOrigin(", "\n\ndef "),
    "Last argument in origin_of": ("def origin_of(", "    )\n"),
}


def with_entry(source, block):
    """A module with another import, if there is one, and another entry in the list at its end."""
    kind, _, code = block.partition("\n")
    if place := PLACES.get(kind.removeprefix("# ").partition(":")[0]):
        end = source.index(place[1], source.index(place[0]))
        return f"{source[:end]}{code}{source[end:]}"
    imports, _, entry = code.rpartition("\n\n")
    if imports:
        at = source.index("\nfrom pawsight.") + 1
        source = f"{source[:at]}{imports.strip()}\n{source[at:]}"
    end = max(source.rfind("\n)\n"), source.rfind("\n]\n")) + 1
    return f"{source[:end]}{entry}{source[end:]}"


@pytest.fixture
def extended(root, tmp_path):
    """Make the edits of a section; gives a function that runs code with the edited package."""

    def extend(section):
        copy_of(root / "src", tmp_path / "src")
        edits = blocks_of((root / "docs" / "extending.md").read_text(), section)
        existing = {file for kind, file, _ in edits if kind != "New file"}
        assert edits and len(existing) <= 2
        for kind, file, block in edits:
            path = tmp_path / "src" / file
            if kind == "New file":
                assert not path.exists()
                path.write_text(block)
            else:
                changed = with_entry(path.read_text(), block)
                path.unlink()
                path.write_text(changed)

        def run(*arguments):
            return subprocess.run(
                [sys.executable, *map(str, arguments)],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
                capture_output=True,
                text=True,
                check=False,
            )

        return run

    return extend


def copy_of(source, target):
    """Folders again, files as links, compiled ones too: an edit replaces the link."""
    for folder, _, names in os.walk(source):
        here = target / Path(folder).relative_to(source)
        here.mkdir(parents=True)
        for name in names:
            (here / name).symlink_to(Path(folder) / name)


MEASURE = """
import contextlib, io, json
from pathlib import Path
import numpy as np
from pawsight.cli.cross_validate import print_folds
from pawsight.cli.metrics import headline_rows, print_metrics
from pawsight.evaluation.folds import summarize_folds
from pawsight.evaluation.metrics import save_evaluation
from pawsight.records import Predictions
from pawsight.report import page
from pawsight.runs import Run
from pawsight.storage.atomic import write_json

page._draw = lambda facts: {}  # the figures take longer than all else
run = Run("run")
run.path.mkdir()
write_json(run.config_path, {"source": "photos", "root": "photos", "settings": {}})
probs = np.array([[0.6, 0.3, 0.1], [0.5, 0.2, 0.3], [0.1, 0.2, 0.7], [0.5, 0.1, 0.4]])
found = save_evaluation(
    run, {"validation": Predictions(tuple("abcd"), np.array([0, 1, 2, 2]), probs, ("x", "y", "z"))}
)
summary = summarize_folds([found]).model_dump()
texts = {"headline": str(headline_rows(found))}
for name, show in (
    ("table", lambda: print_metrics(found)),
    ("folds", lambda: print_folds({"folder": "cv", **summary})),
):
    text = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(text):
        show()
    text.seek(0)
    texts[name] = " ".join(text.read().split())
texts["report"] = page.write_report(run).read_text().replace("\\u00a0", " ")
print(json.dumps({"part": run.metrics["parts"]["validation"], "mean": summary["mean"], **texts}))
"""


def test_a_metric_of_two_edits_is_in_json_folds_report_and_tables(extended):
    done = extended("A metric")("-c", MEASURE)

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # The second photo's class, y, is the least probable one; the others are first or second.
    assert found["part"]["top_two"] == found["mean"]["top_two"] == 0.75
    for place in ("headline", "table", "folds", "report"):
        assert "top-2 accuracy" in found[place], place
        assert "75.0 %" in found[place], place


def test_an_audit_check_of_two_edits_is_in_json_page_tables_and_fail_on(extended, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(24):
        noise = Image.fromarray(rng.integers(0, 256, (120, 120, 3), np.uint8))
        path = tmp_path / "photos" / ("cats", "dogs")[i % 2] / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        # Large spots at the lowest quality have some 0.03 bytes by pixel, fine noise above 1.
        if i == 5:
            spots = noise.crop((0, 0, 6, 6)).resize((480, 480), Image.Resampling.BICUBIC)
            spots.save(path, quality=1)
        else:
            noise.save(path, quality=90)
    run = extended("An audit check")

    done = run("-m", "pawsight", "audit", "photos", "--out", "out", "--fail-on", "compressed")

    assert done.returncode == 3, done.stderr
    assert "Found 1 compressed." in done.stderr
    assert "dogs/5.jpg" in done.stdout and "bytes by pixel" in done.stdout
    (item,) = json.loads((tmp_path / "out" / "audit.json").read_text())["findings"]["compressed"][
        "items"
    ]
    assert item["path"] == "dogs/5.jpg"
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "Strongly compressed" in page
    assert item["reason"] in page


def test_a_command_of_two_edits_is_listed_runs_and_reports_its_errors(extended):
    run = extended("A command")

    assert "List the classes of a model." in run("-m", "pawsight", "--help").stdout
    assert run("-m", "pawsight", "classes").stdout.split()[-2:] == ["cats", "dogs"]
    failed = run("-m", "pawsight", "classes", "--model", "nowhere")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("Error: There is no run folder nowhere")


def test_a_source_of_two_edits_gives_photos_and_labels_and_reports_its_errors(
    extended, tmp_path, save_photo
):
    with contextlib.closing(sqlite3.connect(tmp_path / "pets.db")) as database:
        database.execute("CREATE TABLE photos (path, label)")
        for i in range(6):
            name = save_photo(f"photos/{i}.png", ("red", "blue")[i % 2]).relative_to(tmp_path)
            database.execute("INSERT INTO photos VALUES (?, ?)", (str(name), "ab"[i % 2]))
        database.commit()
    run = extended("A source")

    done = run("-m", "pawsight", "audit", "sqlite:pets.db", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["classes"] == {"a": 3, "b": 3}
    assert "2 classes from pets: a, b." in done.stderr
    failed = run("-m", "pawsight", "audit", "sqlite:nowhere.db")
    assert failed.returncode == 1
    assert "nowhere.db cannot be read: unable to open database file." in failed.stderr


def draw_photos(folder, count=16):
    """Red and blue photos, a folder for each."""
    for name, colour in (("blue", (0, 0, 200)), ("red", (200, 0, 0))):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            noise = np.random.default_rng(i).integers(0, 56, (40, 40, 3)) + colour
            Image.fromarray(noise.astype(np.uint8)).save(folder / name / f"{i}.png")


TRAIN_AND_LOAD = """
import pawsight
from pawsight.cli.main import main
from pawsight.report import page

page._draw = lambda facts: {}  # the figures take longer than the training
try:
    main()
except SystemExit as end:
    assert not end.code
print(pawsight.load_model("run").count_params())
"""


@pytest.mark.slow
def test_a_network_of_two_edits_is_trained_exported_and_loaded(extended, tmp_path):
    draw_photos(tmp_path / "photos")
    run = extended("A network")

    done = run(
        *("-c", TRAIN_AND_LOAD, "train", "photos", "--model", "tiny", "--epochs", "2"),
        *("--image-size", "32", "--out", "run"),
    )

    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "model" / "model.json").read_text())["architecture"] == (
        "tiny"
    )
    # 3*9*16+16 + 16*9*32+32 + 32*2+2
    assert done.stdout.splitlines()[-1] == "5154"
    small = run("-m", "pawsight", "train", "photos", "--model", "tiny", "--image-size", "18")
    assert small.returncode == 1 and "at least 20 pixels" in small.stderr
    unknown = run("-m", "pawsight", "train", "photos", "--model", "tin")
    assert "swift, colab, builtin" in unknown.stderr and "tiny" in unknown.stderr


def test_a_format_of_two_edits_is_written_compared_and_described(extended, tmp_path, root):
    draw_photos(tmp_path / "photos")
    shutil.copytree(root / "src/pawsight/models/builtin/cats-dogs", tmp_path / "run")
    for old, new in (("blue", "cats"), ("red", "dogs")):
        (tmp_path / "photos" / old).rename(tmp_path / "photos" / new)
    run = extended("An export format")

    done = run(
        *("-m", "pawsight", "export", "run", "--format", "onnx-gz", "--photos", "photos"),
        *("--out", "out"),
    )

    assert done.returncode == 0, done.stderr
    described = json.loads((tmp_path / "out" / "model.json").read_text())
    assert described["compared"]["largest_difference"] < 1e-4
    assert described["outputs"] == ["logits", "probabilities"]
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "RGB\n  from 0 to 255" in readme
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "out" / "snippet.py").write_text(code)
    shutil.copy(tmp_path / "photos" / "cats" / "0.png", tmp_path / "out" / "photo.jpg")
    recorded = subprocess.run(
        [sys.executable, "snippet.py"],
        cwd=tmp_path / "out",
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.partition(":")[0] for line in recorded.stdout.splitlines()] == ["cats", "dogs"]


def test_a_fact_of_two_files_is_in_the_catalog_also_of_photos_that_were_read_before(
    extended, tmp_path, root
):
    for i, mode in enumerate(("RGB", "RGBA", "LA", "L")):
        path = tmp_path / "photos" / ("a", "b")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, (70, 70)).save(path)
    audit = "import pawsight\nfor name in {}:\n    pawsight.audit('photos', name)\n"
    subprocess.run(
        [sys.executable, "-c", audit.format(["before"])],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root / "src")},
        capture_output=True,
        check=True,
    )
    assert "has_alpha" not in (tmp_path / "before" / "catalog.csv").read_text()

    done = extended("A fact of a photo")("-c", audit.format(["read", "cached"]))

    assert done.returncode == 0, done.stderr
    for name in ("read", "cached"):
        with (tmp_path / name / "catalog.csv").open() as file:
            found = {row["path"]: row["has_alpha"] for row in csv.DictReader(file)}
        assert found == {"a/0.png": "0", "a/2.png": "1", "b/1.png": "1", "b/3.png": "0"}


CUE = """
from pathlib import Path
from pawsight.data.auditing.checks import CHECKS
from pawsight.data.auditing.shortcuts import find_shortcuts
from pawsight.data.catalog import Catalog
from pawsight.records import Photo

photos = [
    Photo(f"{label}/{i}.jpg", label, width=100, height=100, size=size)
    for label, size in (("cats", 5000), ("dogs", 20_000))
    for i in range(25)
]
for one in find_shortcuts(Catalog("pets", Path(), tuple(photos)), None):
    print(one.cue, one.text)
print({check.id: check.rule for check in CHECKS}["shortcuts"])
"""


def test_a_cue_of_two_edits_is_compared_and_named_in_the_rule(extended):
    done = extended("A cue of shortcuts")("-c", CUE)

    assert done.returncode == 0, done.stderr
    found, rule = done.stdout.splitlines()
    assert found.startswith("compression Photos of 'cats' are compressed, usually 0.50 bytes by")
    assert "Compression" in rule


CORRUPT = """
from pathlib import Path
import numpy as np
from pawsight.data.catalog import Catalog
from pawsight.evaluation.robustness import measure_robustness
from pawsight.progress import Silent
from pawsight.records import Photo
from pawsight.report.robustness_figure import draw_robustness
from pawsight.task import SINGLE_LABEL

class Stripes:
    lost = {}
    def read(self, indices):
        image = np.zeros((16, 16, 3), np.uint8)
        image[::2] = 255
        return np.stack([image] * len(indices))

photos = tuple(Photo(f"{i}.jpg", "xy"[i % 2], "test") for i in range(4))
found = measure_robustness(
    lambda images: np.stack([np.ones(len(images)), images.std(axis=(1, 2, 3)) / 64], axis=1),
    Stripes(), Catalog("stripes", Path(), photos), "test", SINGLE_LABEL, Silent(),
)
print(found.kinds["contrast"].num_correct, found.kinds["contrast"].strengths)
print(len(draw_robustness(found).axes[0].lines) == len(found.kinds))
"""


def test_a_corruption_of_two_edits_is_measured_and_drawn(extended):
    done = extended("A corruption")("-c", CORRUPT)

    assert done.returncode == 0, done.stderr
    # All are taken for "y", until the deviation of 127.5 is below 64: at 50 % it is 63.75.
    assert done.stdout.splitlines() == [
        "(2, 2, 2, 2, 2, 2) ('none', '70 % of it', '50 % of it', '35 % of it', '25 % of it', "
        "'15 % of it')",
        "True",
    ]


def test_a_store_of_two_edits_is_connected_to_and_reports_its_errors(extended):
    run = extended("A cloud store")

    failed = run("-m", "pawsight", "audit", "ftp://ann:secret@127.0.0.1:1/pets")

    assert failed.returncode == 1
    assert "ftp://***@127.0.0.1:1/pets cannot be listed" in failed.stderr
    assert "FTP did not answer correctly" in failed.stderr
    assert "secret" not in failed.stderr


def test_a_format_of_predictions_is_chosen_by_the_ending_of_a_name(extended, tmp_path, save_photo):
    save_photo("photos/0.png", "red")
    (tmp_path / "photos" / "1.jpg").write_text("no photo")
    run = extended("A format of predictions")

    done = run("-m", "pawsight", "predict", "photos", "--output", "answers.tsv")

    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in (tmp_path / "answers.tsv").read_text().splitlines()]
    assert rows[0] == ["path", "label", "probability", "answer", "error", "cats", "dogs"]
    assert [len(row) for row in rows] == [7, 7, 7]
    assert rows[2][0].endswith("1.jpg") and rows[2][1] == "" and rows[2][4]


def test_other_changes_name_files_and_what_is_in_them(root):
    page = (root / "docs" / "extending.md").read_text()
    rows = re.findall(r"^\| .+ \| (.+) \|$", page.split("\n## Other changes\n")[1], re.MULTILINE)
    assert rows
    for row in rows:
        words = re.findall(r"`(.+?)`", row)
        paths = [word for word in words if word.endswith((".py", ".j2", ".js"))]
        sources = "".join((root / "src" / "pawsight" / path).read_text() for path in paths)
        names = [word for word in words if word not in paths and word != "report.json"]
        assert all(name in sources for name in names), row
