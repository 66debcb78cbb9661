"""Photos from folders and tables: broken ones, labels of every kind, plain errors."""

import numpy as np
import pytest
from PIL import Image

from pawsight.errors import PawsightError


def flow(make_generator, folder, **options):
    settings = {"target_size": (24, 30), "batch_size": 4, "shuffle": False, "class_mode": "binary"}
    return make_generator().flow_from_directory(folder, **(settings | options))


def test_the_next_good_photo_stands_in_for_a_broken_one(make_generator, photo_folder):
    (photo_folder / "cats" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    batches = flow(make_generator, photo_folder)
    with pytest.warns(UserWarning, match=r"1\.png is left out: .*next good photo"):
        photos, labels = next(batches)
    np.testing.assert_array_equal(photos[1], photos[2])
    np.testing.assert_array_equal(labels, [0, 0, 0, 0])


def test_a_broken_photo_is_named_once(make_generator, photo_folder):
    (photo_folder / "cats" / "0.png").write_text("text that is named like a photo")
    batches = flow(make_generator, photo_folder)
    with pytest.warns(UserWarning, match="is left out") as warned:
        for _ in range(8):
            next(batches)
    assert len(warned) == 1


def test_a_stand_in_brings_its_own_label(make_generator, photo_folder):
    (photo_folder / "cats" / "6.png").write_text("")
    batches = flow(make_generator, photo_folder, batch_size=7)
    with pytest.warns(UserWarning, match="6.png is left out"):
        _, labels = next(batches)
    np.testing.assert_array_equal(labels, [0, 0, 0, 0, 0, 0, 1])


def test_a_photo_that_vanished_ends_nothing(make_generator, photo_folder):
    batches = flow(make_generator, photo_folder)
    (photo_folder / "cats" / "0.png").unlink()
    with pytest.warns(UserWarning, match="file not found"):
        photos, _ = next(batches)
    assert photos.shape == (4, 24, 30, 3)


def test_without_one_good_photo_the_error_names_the_reason(make_generator, tmp_path):
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "a.jpg").write_text("no photo")
    with (
        pytest.warns(UserWarning, match="is left out"),
        pytest.raises(ValueError, match="No photo can be used") as raised,
    ):
        next(flow(make_generator, tmp_path))
    assert isinstance(raised.value, PawsightError)


def test_photos_are_turned_upright(make_generator, tmp_path):
    (tmp_path / "cats").mkdir()
    picture = np.zeros((20, 10, 3), np.uint8)
    picture[:10] = 255  # white above, black below
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(picture).save(tmp_path / "cats" / "a.png", exif=exif)
    photo = next(flow(make_generator, tmp_path, target_size=(20, 10)))[0][0]
    assert photo[:10].max() == 0
    assert photo[10:].min() == 255


def test_second_epoch_comes_from_memory(make_generator, photo_folder):
    batches = flow(make_generator, photo_folder, batch_size=14)
    first = next(batches)[0]
    for photo in photo_folder.glob("*/*.png"):
        photo.unlink()
    np.testing.assert_array_equal(next(batches)[0], first)


def test_hidden_folders_are_no_classes(make_generator, photo_folder):
    (photo_folder / ".ipynb_checkpoints").mkdir()
    assert flow(make_generator, photo_folder).class_indices == {"cats": 0, "dogs": 1}


def test_a_class_without_photos_is_named(make_generator, photo_folder):
    (photo_folder / "birds").mkdir()
    with pytest.warns(UserWarning, match="No photo of class 'birds'"):
        assert flow(make_generator, photo_folder).num_classes == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"class_mode": "raw"}, "class_mode must be one of"),
        ({"color_mode": "cmyk"}, "color_mode must be one of"),
        ({"subset": "test"}, "subset must be"),
        ({"interpolation": "best"}, "interpolation must be one of nearest"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
    ],
)
def test_a_wrong_argument_is_a_value_error_in_plain_words(
    options, words, make_generator, photo_folder
):
    with pytest.raises(ValueError, match=words) as raised:
        flow(make_generator, photo_folder, **options)
    assert isinstance(raised.value, PawsightError)


