import os
from types import MappingProxyType

import numpy as np
import pytest

from pawsight.errors import DataError, RunError, ShapeError
from pawsight.evaluation.predictions import collect, load_predictions, save_predictions
from pawsight.progress import Silent
from pawsight.records import Predictions


class NumberedPixels:
    """Photo i is a 1x1 picture of colour i."""

    lost = MappingProxyType({})

    def read(self, indices):
        return np.asarray(indices, np.uint8).reshape(-1, 1, 1, 1).repeat(3, axis=3)


class Listener(Silent):
    def __init__(self):
        self.done = []

    def advance(self, done, **facts):
        self.done.append(done)


def share_of_colour(images):
    """Photo i gets the probability i / 10 for the second class."""
    second = images[:, 0, 0, 0] / 10
    return np.stack([1 - second, second], axis=1)


def test_collect_keeps_path_truth_and_probability_of_a_photo_together(make_catalog):
    catalog = make_catalog([0, 1, 1, 0, 1], ["cat", "dog"])

    found = collect(share_of_colour, NumberedPixels(), catalog, "test", Silent(), batch_size=2)

    assert found.paths == ("0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg")
    assert found.labels.tolist() == [0, 1, 1, 0, 1]
    np.testing.assert_allclose(found.probs[:, 1], [0.0, 0.1, 0.2, 0.3, 0.4])
    assert found.class_names == ("cat", "dog")


def test_collect_reports_every_photo_once(make_catalog):
    listener = Listener()
    catalog = make_catalog([0, 1, 1, 0, 1], ["cat", "dog"])

    collect(share_of_colour, NumberedPixels(), catalog, "test", listener, batch_size=2)

    assert listener.done == [2, 2, 1]


def test_collect_matches_classes_by_name_when_the_photos_come_from_elsewhere(make_catalog):
    catalog = make_catalog([0, 1], ["cat", "dog"])

    found = collect(
        lambda images: np.tile([0.5, 0.3, 0.2], (len(images), 1)),
        NumberedPixels(),
        catalog,
        "test",
        Silent(),
        class_names=["ant", "dog", "cat"],
    )

    assert found.class_names == ("ant", "dog", "cat")
    assert found.labels.tolist() == [2, 1]


def test_collect_names_the_class_the_model_never_learnt(make_catalog):
    catalog = make_catalog([0, 1, 2], ["cat", "fox", "wolf"])

    with pytest.raises(
        DataError,
        match=r"(?s)was not trained on 'fox', 'wolf'; its classes are 'cat', 'dog's'\."
        r".*--exclude fox --exclude wolf$",
    ):
        collect(
            share_of_colour,
            NumberedPixels(),
            catalog,
            "test",
            Silent(),
            class_names=["cat", "dog's"],
        )


def test_collect_names_why_no_photo_of_a_part_can_be_read(make_catalog):
    catalog = make_catalog([0], ["cat", "dog"])
    photo = catalog.photos[0]
    photo.part, photo.problem = "", "file not found; it could be x/0.jpg, y/0.jpg"
    catalog.broken.append(photo)
    with pytest.raises(
        DataError, match=r"evaluate on\.\nThe first of 1: 0\.jpg: file not found; it"
    ):
        collect(share_of_colour, NumberedPixels(), catalog, "validation", Silent())


def test_collect_names_the_part_that_is_empty(make_catalog):
    with pytest.raises(DataError, match="The validation part of pets has no readable photo"):
        collect(
            share_of_colour,
            NumberedPixels(),
            make_catalog([0], ["cat", "dog"]),
            "validation",
            Silent(),
        )


def test_collect_refuses_a_model_with_another_number_of_classes(make_catalog):
    with pytest.raises(ShapeError, match=r"\(1, 3\) was expected"):
        collect(
            share_of_colour,
            NumberedPixels(),
            make_catalog([0], ["cat", "dog", "eel"]),
            "test",
            Silent(),
        )


@pytest.mark.parametrize(
    "name",
    [
        "cats, small/1.jpg",
        'the "best" cat.jpg',
        "two\nlines.jpg",
        "carriage\rreturn.jpg",
        os.fsdecode(b"caf\xe9/\xff.jpg"),
        "Füchse/🦊.jpg",
        "<b>bold</b>.jpg",
        " leading space.jpg",
        "=HYPERLINK(1).jpg",
        "'=1.jpg",
        "./@1.jpg",
        "class =1",
    ],
)
def test_saved_predictions_come_back_with_any_file_name(tmp_path, name):
    path = tmp_path / "evaluation" / "predictions-test.csv"
    predictions = Predictions(
        paths=(name, "plain.jpg"),
        labels=np.array([1, 0]),
        probs=np.array([[0.25, 0.75], [0.1, 0.9]]),
        class_names=("cat, small", name),
    )

    save_predictions(predictions, path)
    found = load_predictions(path)

    assert found.paths == predictions.paths
    assert found.class_names == predictions.class_names
    assert found.labels.tolist() == [1, 0]
    assert found.probs.tolist() == predictions.probs.tolist()


