import pickle
import shutil

import pytest

from pawsight.runs import Run
from pawsight.tensorflow_setup import prepare_tensorflow

prepare_tensorflow()


@pytest.fixture(scope="module", autouse=True)
def read_photos_here(reading_in_this_process):
    """No test of this folder starts processes to read photos, but for those it runs itself."""


@pytest.fixture(scope="session")
def photos(make_once):
    """Eighty drawn cats and dogs."""
    from pawsight.workflow import draw_sample

    return make_once("exporting/pets", lambda folder: draw_sample(folder, count=80))


@pytest.fixture(scope="session")
def run(photos, make_once, tmp_path_factory):
    """A short run on them, of a network with one output for two classes; nothing may change it."""
    from pawsight.config import TrainConfig
    from pawsight.workflow import train

    config = TrainConfig(model="colab", image_size=(32, 40), epochs=2, resize="crop")
    trained = make_once("exporting/run", lambda folder: train(photos, config, folder))
    return Run(shutil.copytree(trained, tmp_path_factory.mktemp("runs") / "run"))


@pytest.fixture(scope="session")
def all_exports(run, make_once):
    """The run in every format, by name; nothing may change them."""

    def build(folder):
        from pawsight.exporting.formats import FORMATS
        from pawsight.workflow.exports import export_all

        done = list(export_all(run, list(FORMATS), folder))
        (folder / "exports.pickle").write_bytes(pickle.dumps(done))

    folder = make_once("exporting/exports", build)
    return {one.format: one for one in pickle.loads((folder / "exports.pickle").read_bytes())}
