import shutil
import sys

import pytest

from pawsight.runs import Run
from pawsight.tensorflow_setup import prepare_tensorflow

prepare_tensorflow()


@pytest.fixture(scope="module", autouse=True)
def read_photos_here(reading_in_this_process):
    """No test of this folder starts processes to read photos, but for those it runs itself."""


@pytest.fixture
def folder(save_photo, tmp_path):
    """Nine photos of three colours, and one that cannot be read."""
    for i in range(9):
        save_photo(f"photos/{i}.png", ("red", "green", "blue")[i % 3], (16 + i, 12))
    (tmp_path / "photos" / "a,broken\n.png").write_bytes(b"no photo")
    return tmp_path / "photos"


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """One cache for all tests of the workflow: photos are read once."""
    patch = pytest.MonkeyPatch()
    patch.setenv("PAWSIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def photos(cache, make_once):
    """Eighty drawn cats and dogs, a broken one among them, and a file that is no photo."""
    from pawsight.workflow import draw_sample

    def draw(folder):
        draw_sample(folder, count=80)
        (folder / "cats" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
        (folder / "dogs" / "notes.txt").write_text("not a photo")

    return make_once("workflow/pets", draw)


@pytest.fixture(scope="session")
def run(photos, make_once, tmp_path_factory):
    """A short run on them; nothing may change it."""
    from pawsight.config import TrainConfig
    from pawsight.workflow import train

    config = TrainConfig(model="colab", image_size=(32, 32), epochs=2)
    trained = make_once("workflow/run", lambda folder: train(photos, config, folder))
    return Run(shutil.copytree(trained, tmp_path_factory.mktemp("runs") / "run"))


@pytest.fixture
def cluster(monkeypatch):
    """A cluster of this machine with two cores."""
    import pawsight.workflow.ray_workers  # noqa: F401 - it configures Ray

    ray = pytest.importorskip("ray", reason='needs pip install "pawsight[cluster]"')
    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, sys.path)))
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()