def test_no_cell_of_saved_predictions_is_a_formula(tmp_path):
    path = tmp_path / "predictions-test.csv"
    names = ("+cat", "=dog")

    save_predictions(Predictions(("=1.jpg",), np.array([1]), np.array([[0.25, 0.75]]), names), path)

    assert path.read_text() == (
        '"path","truth","label","probability","\'+cat","\'=dog"\n'
        '"./=1.jpg","\'=dog","\'=dog",0.75,0.25,0.75\n'
    )


def test_saved_predictions_read_well_in_a_spreadsheet(tmp_path):
    path = tmp_path / "predictions-test.csv"
    save_predictions(
        Predictions(
            paths=("a.jpg", "b.jpg"),
            labels=np.array([0, 0]),
            probs=np.array([[0.1, 0.9], [0.5, 0.5]], np.float32),
            class_names=("cat", "dog"),
        ),
        path,
    )

    assert path.read_text() == (
        '"path","truth","label","probability","cat","dog"\n'
        '"a.jpg","cat","dog",0.9,0.1,0.9\n'
        '"b.jpg","cat","cat",0.5,0.5,0.5\n'
    )


def test_classes_may_be_called_like_the_other_columns(tmp_path):
    path = tmp_path / "predictions-test.csv"
    predictions = Predictions(
        paths=("a.jpg",),
        labels=np.array([1]),
        probs=np.array([[0.2, 0.8]]),
        class_names=("path", "label"),
    )

    save_predictions(predictions, path)

    assert path.read_text().splitlines()[0] == (
        '"path","truth","label","probability","class path","class label"'
    )
    assert load_predictions(path).class_names == ("path", "label")
    assert load_predictions(path).probs.tolist() == [[0.2, 0.8]]


def test_predictions_of_earlier_versions_are_read_where_classes_are_called_like_columns(tmp_path):
    path = tmp_path / "predictions-test.csv"
    path.write_text(
        '"path","truth","label","probability","label","plain"\n"a.jpg","plain","label",0.7,0.7,0.3\n'
    )

    assert load_predictions(path).class_names == ("label", "plain")


def test_missing_predictions_explain_how_to_make_them(tmp_path):
    with pytest.raises(RunError, match="pawsight evaluate RUN"):
        load_predictions(tmp_path / "predictions-test.csv")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "path,label\n",
        '"path","truth","label","probability","cat","dog"\n"a.jpg","cow","dog",0.9,0.1,0.9\n',
        '"path","truth","label","probability","cat","dog"\n"a.jpg","cat","dog",0.9,x,0.9\n',
        '"path","truth","label","probability","cat","dog"\n"a.jpg","cat","dog",0.9,0.1\n',
        '"path","truth","label","probability","cat","dog"\n"a.jpg"\n',
    ],
)
def test_damaged_predictions_are_an_error_for_people(tmp_path, text):
    path = tmp_path / "predictions-test.csv"
    path.write_text(text)

    with pytest.raises(RunError, match="cannot be read as predictions"):
        load_predictions(path)


class LosingPixels(NumberedPixels):
    """Pixels that cannot read some photos any more."""

    def __init__(self, *lost):
        self.lost = dict.fromkeys(lost, "the file is no longer there")


def test_photos_that_went_bad_are_left_out(make_catalog):
    catalog = make_catalog([0, 1, 1, 0, 1], ["cat", "dog"])

    # Of the batches 0 1, 2 3 and 4 the first loses one photo and the second both.
    found = collect(share_of_colour, LosingPixels(0, 2, 3), catalog, "test", Silent(), batch_size=2)

    assert found.paths == ("1.jpg", "4.jpg")
    assert found.labels.tolist() == [1, 1]
    np.testing.assert_allclose(found.probs[:, 1], [0.1, 0.4])


def test_a_part_of_which_nothing_is_left_is_named(make_catalog):
    with pytest.raises(DataError, match="No photo of the test part can be read any"):
        collect(
            share_of_colour,
            LosingPixels(0, 1),
            make_catalog([0, 1], ["cat", "dog"]),
            "test",
            Silent(),
        )
