import pytest

from pawsight.tensorflow_setup import prepare_tensorflow

prepare_tensorflow()


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """One cache for the whole room: photos are read once."""
    patch = pytest.MonkeyPatch()
    patch.setenv("PAWSIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def photos(cache, tmp_path_factory):
    """Eighty drawn cats and dogs, a broken one among them, and a file that is no photo."""
    from pawsight.workflow import draw_sample

    folder = draw_sample(tmp_path_factory.mktemp("photos") / "pets", count=80)
    (folder / "cats" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    (folder / "dogs" / "notes.txt").write_text("not a photo")
    return folder


@pytest.fixture(scope="session")
def run(photos, tmp_path_factory):
    """A short run on them; nothing may change it."""
    from pawsight.config import TrainConfig
    from pawsight.workflow import train

    config = TrainConfig(model="colab", image_size=(32, 32), epochs=2)
    return train(photos, config, tmp_path_factory.mktemp("runs") / "run")
