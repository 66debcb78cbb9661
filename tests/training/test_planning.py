import pytest

from pawsight.config import AugmentConfig, TrainConfig
from pawsight.training import planning
from pawsight.training.plan import Cut
from pawsight.training.precision import Precision

FLOAT32 = Precision("float32", "for a test")


def _plan(num_train=1000, num_validation=100, **settings):
    config = TrainConfig(**({"model": "swift"} | settings))
    return planning.plan(config, ("cats", "dogs"), num_train, num_validation, FLOAT32)


def test_colab_follows_the_script():
    plan = _plan(num_train=19_819, model="colab")
    assert (plan.optimizer, plan.learning_rate, plan.schedule) == ("adam", 0.001, "constant")
    assert (plan.batch_size, plan.image_size) == (32, (150, 150))
    assert plan.num_steps == 6194  # 10 epochs of 19,819 photos in batches of 32, rounded up
    augment = plan.augment
    assert (augment.shear_range, augment.zoom_range, augment.horizontal_flip) == (0.2, 0.2, True)


def test_an_epoch_ends_with_the_step_that_shows_its_last_photo():
    plan = _plan(num_train=100, model="colab", epochs=2)
    assert plan.num_steps == 7  # 200 photos in batches of 32
    assert [step for step in range(1, 8) if plan.is_validated_after(step)] == [4, 7]
    assert [plan.epochs_at(step) for step in (4, 7)] == [1, 2]


def test_small_sets_get_small_batches():
    assert _plan(num_train=80).batch_size == 8
    assert _plan(num_train=319).batch_size == 24
    assert _plan(num_train=320).batch_size == 32
    assert _plan(num_train=10_000).batch_size == 128


@pytest.mark.parametrize(
    ("num_train", "num_steps"),
    # 60 passes; as many as show 300,000 photos; at least 12. Batches have 8 or 128 photos.
    [(80, 60 * 10), (10_000, 2344), (100_000, 9375)],
)
@pytest.mark.parametrize("minutes", [None, 3])
def test_a_run_without_epochs_has_the_most_that_its_photos_are_worth(num_train, num_steps, minutes):
    found = _plan(num_train=num_train, minutes=minutes)
    assert found.num_steps == num_steps
    assert found.most_steps == (num_steps if minutes is None else None)
    assert _plan(num_train=num_train, epochs=2).most_steps is None


def test_the_learning_rate_rises_to_its_peak_and_falls_to_zero():
    plan = _plan(epochs=10)
    rates = [plan.learning_rate_at(step) for step in range(plan.num_steps)]
    peak = rates.index(max(rates))
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert max(rates) == pytest.approx(plan.learning_rate, rel=0.05)
    assert rates[-1] < 0.02 * plan.learning_rate
    assert rates[0] > 0


@pytest.mark.parametrize(
    ("settings", "minutes"),
    [
        ({"model": "colab"}, None),
        ({"model": "colab", "minutes": 3}, 3),
        ({"model": "swift"}, 10),
        ({"model": "swift", "epochs": 5}, None),
        ({"model": "swift", "minutes": 2}, 2),
    ],
)
def test_a_budget_applies_unless_the_epochs_are_given(settings, minutes):
    assert planning.budget_minutes(TrainConfig(**settings)) == minutes


def test_a_plan_survives_its_file():
    plan = _plan(num_train=123)
    assert planning.Plan.model_validate_json(plan.model_dump_json()) == plan


def _weights(num_per_class, **settings):
    config = TrainConfig(**({"model": "swift"} | settings))
    names = ("cats", "dogs", "eels")
    return planning.plan(config, names, sum(num_per_class), 9, FLOAT32, num_per_class)


@pytest.mark.parametrize("model", ["swift", "colab"])
def test_uneven_classes_are_weighted_so_that_each_counts_alike(model):
    # 600 photos in 3 classes: 600 / (3 * 400), 600 / (3 * 100), 600 / (3 * 100).
    plan = _weights([400, 100, 100], model=model)
    assert plan.class_weights == (0.5, 2.0, 2.0)
    assert planning.Plan.model_validate_json(plan.model_dump_json()) == plan
    assert "a photo of 'eels' has 4 times the weight of one of 'cats'" in plan.describe()


def test_classes_that_differ_by_no_more_than_one_and_a_half_are_not_weighted():
    plan = _weights([300, 200, 250])
    assert plan.class_weights is None
    assert "imbalanced" not in plan.describe()
    assert _weights([301, 200, 250]).class_weights is not None


