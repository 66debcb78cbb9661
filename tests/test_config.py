"""Every limit of every setting, from both sides."""

from pathlib import Path

import pytest

import pawsight
from pawsight.config import AugmentConfig, PixelsConfig, SourceConfig, SplitConfig, TrainConfig
from pawsight.errors import ConfigError, PawsightError
from pawsight.setting_errors import nested_settings

GOOD = {
    AugmentConfig: {
        "rotation_range": [0, 180],
        "width_shift_range": [-3.0, 0.5, 30.0, (-0.1, 0.2), (0.1, 0.1)],
        "height_shift_range": [0.5, (-0.1, 0.2)],
        "brightness_range": [None, (0, 2), (1, 1)],
        "shear_range": [0, 89.9],
        "zoom_range": [0, 0.99, (0.1, 3)],
        "channel_shift_range": [0, 255],
        "fill_mode": ["nearest", "constant", "reflect", "wrap"],
        "cval": [0, 255],
        "crop_range": [None, (0.01, 1), (0.5, 0.5)],
        "crop_stretch": [1, 4],
        "erase": [0, 0.99],
    },
    SplitConfig: {
        "validation_fraction": [0.001, 0.8],
        "test_fraction": [0, 0.8],
        "folds": [None, 2, 20],
        "fold": [1],
        "seed": [-1, 2**40],
    },
    TrainConfig: {
        "image_size": [None, (16, 1024), (1024, 16), 16, 1024],
        "epochs": [None, 1],
        "minutes": [None, 0.01, 600],
        "batch_size": [None, 1, 4096],
        "learning_rate": [None, 1e-9, 1e12],
        "target_accuracy": [None, 0.001, 0.999],
        "precision": ["auto", "float32", "bfloat16", "float16"],
        "resize": ["stretch", "crop", "pad"],
        "stage": ["auto", "always", "never"],
        "class_weights": ["auto", "none"],
        "seed": [0, 2**31 - 1],
    },
}

BAD = {
    AugmentConfig: {
        "rotation_range": [-0.1, 180.1],
        "width_shift_range": [(0.2, 0.1)],
        "height_shift_range": [(0.2, 0.1)],
        "brightness_range": [(2, 1), (-0.1, 1)],
        "shear_range": [-0.1, 90],
        "zoom_range": [-0.1, 1.0, (0, 1), (2, 1)],
        "channel_shift_range": [-1, 256],
        "fill_mode": ["mirror"],
        "cval": [-1, 256],
        "crop_range": [(0, 1), (0.6, 0.5), (0.5, 1.1), (-0.1, 0.5)],
        "crop_stretch": [0.99, 4.1],
        "erase": [-0.1, 1],
    },
    SplitConfig: {
        "validation_fraction": [0, 1, 0.85],  # with a test fraction of 0.15 nothing is left
        "test_fraction": [-0.1, 1, 0.85],
        "folds": [1, 21],
        "fold": [0, 2],
    },
    TrainConfig: {
        "image_size": [15, 1025, (16, 1025), (15, 16), (16, 15), (1025, 16), (16,), "small"],
        "epochs": [0, 1.5],
        "minutes": [0, -1, 600.1],
        "batch_size": [0, 4097],
        "learning_rate": [0, -0.1],
        "target_accuracy": [0, 1],
        "precision": ["int8"],
        "resize": ["fit"],
        "stage": ["sometimes"],
        "class_weights": ["balanced"],
        "seed": [-1, 2**31],
        "epoch": [3],  # no such setting
    },
}


def cases(table):
    return [
        pytest.param(kind, name, value, id=f"{name}={value}")
        for kind, fields in table.items()
        for name, values in fields.items()
        for value in values
    ]


@pytest.mark.parametrize(("kind", "name", "value"), cases(GOOD))
def test_a_value_at_its_limit_is_taken(kind, name, value):
    kept = getattr(kind(**{name: value}), name)
    assert kept == ((value, value) if name == "image_size" and isinstance(value, int) else value)


@pytest.mark.parametrize(("kind", "name", "value"), cases(BAD))
def test_a_value_beyond_its_limit_is_an_error_of_pawsight(kind, name, value):
    with pytest.raises(ConfigError, match="These settings cannot be used") as caught:
        kind(**{name: value})
    assert isinstance(caught.value, PawsightError)
    assert name.split("_")[0] in str(caught.value)


def test_all_mistakes_are_reported_together_also_those_of_settings_inside():
    with pytest.raises(ConfigError) as caught:
        TrainConfig(epoch=3, batch_size=0, split={"folds": 1}, augment={"rotation_range": 400})
    lines = str(caught.value).split("\n  ")[1:]
    assert sorted(line.partition(":")[0] for line in lines) == [
        "augment.rotation_range",
        "batch_size",
        "epoch",
        "split.folds",
    ]


def test_settings_that_exclude_each_other_are_refused():
    with pytest.raises(ConfigError, match="give epochs or minutes, not both"):
        TrainConfig(epochs=3, minutes=4)
    for other in ({"zoom_range": 0.2}, {"width_shift_range": 0.1}, {"height_shift_range": 0.1}):
        with pytest.raises(ConfigError, match="crop_range zooms and shifts"):
            AugmentConfig(crop_range=(0.5, 1), **other)


def test_fractions_leave_something_to_train_on():
    SplitConfig(validation_fraction=0.5, test_fraction=0.49)
    with pytest.raises(ConfigError, match="must be below 1"):
        SplitConfig(validation_fraction=0.5, test_fraction=0.5)


