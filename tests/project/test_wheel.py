"""The wheel that people install holds everything the code reads."""

import subprocess
import sys
import zipfile

import pytest


@pytest.fixture(scope="module")
def packed(tmp_path_factory, root):
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.slow
def test_wheel_holds_every_file_of_the_package(packed, root):
    source = root / "src"
    files = {
        path.relative_to(source).as_posix()
        for path in (source / "pawsight").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files <= packed
    assert "pawsight/py.typed" in packed
    assert "pawsight/report/template.html.j2" in packed


@pytest.mark.slow
def test_wheel_holds_the_licence_and_nothing_of_the_tests(packed):
    assert any(name.endswith("licenses/LICENSE") for name in packed)
    assert not [name for name in packed if name.startswith(("tests/", "docs/", "src/"))]
