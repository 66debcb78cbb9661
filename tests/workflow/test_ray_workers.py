"""Workers on a Ray cluster: a real one of this machine, where Ray is installed."""

import sys

import numpy as np
import pytest

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, ExtraError
from pawsight.models.model_files import load_model
from pawsight.workflow import audit, train
from pawsight.workflow.ray_workers import RayCluster, _cores_each


@pytest.mark.parametrize(
    ("nodes", "count", "cores"),
    [([8], 4, 2), ([8, 4], 3, 4), ([8, 4], 4, 2), ([2], 3, 0), ([], 1, 0)],
)
def test_workers_share_the_cores_of_all_nodes(nodes, count, cores):
    assert _cores_each(nodes, count) == cores


def test_missing_ray_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExtraError, match=r'pip install "pawsight\[cluster\]"'):
        RayCluster("auto", 2)


@pytest.fixture
def cluster(monkeypatch):
    """A cluster of this machine with two cores."""
    ray = pytest.importorskip("ray", reason='needs pip install "pawsight[cluster]"')
    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, sys.path)))
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_run_on_a_cluster_equals_that_of_one_process(cluster, run, photos, tmp_path):
    with pytest.raises(ConfigError, match="fewer than 3 cores"):
        RayCluster("auto", 3)
    config = TrainConfig(model="colab", image_size=(32, 32), epochs=2)
    found = train(photos, config, tmp_path / "run", workers=2, cluster="auto")
    assert found.is_complete
    pairs = zip(load_model(run).get_weights(), load_model(found).get_weights(), strict=True)
    for one, two in pairs:
        np.testing.assert_allclose(two, one, atol=0.01)  # bfloat16 has 8 bits


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_photos_and_features_on_a_cluster_equal_those_of_one_process(
    cluster, photos, tmp_path, monkeypatch
):
    found = []
    for name, options in {"here": {}, "cluster": {"workers": 2, "cluster": "auto"}}.items():
        monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / name))
        audited = audit(photos, **options)
        config = TrainConfig(model="builtin")
        weights = load_model(train(photos, config, tmp_path / f"{name}-run", **options))
        stores = sorted((tmp_path / name).rglob("pixels-*.u8"))
        found.append((audited, [one.read_bytes() for one in stores], weights.get_weights()))
    assert found[0][:2] == found[1][:2]
    for one, two in zip(found[0][2], found[1][2], strict=True):
        assert one.tobytes() == two.tobytes()
