"""The folder of `--format web`; what it does in a browser is in tests/browser."""

import json
import re

import pytest

from pawsight.exporting import web_page
from pawsight.exporting.model_folder import ModelFolder
from pawsight.progress import Silent

from ..conftest import COLOURS


@pytest.fixture
def folder(make_colour_run, tmp_path):
    made = tmp_path / "site"
    made.mkdir()
    run = make_colour_run("colours", resize="pad", temperature=2.0, source="squares")
    web_page.write(ModelFolder.open(run), made, Silent())
    return made


def test_every_file_that_a_file_names_is_there(folder):
    named = re.findall(r'(?:src|href)="([^"]+)"', (folder / "index.html").read_text())
    assert "static/page.js" in named
    assert all((folder / name).is_file() for name in named)
    for script in (folder / "static").glob("*.js"):
        for name in re.findall(r'(?:from|URL\()\s*"(\.[^"]+)"', script.read_text()):
            assert (script.parent / name).exists(), f"{script.name} names {name}"


def test_the_browser_answers_and_no_server_is_asked(folder):
    assert "onnx_engine.js" in (folder / "static" / "engine.js").read_text()
    assert not (folder / "static" / "http_engine.js").exists()


def test_the_card_reports_what_the_page_must_know(folder):
    card = json.loads((folder / "card.json").read_text())
    assert card["name"] == "colours"
    assert card["class_names"] == list(COLOURS)
    assert (card["image_size"], card["resize"], card["temperature"]) == ([8, 8], "pad", 2.0)
    assert card["trained"]["source"] == "squares"
    assert card["metrics"] is None
    assert card["has_ood_score"] is False


def test_the_runtime_is_the_version_that_its_licence_names(folder):
    licence = (folder / "runtime" / "LICENSE").read_text()
    version = re.search(r"onnxruntime-web ([\d.]+)", licence)[1]
    assert f"ONNX Runtime Web v{version}" in (
        folder / "runtime" / "ort.wasm.bundle.min.mjs"
    ).read_text(encoding="utf-8")
