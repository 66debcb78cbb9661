"""How figures are written into a page."""

import pytest

from pawsight.report.figure_style import INK, LINE, inline_svg, percent_ticks, short


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("c" * 18, "c" * 18),
        ("c" * 19, "c" * 17 + "…"),
        ("a\x00b", "a\ufffdb"),
    ],
)
def test_names_of_more_than_18_letters_are_cut(name, shown):
    assert short(name) == shown
    assert len(short(name)) <= 18 and short(name).isprintable()


def test_shares_on_an_axis_are_percent():
    ticks = percent_ticks()
    assert [ticks(share, None) for share in (0.5, 0.125, 1.0)] == ["50 %", "12.5 %", "100 %"]


def test_an_inline_figure_has_ids_and_colours_of_its_page():
    svg = (
        f'<?xml version="1.0"?>\n<svg width="9" viewBox="0 0 9 8" height="8">'
        f"<metadata>made</metadata><style>*{{x}}</style>"
        f'<g id="patch_1"><path/></g>\n   <g id="a" style="fill: {INK}"><use xlink:href="#b"/>'
        f'<path clip-path="url(#c)" stroke="{LINE}" font="\'DejaVu Sans\'"/></g></svg>\n'
    )
    assert inline_svg(svg, "p") == (
        '<svg viewBox="0 0 9 8">\n<g id="p-a" style="fill: currentColor"><use href="#p-b"/>'
        '<path clip-path="url(#p-c)" stroke="var(--line)" font="system-ui"/></g></svg>'
    )
