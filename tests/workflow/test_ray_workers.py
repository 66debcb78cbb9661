"""Workers on a Ray cluster: a real one of this machine, where Ray is installed."""

import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, ExtraError
from pawsight.models.model_files import load_model
from pawsight.progress import Silent
from pawsight.workflow import audit, train
from pawsight.workflow.ray_workers import RayCluster, _cores_each, connect

pytestmark = pytest.mark.usefixtures("undrawn")


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


def test_cluster_that_refuses_is_named_without_the_lines_of_ray(monkeypatch, capfd):
    def init(**_):
        os.write(2, b"gcs_client.cc:210: InvalidAuthToken")
        raise ConnectionError("Failed to connect.")

    ray = SimpleNamespace(is_initialized=lambda: False, init=init)
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(ConfigError, match=r"at head:1, or it needs another token: Failed to") as no:
        connect("head:1")
    assert "its token in RAY_AUTH_TOKEN" in str(no.value)
    assert capfd.readouterr().err == ""


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


class _LosesANode(Silent):
    """Takes a node away when the first steps are reported, and gives another one."""

    def __init__(self, cluster, node):
        self.notes, self._cluster, self._node = [], cluster, node

    def note(self, text):
        self.notes.append(text)

    def advance(self, done, **facts):
        if done and "loss" in facts and self._node is not None:
            node, self._node = self._node, None
            self._cluster.add_node(num_cpus=1)
            self._cluster.remove_node(node, allow_graceful=False)


@pytest.mark.slow
@pytest.mark.timeout(900)  # three starts of TensorFlow in each of two workers
@pytest.mark.filterwarnings("ignore")
def test_a_node_lost_while_training_changes_no_bit(photos, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason='needs pip install "pawsight[cluster]"')
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, sys.path)))
    # So many epochs that they last until the loss is noticed.
    config = TrainConfig(model="colab", image_size=(32, 32), epochs=20, precision="float32")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        ray.init(address=cluster.address, log_to_driver=False)
        whole = train(photos, config, tmp_path / "whole", workers=2, cluster="auto")
        progress = _LosesANode(cluster, nodes[1])
        found = train(photos, config, tmp_path / "run", progress, workers=2, cluster="auto")
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert progress._node is None and found.is_complete
    assert any("was lost" in note for note in progress.notes)
    for one, two in zip(
        load_model(whole).get_weights(), load_model(found).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, two)
