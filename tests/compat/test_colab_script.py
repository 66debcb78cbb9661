"""The script of docs/from-colab.md runs from start to end, with one changed import."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

OLD = "from tensorflow.keras.preprocessing.image import ImageDataGenerator"
NEW = "from pawsight.compat import ImageDataGenerator"


@pytest.mark.slow
# Keras would rather have an Input layer than input_shape, as the script has it.
@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`:UserWarning")
def test_the_colab_script_runs_with_one_changed_import(photo_folder, tmp_path, monkeypatch):
    import matplotlib

    matplotlib.use("Agg")
    mounted = []
    drive = types.SimpleNamespace(mount=mounted.append)
    monkeypatch.setitem(sys.modules, "google.colab", types.SimpleNamespace(drive=drive))
    data = tmp_path / "dataset"
    data.mkdir()
    for part in ("train", "validation"):
        (data / part).symlink_to(photo_folder)
    page = Path(__file__).parents[2] / "docs" / "from-colab.md"
    script = re.search(r"```python\n(from google.colab.*?)```", page.read_text("utf-8"), re.S)
    text = script[1]
    assert OLD in text
    text = text.replace(OLD, NEW).replace("/content/drive/MyDrive/dataset", str(data))
    text = text.replace("epochs=10", "epochs=1")  # nothing else is changed
    names = {}
    exec(compile(text, "script", "exec"), names)
    assert mounted == ["/content/drive"]
    assert names["train"].class_indices == {"cats": 0, "dogs": 1}
    assert np.isfinite(names["history"].history["val_accuracy"]).all()
