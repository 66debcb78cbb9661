"""The documentation as people open it from disk: the search box works and nothing is fetched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(browser, tmp_path_factory):
    """The start page; the browser is asked for first, since it may not be installed."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", folder]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, timeout=120)
    return folder / "index.html"


@pytest.mark.slow
@pytest.mark.parametrize(
    "query, title",
    [
        ("netrc", "Photos from cloud stores"),
        ("--group-by", "The run folder"),
        ("--class-level", "Commands"),
        ("pixels.bands", "Photos"),
        ("--companions", "Sort a photo library"),
        ("--grou", "Photos"),
    ],
)
def test_search_works_where_the_page_is_opened_as_a_file(site, open_page, query, title):
    page = open_page(site.as_uri())
    box = page.locator(".md-search__input")
    box.click()
    box.press_sequentially(query)
    page.locator(".md-search-result__item h1", has_text=title).first.wait_for(state="attached")
    assert [url for url in page.asked if not url.startswith(("file:", "data:", "blob:"))] == []
