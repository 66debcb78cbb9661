"""The documents say what is there: links, commands, versions, generated pages."""

import re
import runpy

import pytest
import typer

import pawsight
from pawsight.models.registry import listed_networks

from .conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(path):
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), f"{link} leads nowhere"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{link} has no such part"


@pytest.mark.parametrize("name", ["commands", "reference"])
@pytest.mark.slow
def test_generated_page_agrees_with_the_code(name):
    generator = runpy.run_path(str(ROOT / "docs" / f"generate_{name}.py"))
    written = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert written == generator["page"](), "run: make docs"


def test_every_command_has_help_and_an_example():
    from pawsight.cli.main import app

    commands = typer.main.get_command(app).commands
    assert {"train", "evaluate", "predict", "report", "sample", "audit", "doctor"} <= set(commands)
    for name, command in commands.items():
        assert f"pawsight {name}" in command.help, f"{name} shows no example"


def test_readme_names_the_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text


def test_changelog_has_an_entry_for_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[?{re.escape(pawsight.__version__)}\b", text, re.MULTILINE)


def test_every_documented_page_is_in_the_menu():
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        assert path.name in menu, f"docs/{path.name} is in no menu"


def test_every_make_target_the_documents_name_is_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in PAGES:
        named = re.findall(r"`make ([a-z-]+)", path.read_text(encoding="utf-8"))
        assert set(named) <= targets, path.name


def anchors(text: str) -> set[str]:
    """The anchors that the headings of a page get."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()).strip() for heading in headings)
    return {re.sub(r"[\s]+", "-", heading) for heading in plain}


def test_the_page_of_networks_lists_those_trained_from_scratch(root):
    text = (root / "docs" / "transfer.md").read_text(encoding="utf-8")
    table = text.split("## Trained from scratch")[1].split("## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `") and "--model" not in line]
    assert rows == [
        f"| `{one.name}` | {one.summary} |" for one in listed_networks() if not one.has_weights
    ]