def test_a_missing_folder_is_file_not_found(make_generator, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        flow(make_generator, tmp_path / "nowhere")


def test_batches_are_saved_to_be_looked_at(make_generator, photo_folder, tmp_path):
    shown = tmp_path / "shown"
    shown.mkdir()
    options = {"save_to_dir": shown, "save_prefix": "look", "save_format": "jpeg"}
    next(flow(make_generator, photo_folder, **options))
    names = sorted(path.name for path in shown.iterdir())
    assert [name.rsplit("_", 1)[0] for name in names] == [f"look_{index}" for index in range(4)]
    assert all(name.endswith(".jpeg") for name in names)


def test_reset_begins_anew(make_generator, photo_folder):
    batches = flow(make_generator, photo_folder)
    first = next(batches)[0]
    next(batches)
    batches.reset()
    np.testing.assert_array_equal(next(batches)[0], first)


@pytest.fixture
def table(photo_folder):
    import pandas as pd

    paths = sorted(str(path) for path in photo_folder.glob("*/*.png"))
    return pd.DataFrame(
        {
            "filename": paths,
            "class": ["cats"] * 7 + ["dogs"] * 7,
            "tags": [["soft"]] * 7 + [["soft", "loud"]] * 7,
            "age": np.arange(14.0),
            "weight": np.arange(14) / 14,
        }
    )


@pytest.mark.parametrize(
    "options",
    [
        {"class_mode": "binary", "weight_col": "weight"},
        {"class_mode": "categorical", "y_col": "tags"},
        {"class_mode": "sparse", "classes": ["dogs"]},
        {"class_mode": "raw", "y_col": ["age", "weight"]},
        {"class_mode": "multi_output", "y_col": ["age", "weight"]},
        {"class_mode": "categorical", "subset": "validation"},
        {"class_mode": "input"},
    ],
)
def test_tables_are_read_as_keras_reads_them(options, make_generator, keras_generator, table):
    ours, theirs = (
        make(validation_split=0.4).flow_from_dataframe(
            table, target_size=(24, 30), batch_size=3, seed=4, **options
        )
        for make in (make_generator, keras_generator)
    )
    assert ours.filenames == theirs.filenames
    for _ in range(2):
        for found, expected in zip(next(ours), next(theirs), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_without_a_class_mode_a_batch_is_photos_alone(make_generator, table):
    batches = make_generator().flow_from_dataframe(table, class_mode=None, target_size=(24, 30))
    assert next(batches).shape == (14, 24, 30, 3)


def test_files_of_a_table_that_are_not_there_are_left_out(make_generator, table):
    table.loc[0, "filename"] = "gone.png"
    with pytest.warns(UserWarning, match=r"1 file of column 'filename'.*gone\.png"):
        batches = make_generator().flow_from_dataframe(table)
    assert batches.samples == 13


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"y_col": "kind"}, ValueError, "has no column 'kind'; it has filename, class"),
        ({"y_col": "age", "class_mode": "sparse"}, TypeError, "astype"),
        ({"class_mode": "multi_output"}, TypeError, "list of columns"),
        ({"weight_col": "class"}, TypeError, "must hold numbers"),
        ({"class_mode": "binary", "classes": ["cats"]}, ValueError, "needs 2 classes"),
        ({"x_col": "age"}, TypeError, "must hold paths"),
    ],
)
def test_a_table_that_does_not_fit_is_reported_plainly(options, kind, words, make_generator, table):
    with pytest.raises(kind, match=words) as raised:
        make_generator().flow_from_dataframe(table, **options)
    assert isinstance(raised.value, PawsightError)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"zoom_range": (1, 2, 3)}, "zoom_range"),
        ({"brightness_range": 0.5}, "brightness_range"),
        ({"validation_split": 1.5}, "validation_split"),
        ({"data_format": "rows"}, "data_format"),
    ],
)
def test_a_wrong_setting_is_a_value_error(options, words, make_generator):
    with pytest.raises(ValueError, match=f"{words} must be"):
        make_generator(**options)


def test_whitening_turns_centring_on(make_generator):
    with pytest.warns(UserWarning, match="zca_whitening sets featurewise_center to True"):
        assert make_generator(zca_whitening=True).featurewise_center


def test_statistics_that_were_not_learnt_are_asked_for(make_generator, photos):
    with pytest.warns(UserWarning, match=r"call fit\(\)"):
        np.testing.assert_array_equal(
            make_generator(featurewise_center=True).standardize(photos[0].copy()), photos[0]
        )
