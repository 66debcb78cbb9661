"""examples/pawsight_in_colab.ipynb runs from start to end in a real kernel.

Only `google.colab` is a stand-in: a package on the kernel's path, whose mount is a
folder of drawn photos and whose downloads are written down.
"""

import base64
import io
import os
from pathlib import Path

import pytest
from PIL import Image

from pawsight import __version__
from pawsight.workflow import draw_sample

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "pawsight_in_colab.ipynb"
DRIVE = """
import os
from pathlib import Path


def mount(path):
    folder = Path(path, "MyDrive")
    folder.mkdir(parents=True)
    (folder / "dataset").symlink_to(os.environ["DRAWN_PHOTOS"])
"""
FILES = """
import os
import shutil
from pathlib import Path


def upload():
    photos = sorted(Path(os.environ["DRAWN_PHOTOS"]).rglob("*.*"))[:2]
    for photo in photos:
        shutil.copyfile(photo, photo.name)
    return {photo.name: photo.read_bytes() for photo in photos}


def download(path):
    with open("downloads.txt", "a") as written:
        print(Path(path).name, Path(path).stat().st_size > 1000, file=written)
"""


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture
def colab(tmp_path, monkeypatch):
    """A folder to run in, where `google.colab` can be imported and Drive holds drawn photos."""
    package = tmp_path / "stand-in" / "google" / "colab"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "drive.py").write_text(DRIVE)
    (package / "files.py").write_text(FILES)
    path = [str(package.parents[1]), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
    monkeypatch.setenv("DRAWN_PHOTOS", str(draw_sample(tmp_path / "photos", 60)))
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def executed(notebook, folder, **settings):
    """The notebook with its outputs; `settings` take the place of its cell of settings."""
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    assert all(f"{name} = " in cell.source for name in settings)
    cell.source = "\n".join(f"{name} = {value!r}" for name, value in settings.items())
    client = nbclient.NotebookClient(
        notebook, timeout=280, resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def pictures(cell):
    return [
        Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"])))
        for output in cell.outputs
        if "image/png" in output.get("data", ())
    ]


@pytest.mark.slow
# What belongs to the client of the kernel, and not to pawsight.
@pytest.mark.filterwarnings("ignore:::(jupyter_client|nbclient|zmq|traitlets)")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_notebook_runs_from_start_to_end(notebook, colab, tmp_path):
    mounted = tmp_path / "drive"
    done = executed(
        notebook,
        colab,
        mounted=str(mounted),
        source=str(mounted / "MyDrive" / "dataset"),
        image_size=(32, 32),
        epochs=2,
    )
    cells = {cell.source.splitlines()[-1]: cell for cell in done.cells if cell.cell_type == "code"}
    assert len(pictures(cells["plt.show()"])) == 1
    fit = cells["run = pawsight.train(source, config)"]
    (curves,) = pictures(fit)
    assert curves.width > 2 * curves.height
    assert "Training: " in fit.outputs[0]["data"]["text/plain"]
    assert not [output for output in fit.outputs if output.output_type == "stream"]
    assert "data:image/png" in cells["run"].outputs[0]["data"]["text/html"]
    predicted = cells["classifier.predict(names)"].outputs[-1]["data"]
    assert predicted["text/html"].count("%</td>") == 2
    assert "problem" not in predicted["text/html"]
    assert (colab / "downloads.txt").read_text() == "report.html True\nmodel.zip True\n"
    assert (mounted / "MyDrive" / "pawsight-run" / "model" / "model.onnx").is_file()
    if kept := os.environ.get("PAWSIGHT_KEEP_NOTEBOOK"):  # to look at its figures
        nbformat.write(done, kept)


def test_the_notebook_is_kept_without_outputs_and_each_cell_is_explained(notebook):
    nbformat.validate(notebook)
    for before, cell in zip(notebook.cells, notebook.cells[1:], strict=False):
        if cell.cell_type == "code":
            assert before.cell_type == "markdown"
            assert not cell.outputs
            assert cell.execution_count is None


def test_the_notebook_installs_the_wheel_of_this_version(notebook):
    assert f'wheel = "pawsight-{__version__}-py3-none-any.whl"' in notebook.cells[2].source
