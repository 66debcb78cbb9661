"""The steps of the Containerfile are replayed: copy, install, and run as the image would."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import sysconfig
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="images are Linux")


@pytest.fixture(scope="module")
def stages(root):
    """The steps of each stage: [instruction, arguments]."""
    text = (root / "Containerfile").read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            image, name = re.fullmatch(r"(\S+) AS (\w+)", rest).groups()
            assert image == "python:3.12-slim"
            found[name] = []
        else:
            found[name].append((instruction, rest))
    return found


@pytest.fixture(scope="module")
def copied(stages, root, tmp_path_factory):
    """What the stage "source" copies, as the folder /pawsight of an image."""
    folder = tmp_path_factory.mktemp("image") / "pawsight"
    folder.mkdir()
    for instruction, rest in stages["source"]:
        if instruction == "COPY":
            *names, target = rest.split()
            for name in names:
                one = root / name
                if one.is_dir():
                    shutil.copytree(
                        one, folder / target, ignore=shutil.ignore_patterns("__pycache__")
                    )
                else:
                    shutil.copy(one, folder / target)
    return folder


@pytest.fixture(scope="module")
def installed(copied, tmp_path_factory):
    """The package that `pip install /pawsight` installs, without its dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(build, cwd=copied, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    shutil.unpack_archive(wheel, folder / "site", "zip")
    return folder / "site"


def value(steps, instruction):
    """The arguments of the only step of a kind."""
    (found,) = [rest for name, rest in steps if name == instruction]
    return found


@pytest.mark.parametrize(("name", "extras"), [("service", "serve"), ("worker", "train,cluster")])
def test_image_installs_extras_that_there_are_and_runs_as_nobody(stages, root, name, extras):
    steps = stages[name]
    assert steps[0] == ("COPY", "--from=source /pawsight /pawsight")
    command = shlex.split(value(steps, "RUN"))
    assert command == ["pip", "install", "--no-cache-dir", f"/pawsight[{extras}]"]
    assert int(value(steps, "USER")) > 0
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    for extra in extras.split(","):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE)


def test_only_what_is_copied_is_sent_to_the_builder(stages, root):
    ignored = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    copied = {name for _, rest in stages["source"] if _ == "COPY" for name in rest.split()[:-1]}
    assert ignored[0] == "*" and kept == copied


@pytest.mark.slow
def test_service_of_the_image_is_healthy(stages, installed, tmp_path):
    steps = stages["service"]
    entry, command = (json.loads(value(steps, name)) for name in ("ENTRYPOINT", "CMD"))
    assert entry == ["pawsight"]
    address = f"http://127.0.0.1:{value(steps, 'EXPOSE')}"
    health = json.loads(value(steps, "HEALTHCHECK").removeprefix("CMD "))
    assert f"{address}/healthz" in health[-1]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    # Other tests may listen on the port of the image: this one takes any, on this machine only.
    options = [*command[1:-1], "127.0.0.1", "--port", str(port)]
    path = os.pathsep.join([str(installed), sysconfig.get_paths()["purelib"]])
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": path}
    program = [sys.executable, "-S", "-m", "pawsight", command[0], *options]
    check = health[-1].replace(address, f"http://127.0.0.1:{port}")
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(program, env=env, cwd=tmp_path, stdout=log, stderr=log)
    try:
        for _ in range(100):
            if (
                subprocess.run(
                    [sys.executable, "-c", check], check=False, capture_output=True
                ).returncode
                == 0
            ):
                break
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.2)
        else:
            raise AssertionError((tmp_path / "log").read_text())
    finally:
        process.terminate()
        process.wait(30)
