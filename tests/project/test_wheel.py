"""The wheel that people install holds everything the code reads."""

import re
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
    return zipfile.ZipFile(wheel)


@pytest.mark.slow
def test_wheel_holds_every_file_of_the_package(packed, root):
    source = root / "src"
    files = {
        path.relative_to(source).as_posix()
        for path in (source / "pawsight").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = set(packed.namelist())
    assert files <= names
    assert "pawsight/py.typed" in names
    assert "pawsight/report/template.html.j2" in names


@pytest.mark.slow
def test_wheel_holds_the_licence_and_nothing_of_the_tests(packed):
    names = packed.namelist()
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "docs/", "src/"))]


@pytest.mark.slow
def test_description_for_a_package_index_has_no_relative_link(packed, root):
    (name,) = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
    description = packed.read(name).decode().partition("\n\n")[2]
    assert "pawsight" in description and "make demo" in description
    links = re.findall(r"\]\(([^)\s]+)\)", description)
    assert [link for link in links if not link.startswith("https://")] == []
    assert re.search(r"\]\((?!https://)", (root / "README.md").read_text(encoding="utf-8"))
