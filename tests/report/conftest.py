import numpy as np
import pytest
from PIL import Image

from pawsight.data.catalog import Catalog
from pawsight.evaluation.metrics import save_evaluation
from pawsight.evaluation.photo_needs import Expected, Needs
from pawsight.history import Epoch, mark_best, save_history
from pawsight.records import Photo, Predictions
from pawsight.runs import Run
from pawsight.storage.atomic import write_json


def rows_of(validation, train=None, losses=None):
    """A history from validation accuracies, training accuracies and validation losses."""
    train = train or validation
    losses = losses or [1.0] * len(validation)
    return mark_best(
        [
            Epoch(
                epoch=i + 1,
                step=10 * (i + 1),
                seconds=30.0 * (i + 1),
                images_per_second=100.0,
                learning_rate=0.01,
                train_loss=losses[i],
                train_accuracy=train[i],
                validation_loss=losses[i],
                validation_accuracy=validation[i],
                is_best=False,
            )
            for i in range(len(validation))
        ]
    )


def needs(count, *accuracies):
    """The accuracies that are expected with as many photos, twice and four times as many."""
    now, twice, four_times = (
        Expected(num_photos=n * count, accuracy=one, low=one - 0.05, high=one + 0.02)
        for n, one in zip((1, 2, 4), accuracies, strict=True)
    )
    return Needs(num_photos=count, now=now, twice=twice, four_times=four_times)


@pytest.fixture
def make_history():
    return rows_of


@pytest.fixture(scope="module")
def make_run(tmp_path_factory):
    """A finished run of drawn photos: four test and four validation photos a class.

    The first `num_wrong` test photos are taken for the class after their own.
    """

    def make(
        class_names=("cats", "dogs"),
        num_wrong=1,
        parts=("validation", "test"),
        broken=(),
        copies=0,
        photo_names=None,
        draw=True,
        is_short=False,  # without what takes long to draw: the history and the curves
    ):
        folder = tmp_path_factory.mktemp("report")
        run, root = Run(folder / "my run"), folder / "photos"
        run.path.mkdir()
        photos, records = [], {}
        for part in ("train", *parts):
            mine = [
                Photo(path=f"{name}/{part} {i}.jpg", label=name, part=part)
                for name in class_names
                for i in range(4)
            ]
            if photo_names and part == parts[-1]:
                renamed = zip(mine, photo_names, strict=False)
                mine[: len(photo_names)] = [
                    Photo(path=path, label=photo.label, part=part) for photo, path in renamed
                ]
            photos += mine
            if part in parts:
                labels = np.repeat(np.arange(len(class_names)), 4)
                said = labels.copy()
                if part == parts[-1]:
                    said[:num_wrong] = (said[:num_wrong] + 1) % len(class_names)
                probs = np.full((len(labels), len(class_names)), 0.1 / (len(class_names) - 1))
                probs[np.arange(len(labels)), said] = 0.9
                records[part] = Predictions(
                    tuple(photo.path for photo in mine), labels, probs, tuple(class_names)
                )
        if draw:
            for i, photo in enumerate(records[parts[-1]].paths if parts else []):
                (root / photo).parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (40, 30), (20 * i % 256, 90, 160)).save(root / photo, "JPEG")
        photos += [Photo(path=path, label=class_names[0], problem=why) for path, why in broken]
        catalog = Catalog("photos", root, tuple(sorted(photos, key=lambda photo: photo.path)))
        catalog.save(run.catalog_path)
        catalog.save_split(run.split_path)
        write_json(
            run.config_path,
            {
                "source": "photos",
                "name": "my photos",
                "root": str(root),
                "settings": {"model": "swift", "split": {"seed": 7}, "epochs": None},
            },
        )
        write_json(
            run.plan_path,
            {
                "model": "swift",
                "num_parameters": 2034882,
                "class_names": ["cats", "dogs"],
                "image_size": [128, 96],
                "resize": "stretch",
                "num_train": 40,
                "num_validation": 8,
                "seed": 7,
                "eager": False,
                "optimizer": "muon",
                "learning_rate": 0.1,
                "schedule": "linear",
                "label_smoothing": 0.1,
                "augment": {},
                "num_steps": 30,
                "batch_size": 32,
                "precision": "bfloat16",
                "precision_reason": "twice as fast here",
                "versions": {"keras": "3.15.1"},
            },
        )
        if not is_short:
            save_history(rows_of([0.6, 0.9, 0.8]), run.history_path)
        if records:
            save_evaluation(run, records, temperature=1.25, copies_across_parts=copies)
        if is_short:
            run.curves_path.unlink()
        return run

    return make
