"""What several processes can train together."""

from types import SimpleNamespace

import pytest

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError
from pawsight.training import worker_group
from pawsight.training.worker_group import check_workers, divided_batch_size

GROUP = SimpleNamespace(count=3)


def dataset(num_validation):
    parts = {"validation": list(range(num_validation))}
    return SimpleNamespace(catalog=SimpleNamespace(part=parts.__getitem__))


@pytest.mark.parametrize(("batch_size", "found"), [(1, 3), (3, 3), (4, 6), (6, 6), (64, 66)])
def test_a_batch_is_enlarged_until_it_can_be_divided(batch_size, found):
    assert divided_batch_size(batch_size, GROUP) == found


def test_what_cannot_be_divided_among_workers_is_refused(monkeypatch):
    config = TrainConfig(model="swift", batch_size=6)
    check_workers(GROUP, config, dataset(3))
    check_workers(GROUP, TrainConfig(model="swift"), dataset(3))
    with pytest.raises(ConfigError, match="There are 3 workers but only 2 validation photos"):
        check_workers(GROUP, config, dataset(2))
    with pytest.raises(ConfigError, match=r"batch size 7 cannot .*\n.*a multiple of 3"):
        check_workers(GROUP, TrainConfig(model="swift", batch_size=7), dataset(3))
    own = SimpleNamespace(keeps_keras=True)
    monkeypatch.setattr(worker_group, "find_network", lambda name: own)
    with pytest.raises(ConfigError, match="not your own network"):
        check_workers(GROUP, config, dataset(3))
