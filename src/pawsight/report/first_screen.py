"""Write the first screen of a report: the score with its interval, failures, and next steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pawsight.evaluation.intervals import Interval
from pawsight.evaluation.label_errors import MIN_PHOTOS
from pawsight.evaluation.photo_needs import LearningCurve
from pawsight.evaluation.results import PartMetrics
from pawsight.evaluation.shortcut_use import ShortcutUse
from pawsight.formatting import counted, listed, percent, percent_interval
from pawsight.report.interpretation import sanitize, top_confusions

_WIDE = 0.06  # width of the score's interval from which more test photos are advised
_MAX_FAILURES = 3
_MAX_STEPS = 3
_MIN_MISTAKES = 3  # of a confusion, from which more photos of its class are advised
_MAX_CUES = 3
PHOTOS = {
    "test": "photos it had never seen",
    "validation": "the validation photos",
    "train": "the photos it was trained on",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A next step for the user."""

    title: str  # what to do
    reason: str = ""  # the reason or the effect; "" if the title is enough
    command: str = ""  # a shell command for it, or ""
    link: str = "says"  # id of the section of the report that shows the reason


def headline(part: str, metrics: PartMetrics, is_known: bool = False) -> str:
    """Describe the score to quote: the accuracy, or the balanced accuracy of imbalanced classes.

    A model that always predicts the most frequent of imbalanced classes has a high accuracy.

    Args:
        part: The part of the headline.
        metrics: Of that part.
        is_known: Whether the built-in network was trained on some of its photos.
    """
    photos = "the test photos" if part == "test" and is_known else PHOTOS[part]
    if metrics.is_imbalanced:
        balanced = percent(metrics.scores.get("balanced_accuracy"))
        return f"Balanced accuracy {balanced} on {photos}"
    return f"Right on {percent(metrics.accuracy)} of {photos}"


def detail(part: str, metrics: PartMetrics) -> str:
    """Describe the interval of the headline's score, and the counts that it is computed from."""
    right = f"right on {metrics.num_correct:,} of {counted(metrics.n, f'{part} photo')}"
    if metrics.is_imbalanced:
        right += f", {percent(metrics.accuracy)}"
    interval = metrics.intervals.get(metrics.main_score)
    return f"{_interval(interval)}: {right}." if interval else f"{right.capitalize()}."


def failures(metrics: PartMetrics) -> list[str]:
    """Describe the most frequent confusions of photos with one label each."""
    support = dict(zip(metrics.class_names, map(sum, metrics.confusion_matrix), strict=True))
    return [
        f"{sanitize(confusion.truth)} taken for {sanitize(confusion.predicted)}: "
        f"{confusion.count:,} of {counted(support[confusion.truth], 'photo')} "
        f"({percent(confusion.share)})"
        for confusion in top_confusions(metrics, _MAX_FAILURES)
    ]


def caution(
    part: str, num_copies: int, is_epoch_chosen: bool = True, num_network_photos: int = 0
) -> str:
    """Return a caveat to the headline; "" if there is none.

    Args:
        part: The part of the headline.
        num_copies: Photos with copies in different parts.
        is_epoch_chosen: Whether the kept weights were chosen by the validation photos.
        num_network_photos: Photos of the part that the built-in network was trained on.
    """
    if num_network_photos and part != "train":
        return (
            f"The built-in network was made with about {num_network_photos:,} of these photos: on "
            f"new photos it may score lower."
        )
    if part == "validation":
        if is_epoch_chosen:
            role = "chose the epoch that was kept, so new photos may score a little lower"
        else:
            role = "calibrated its probabilities, which may fit new photos less well"
        return f"There was no test part. These photos were not trained on, but they {role}."
    if part == "train":
        return "These photos were trained on: on new photos it will score lower."
    if num_copies:
        return (
            f"{counted(num_copies, 'photo has', 'photos have')} copies in different "
            f"parts, so this score may be too high."
        )
    return ""