def test_classes_are_not_weighted_when_the_settings_require_it():
    assert _weights([400, 100, 100], class_weights="none").class_weights is None


def test_a_plan_of_an_earlier_version_has_no_weights():
    saved = _plan().model_dump(mode="json")
    del saved["class_weights"]
    assert planning.Plan.model_validate(saved).class_weights is None


@pytest.mark.parametrize(
    ("epochs", "sides", "finished"),
    [
        (-0.5, [48, 64], 80),  # the end of the run takes more than its budget
        (0.5, [48, 64], 80),
        (1.2, [64, 96, 128], 144),
        (7.9, [64, 96, 128], 144),
        (8, [64, 96, 128, 144], 160),
    ],
)
def test_the_longer_a_run_the_larger_its_photos_become(epochs, sides, finished):
    plan = planning.sized(_plan(), TrainConfig(model="swift"), epochs)
    assert [stage.image_size for stage in plan.stages] == [(side, side) for side in sides]
    assert plan.image_size == (finished, finished)


@pytest.mark.parametrize(
    ("settings", "sizes"), [({}, ((224, 224), (192, 192))), ({"image_size": 128}, ())]
)
def test_fine_tuned_network_may_take_smaller_images_unless_the_user_chose_them(settings, sizes):
    settings = {"model": "builtin", "finetune": True} | settings
    plan = planning.sized(_plan(**settings), TrainConfig(**settings), epochs=5)
    assert plan.finished_sizes == sizes
    assert plan.image_size[0] == settings.get("image_size", 288)


@pytest.mark.parametrize(
    ("num_train", "expected"),
    # Below 4,000 photos, a fifth more for each time there is a tenth of them; at most 1.6.
    [(40_000, 1.0), (4_000, 1.0), (400, 1.2), (40, 1.4), (4, 1.6), (1, 1.6)],
)
def test_few_photos_are_augmented_more_strongly(num_train, expected):
    assert _plan(num_train).augment_strength == pytest.approx(expected)


def test_augmentation_that_the_user_sets_or_the_script_had_is_kept_as_it_is():
    assert _plan(40, augment=AugmentConfig(rotation_range=5)).augment_strength == 1.0
    assert _plan(40, model="colab").augment_strength == 1.0


def test_a_part_of_the_photos_is_trained_with_the_recipe_of_the_run():
    # 4,000 photos with time for 2.5 epochs: 79 batches of 128, on images of 48 and 64 pixels.
    config = TrainConfig(model="swift", minutes=5)
    whole = planning.sized(_plan(num_train=4000, minutes=5), config, epochs=1.0)
    measured = {"seconds": 200.0, "second_seconds": 9.0, "finish_seconds": 30.0}
    cuts = (Cut(step=9, factor=0.25, diverged_at=12),)
    whole = whole.replanned(0, 79).model_copy(update=measured | {"cuts": cuts})
    part = planning.plan_of_part(whole, config, (250, 250))

    assert part.num_train == 500
    assert part.batch_size == _plan(num_train=500).batch_size == 48
    assert part.epochs == pytest.approx(whole.epochs, abs=48 / 500)
    assert [part.progress_at(step) for step in (0, part.num_steps)] == [0.0, 1.0]
    assert part.progress_at(1) == pytest.approx(1 / part.num_steps)
    assert [one.image_size for one in part.stages] == [one.image_size for one in whole.stages]
    assert part.learning_rate == _plan(num_train=500).learning_rate
    assert part.augment_strength == _plan(num_train=500).augment_strength > 1
    assert (part.minutes, part.seconds, part.second_seconds) == (None, None, None)
    assert (part.finish_seconds, part.cuts) == (0.0, ())
    assert part.learning_rate_at(part.num_steps - 1) < 0.1 * part.learning_rate


def test_a_part_has_no_larger_batches_than_the_memory_allowed_the_run():
    whole = _plan(num_train=4000, epochs=4).model_copy(update={"batch_size": 8})
    part = planning.plan_of_part(whole, TrainConfig(model="swift", epochs=4), (1000, 1000))
    assert part.batch_size == 8


def test_the_rate_of_muon_falls_with_the_root_of_the_batch_and_that_of_adam_stays():
    assert _plan(num_train=10_000).learning_rate == pytest.approx(0.12)  # batches of 128
    assert _plan(num_train=80).learning_rate == pytest.approx(0.12 / 4)  # batches of 8
    assert _plan(num_train=80, learning_rate=0.5).learning_rate == 0.5
    assert _plan(num_train=80, model="colab", batch_size=8).learning_rate == 0.001