def test_a_fold_is_one_of_the_folds():
    assert SplitConfig(folds=3, fold=3).fold == 3
    with pytest.raises(ConfigError, match="fold is 4, but there are 3 folds"):
        SplitConfig(folds=3, fold=4)
    with pytest.raises(ConfigError, match="fold is 2, but there are no folds"):
        SplitConfig(fold=2)


def test_settings_do_not_change():
    config = TrainConfig()
    with pytest.raises(
        ConfigError, match=r"A TrainConfig cannot be changed, so its epochs"
    ) as error:
        config.epochs = 3
    assert config.epochs is None
    assert "TrainConfig(**{**config.model_dump(exclude_unset=True), 'epochs': ...})" in str(
        error.value
    )
    changed = TrainConfig(**{**config.model_dump(exclude_unset=True), "epochs": 3})
    assert changed.epochs == 3
    assert changed.model_fields_set == {"epochs"}  # the others stay the network's defaults


def test_keywords_of_train_are_settings_and_win_over_the_config(monkeypatch, tmp_path):
    from pawsight.workflow import given_settings

    taken = []

    def stop(config):
        taken.append(config)
        raise PawsightError("far enough")

    monkeypatch.setattr(given_settings, "checked_model", stop)
    photos = pawsight.draw_sample(tmp_path / "photos", count=4)
    config = TrainConfig(epochs=3, batch_size=8, model="colab")
    for given, settings in (
        (None, {"image_size": 128, "minutes": 4, "model": "swift"}),
        (config, {}),
        (config, {"batch_size": 16, "split": {"test_fraction": 0.2}}),
    ):
        with pytest.raises(PawsightError, match="far enough"):
            pawsight.train(photos, given, **settings)
    assert taken == [
        TrainConfig(image_size=(128, 128), minutes=4, model="swift"),
        config,
        TrainConfig(epochs=3, batch_size=16, model="colab", split=SplitConfig(test_fraction=0.2)),
    ]
    with pytest.raises(ConfigError, match="epoch: "):
        pawsight.train(photos, epoch=3)


def test_settings_that_are_not_given_have_the_documented_values():
    assert SplitConfig().model_dump() == {
        "validation_fraction": 0.15,
        "test_fraction": 0.15,
        "seed": 0,
        "group_by": None,
        "folds": None,
        "fold": 1,
        "keep": None,
    }
    augment = AugmentConfig()
    ranges = {name for name in AugmentConfig.model_fields if getattr(augment, name) == 0.0}
    assert ranges - {"horizontal_flip", "vertical_flip"} == {
        *("rotation_range", "width_shift_range", "height_shift_range", "shear_range"),
        *("zoom_range", "channel_shift_range", "cval", "erase"),
    }
    assert augment.crop_stretch == 1.0
    assert (TrainConfig().seed, TrainConfig().source.none) == (0, ("none", "other", "neither"))


@pytest.mark.parametrize("bands", [(1,), (4, 3, 2)])
def test_pixels_of_one_or_three_bands(bands):
    assert PixelsConfig(bands=bands).bands == bands
    assert PixelsConfig(range=(0, 1)).range == (0.0, 1.0)
    for wrong in ({"bands": (*bands, 5)}, {"range": (1, 1)}, {"range": (2, 1)}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            PixelsConfig(**wrong)


def test_settings_of_several_labels_need_several_labels():
    assert SourceConfig(multi_label=True, label_separator=";").task.is_multi_label
    assert not SourceConfig().task.is_multi_label
    with pytest.raises(ConfigError, match="label_separator is for photos with several labels"):
        SourceConfig(label_separator=";")
    SourceConfig(multi_label=True, labels="none")
    with pytest.raises(ConfigError, match="labels corrects photos with one label"):
        SourceConfig(multi_label=True, labels="a.csv")
    for wrong in ({"class_level": 0}, {"encoding": "ebcdic-9"}, {"label_pattern": "("}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            SourceConfig(**wrong)
    assert SourceConfig(class_level=1).class_level == 1


def test_folds_need_models_that_saw_none_of_the_photos():
    with pytest.raises(ConfigError, match="leave start_from out"):
        TrainConfig(start_from="run", split=SplitConfig(folds=2))
    TrainConfig(start_from="run", split=SplitConfig())


@pytest.mark.parametrize(("band", "is_one"), [(0, False), (1, True), (1000, True), (1001, False)])
def test_bands_are_counted_from_1(band, is_one):
    if is_one:
        assert PixelsConfig(bands=(band,)).bands == (band,)
        return
    with pytest.raises(ConfigError, match="bands"):
        PixelsConfig(bands=(band,))


def test_texts_of_a_source_are_kept_as_they_are():
    given = {"label_pattern": "(cat|dog)", "encoding": "cp1252", "class_level": 2}
    config = SourceConfig(**given)
    assert {name: getattr(config, name) for name in given} == given
    assert SourceConfig(multi_label=True, label_separator="|").label_separator == "|"
    with pytest.raises(ConfigError, match="label_separator"):
        SourceConfig(multi_label=True, label_separator="")


def test_a_run_to_start_from_may_be_a_path():
    assert TrainConfig(start_from=Path("runs") / "first").start_from == "runs/first"


def test_nothing_is_done_that_was_not_asked_for():
    for config in (TrainConfig(), SourceConfig(), AugmentConfig(), PixelsConfig()):
        flags = {name: value for name, value in config if isinstance(value, bool)}
        assert not any(flags.values()), flags


def test_no_two_groups_have_a_setting_of_one_name():
    # An option of the command line finds its setting by its name alone.
    names = list(nested_settings(TrainConfig).values())
    assert len(names) == len(set(names))
