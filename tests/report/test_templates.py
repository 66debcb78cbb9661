"""What the templates of all pages have in common."""

import pytest
from jinja2 import UndefinedError

from pawsight.report.templates import load_template


@pytest.fixture
def rendered():
    """Render a text as the pages' templates are rendered."""
    environment = load_template("data.html.j2").environment

    def render(text, **values):
        return environment.from_string(text).render(values)

    return render


def test_names_are_escaped_and_what_cannot_be_printed_is_replaced(rendered):
    assert rendered("{{ name }}", name="<b>&\x1b") == "&lt;b&gt;&amp;\N{REPLACEMENT CHARACTER}"
    assert rendered("{{ number }}", number=1.5) == "1.5"


def test_a_name_that_no_value_has_is_an_error(rendered):
    with pytest.raises(UndefinedError):
        rendered("{{ name }}")


def test_lines_of_the_template_language_leave_none_in_the_page(rendered):
    assert rendered("{% if true %}\n  {% if true %}\n a\n  {% endif %}\n{% endif %}\n") == " a\n"


def test_numbers_stay_on_the_line_of_their_percent_sign(rendered):
    assert rendered("{{ 0.125 | percent }}") == "12.5\N{NO-BREAK SPACE}%"
    sentence = "right on 87.5 % of 100 % and % of those"
    kept = "right on 87.5\N{NO-BREAK SPACE}% of 100\N{NO-BREAK SPACE}% and % of those"
    assert rendered("{{ value | unbroken }}", value=sentence) == kept
