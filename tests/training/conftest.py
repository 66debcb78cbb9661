import pytest

from pawsight.tensorflow_setup import prepare_tensorflow

prepare_tensorflow()

from pawsight.config import AugmentConfig  # noqa: E402
from pawsight.training.plan import Plan  # noqa: E402


def _plan(num_steps=100, **fields):
    values = {
        "model": "swift",
        "class_names": ("cats", "dogs"),
        "image_size": (128, 128),
        "resize": "stretch",
        "num_train": 640,
        "num_validation": 100,
        "precision": "bfloat16",
        "precision_reason": "measured 1.7 times as fast as float32 here",
        "seed": 0,
        "eager": False,
        "optimizer": "muon",
        "learning_rate": 1.0,
        "schedule": "linear",
        "batch_size": 64,
        "label_smoothing": 0.1,
        "augment": AugmentConfig(),
        "num_steps": num_steps,
        "warmup": 0.2,
    }
    return Plan(**(values | fields))


@pytest.fixture(scope="module", autouse=True)
def read_photos_here(reading_in_this_process):
    """No test of this folder starts processes to read photos, but for those it runs itself."""


@pytest.fixture
def plan_of():
    """Make a plan of so many steps; keyword arguments replace its fields."""
    return _plan
