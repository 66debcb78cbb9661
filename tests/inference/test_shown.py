"""Predictions as text and in a notebook."""

import copy
import pickle

from pawsight.records import Prediction, PredictionList

TOM = Prediction("tom.jpg", "cats", 0.75, {"dogs": 0.25, "cats": 0.75})


def test_prediction_reads_well():
    assert repr(TOM) == "Prediction('tom.jpg', 'cats', 0.7500)"
    assert repr(Prediction("x", error="empty file")) == "Prediction('x', error='empty file')"


def test_notebook_shows_every_class_the_likeliest_first():
    page = TOM._repr_html_()
    assert page.index("cats") < page.index("75.0 %") < page.index("dogs") < page.index("25.0 %")


def test_names_cannot_bring_code_into_a_notebook():
    evil = "<script>alert('1')</script>"
    for one in (Prediction(evil, evil, 1.0, {evil: 1.0}), Prediction(evil, error=evil)):
        for page in (one._repr_html_(), PredictionList([one])._repr_html_()):
            assert "<script" not in page
            assert "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;" in page


def test_name_that_is_no_text_can_be_shown():
    one = Prediction("caf\udce9.jpg", "cats", 1.0, {"cats": 1.0, "dogs": 0.0})
    for page in (one._repr_html_(), PredictionList([one])._repr_html_()):
        assert "caf\\udce9.jpg" in page.encode("utf-8").decode()


def test_notebook_shows_a_list_as_a_table_with_its_errors():
    page = PredictionList([TOM, Prediction("bad.jpg", error="empty file")])._repr_html_()
    assert page.count("<tr>") == 3  # the head, and a row each
    assert "empty file" in page


def test_long_list_reports_how_many_are_not_shown():
    page = PredictionList([TOM] * 1234)._repr_html_()
    assert page.count("tom.jpg") == 100
    assert "and 1,134 more" in page


def test_list_is_a_list_and_survives_copy_and_pickle():
    found = PredictionList([TOM])
    assert found == [TOM]
    assert pickle.loads(pickle.dumps(found)) == copy.deepcopy(found) == found
