"""fastai and Ultralytics, trained from scratch and stopped when their minutes are over.

    python torch_peers.py fastai|ultralytics FOLDER --started T --limit SECONDS --seed N --work DIR

FOLDER holds train/, validation/ and test/, each with one folder per class. Weights for either
cannot be fetched without a network, so both begin with random ones, at 128 pixels.

fastai is trained as its course does from scratch: random crops and fastai's usual changes, images
normalised, one cycle up to 3e-3, xresnet18. The cycle runs over the minutes instead of a number of
epochs, so that it ends when they do, and nobody has to guess that number.

Ultralytics has a time limit of its own, which sets its epochs and its schedule. Its result is the
best epoch.
"""

import argparse
import os
from pathlib import Path

from clock import Clock, report, report_versions

SIZE = 128


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=("fastai", "ultralytics"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--started", type=float, required=True)
    parser.add_argument("--limit", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    report_versions("torch", "torchvision", arguments.peer)
    clock = Clock(arguments.started, arguments.limit)
    train = train_fastai if arguments.peer == "fastai" else train_ultralytics
    train(arguments.folder, clock, arguments.seed, arguments.work)


def train_fastai(folder: Path, clock: Clock, seed: int, work: Path) -> None:
    from fastai.callback.core import CancelFitException
    from fastai.vision import all as vision

    class Watch(vision.Callback):
        """Set the place in the cycle by the clock, and report each epoch."""

        order = vision.TrainEvalCallback.order + 1

        def after_batch(self):
            if self.training:
                self.learn.pct_train = min(clock.seconds / clock.limit, 1.0)
                if clock.is_over:
                    raise CancelFitException

        def before_validate(self):
            self.trained = clock.seconds

        def after_epoch(self):
            accuracy = float(self.learn.recorder.metrics[0].value)
            report(seconds=self.trained, epochs=self.epoch + 1, validation=accuracy)

    vision.set_seed(seed)
    loaders = vision.ImageDataLoaders.from_folder(
        folder,
        train="train",
        valid="validation",
        seed=seed,
        bs=64,
        item_tfms=vision.Resize(160),
        batch_tfms=[
            *vision.aug_transforms(size=SIZE, min_scale=0.75),
            vision.Normalize.from_stats(*vision.imagenet_stats),
        ],
    )
    learner = vision.Learner(
        loaders,
        vision.xresnet18(n_out=loaders.c),
        loss_func=vision.CrossEntropyLossFlat(),
        metrics=vision.accuracy,
        path=work,
        cbs=[Watch()],
    )
    with learner.no_bar():
        learner.fit_one_cycle(10_000, 3e-3)
    seconds = clock.seconds
    learner.remove_cb(Watch)
    epochs = learner.train_iter / len(loaders.train)
    with learner.no_bar():
        accuracy = learner.validate()[1]
        report(seconds=seconds, epochs=epochs, validation=float(accuracy))
        photos = vision.get_image_files(folder / "test")
        test = loaders.test_dl(photos, with_labels=True)
        report(test=float(learner.validate(dl=test)[1]))


def train_ultralytics(folder: Path, clock: Clock, seed: int, work: Path) -> None:
    os.environ["YOLO_CONFIG_DIR"] = str(work)
    from ultralytics import YOLO, settings

    settings.update({"sync": False})
    trained: list[float] = []  # when each epoch ended; the last one as a rule early
    batches = [0]

    def count_batch(trainer) -> None:
        batches[0] += 1

    def note_time(trainer) -> None:
        trained.append(clock.seconds)

    def report_epoch(trainer) -> None:  # also called with the best weights, at the end
        accuracy = trainer.metrics["metrics/accuracy_top1"]
        epochs = batches[0] / len(trainer.train_loader)
        report(seconds=trained[-1], epochs=epochs, validation=float(accuracy))

    model = YOLO("yolo11n-cls.yaml")
    model.add_callback("on_train_batch_start", count_batch)
    model.add_callback("on_train_epoch_end", note_time)
    model.add_callback("on_fit_epoch_end", report_epoch)
    model.train(
        data=str(folder),
        imgsz=SIZE,
        time=max(clock.limit - clock.seconds, 1) / 3600,
        pretrained=False,
        device="cpu",
        workers=os.cpu_count(),
        seed=seed,
        plots=False,
        project=str(work),
        name="run",
        exist_ok=True,
    )
    best = YOLO(work / "run" / "weights" / "best.pt")
    scored = best.val(data=str(folder), split="test", imgsz=SIZE, device="cpu", plots=False)
    report(test=float(scored.top1))


if __name__ == "__main__":
    main()