def next_steps(
    metrics: PartMetrics,
    has_none_photos: bool,
    run_path: str,
    shortcuts: Sequence[ShortcutUse] = (),
    curve: LearningCurve | None = None,
    num_photos: int = MIN_PHOTOS,
) -> list[Step]:
    """Return up to three next steps, the most useful first.

    Args:
        metrics: Of the headline part, for photos with one label each.
        has_none_photos: Whether photos of none of the classes were measured.
        run_path: The run folder, quoted for a shell.
        shortcuts: Cues that separate the classes, the largest effect first.
        curve: The forecast with more photos.
        num_photos: Of the largest class, in all parts: with few, labels cannot be checked.
    """
    steps = _without_shortcuts(shortcuts)
    if num_photos >= MIN_PHOTOS:
        steps.append(
            Step(
                "Check labels that may be wrong",
                command=f"pawsight doubts {run_path}",
                link="mistakes",
            )
        )
    for confusion in top_confusions(metrics, 1):
        if confusion.count < _MIN_MISTAKES:
            break
        truth, predicted = sanitize(confusion.truth), sanitize(confusion.predicted)
        steps.append(
            Step(
                f"Add photos of {truth} that look like {predicted}",
                f"{percent(confusion.share)} of the photos of {truth} ({confusion.count:,}) were "
                f"taken for {predicted}.{_gain(curve, confusion.truth)}",
                link="classes" if curve is None else "more",
            )
        )
    steps += _more_test_photos(metrics)
    if not has_none_photos:
        steps.append(
            Step(
                "Put photos of other things that will be seen into a folder none/",
                "beside the classes, it measures how many of them are refused.",
                link="trust",
            )
        )
    return steps[:_MAX_STEPS]


def _more_test_photos(metrics: PartMetrics) -> list[Step]:
    """Advise to test on more photos if the interval of the headline's score is wide."""
    low, high = metrics.intervals.get(metrics.main_score, (0.0, 0.0))
    if high - low <= _WIDE:
        return []
    score, of_rarest = "accuracy", ""
    if metrics.is_imbalanced:
        score = "balanced accuracy"
        counts = {
            name: sum(row)
            for name, row in zip(metrics.class_names, metrics.confusion_matrix, strict=True)
        }
        rarest = min((name for name in counts if counts[name]), key=counts.__getitem__)
        of_rarest = f", of which {counts[rarest]:,} of {sanitize(rarest)},"
    return [
        Step(
            "Test on more photos",
            f"with {metrics.n:,}{of_rarest} the {score} lies anywhere from {percent(low)} to "
            f"{percent(high)}; four times as many of each class would halve that range.",
            link="photos",
        )
    ]


def _gain(curve: LearningCurve | None, name: str) -> str:
    needs = curve.classes.get(name) if curve else None
    if needs is None or needs.num_more != needs.num_photos:
        return ""
    return (
        f" Twice as many photos of each class should raise its expected "
        f"recall from {percent(needs.now.accuracy)} to about {percent(needs.twice.accuracy)}."
    )


def _without_shortcuts(shortcuts: Sequence[ShortcutUse]) -> list[Step]:
    """Advise to take photos of all classes alike; name shortcuts first that the model may use."""
    if not shortcuts:
        return []
    ranked = sorted(shortcuts, key=lambda shortcut: not shortcut.is_used)
    titles = [shortcut.title[0].lower() + shortcut.title[1:] for shortcut in ranked]
    return [
        Step(
            f"Take photos of all classes in the same way: they differ in "
            f"{listed(titles, _MAX_CUES)}",
            "the model may be using this instead of the content."
            if ranked[0].is_used
            else "a model can learn this instead of the content.",
            link="shortcuts",
        )
    ]


def _interval(interval: Interval) -> str:
    return f"95 % interval {percent_interval(interval)} %"
