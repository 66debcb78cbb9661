"""The examples of docs/cluster.md are run, with fewer shards."""

import os
import re
import subprocess
import sys

import pytest
import yaml

import pawsight

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")


@pytest.fixture
def page(root):
    return (root / "docs" / "cluster.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(colour_run, save_photo, tmp_path):
    """A folder with photos/, runs/cats and a command `pawsight`."""
    for i in range(3):
        save_photo(f"photos/{i}.png", ("red", "green", "blue")[i])
    (tmp_path / "runs").mkdir()
    colour_run.path.rename(tmp_path / "runs" / "cats")
    command = tmp_path / "bin" / "pawsight"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pawsight "$@"\n')
    command.chmod(0o755)
    return tmp_path


def section(page, title):
    """The first block of code of a section, in its language."""
    text = page.split(f"\n## {title}\n")[1]
    return re.search(r"```\w+\n(.*?)```", text, re.DOTALL)[1]


def run(script, folder, **variables):
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PATH": path} | variables
    subprocess.run(["sh", "-ec", script], cwd=folder, env=env, check=True, capture_output=True)


@pytest.mark.slow
def test_shell_example_gives_what_one_process_gives(page, folder):
    script = section(page, "One machine")
    assert "seq 4 |" in script and "{}/4\n" in script
    run(script.replace("seq 4", "seq 2").replace("{}/4", "{}/2"), folder)
    one = pawsight.predict_folder(
        [folder / "photos"], folder / "runs" / "cats", folder / "one" / "answers.csv"
    )
    merged = (folder / "answers.csv").read_text().replace("photos/", f"{folder}/photos/")
    assert merged == one.path.read_text()


@pytest.mark.slow
def test_slurm_example_predicts_the_shard_of_its_task(page, folder):
    script = section(page, "Slurm")
    assert "--array=1-64" in script and "/64" in script
    run(script, folder, SLURM_ARRAY_TASK_ID="64")
    assert (folder / "answers.csv.shard-64-of-64").is_file()


@pytest.mark.slow
def test_kubernetes_example_predicts_the_shard_of_its_index(page, folder):
    job = yaml.safe_load(section(page, "Kubernetes"))
    spec = job["spec"]
    assert (job["apiVersion"], job["kind"], spec["completionMode"]) == (
        "batch/v1",
        "Job",
        "Indexed",
    )
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["sh", "-c"]
    (script,) = container["args"]
    assert f"/{spec['completions']}" in script
    assert [one["name"] for one in container["volumeMounts"]] == [
        one["name"] for one in pod["volumes"]
    ]
    run(script, folder, JOB_COMPLETION_INDEX="0")
    assert (folder / "answers.csv.shard-01-of-64").is_file()


def test_ray_example_has_the_pinned_version_and_one_shared_folder(page, root):
    text = page.split("\n### A Ray cluster\n")[1]
    cluster = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    spec = cluster["spec"]
    pinned = f"ray[data,default]=={spec['rayVersion']}"
    assert pinned in (root / "pyproject.toml").read_text(encoding="utf-8")
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    pods = [group["template"]["spec"] for group in groups]
    containers = [container for pod in pods for container in pod["containers"]]
    assert len({container["image"] for container in containers}) == 1
    for pod, container in zip(pods, containers, strict=True):
        (mount,), (volume,) = container["volumeMounts"], pod["volumes"]
        assert mount["name"] == volume["name"]
        assert container["env"][0]["value"].startswith(mount["mountPath"])
