"""The first screen of a report: one number with its interval, where it fails, and next steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pawsight.evaluation.intervals import Interval
from pawsight.evaluation.label_errors import MIN_PHOTOS
from pawsight.evaluation.photo_needs import LearningCurve
from pawsight.evaluation.results import PartMetrics
from pawsight.evaluation.shortcut_use import ShortcutUse
from pawsight.formatting import counted, percent, percent_interval
from pawsight.report.interpretation import sanitize, top_confusions

_WIDE = 0.06  # width of the interval of the headline from which more test photos are advised
_MAX_FAILURES = 3
_MAX_STEPS = 3
_MIN_MISTAKES = 3  # of one kind, from which photos against them are advised
_MAX_CUES = 3
PHOTOS = {
    "test": "photos it had never seen",
    "validation": "the validation photos",
    "train": "the photos it was trained on",
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do next."""

    title: str  # what to do
    reason: str = ""  # why, or what it changes; "" where the title is enough
    command: str = ""  # a command for a shell that does it; "" where there is none
    link: str = "says"  # the id of the section of the report that shows why


def headline(part: str, metrics: PartMetrics, is_known: bool = False) -> str:
    """Return the one number to quote of a part, in words.

    Where the classes are uneven it is the balanced accuracy: a model that always
    predicts the commonest class is right on many photos, too.

    Args:
        part: The part that the headline is about.
        metrics: Of that part.
        is_known: Whether the built-in network was made with some of its photos.
    """
    photos = "the test photos" if part == "test" and is_known else PHOTOS[part]
    if metrics.is_imbalanced:
        balanced = percent(metrics.scores.get("balanced_accuracy"))
        return f"Balanced accuracy {balanced} on {photos}"
    return f"Right on {percent(metrics.accuracy)} of {photos}"


def detail(part: str, metrics: PartMetrics) -> str:
    """Return the interval of the headline, and the counts behind it."""
    right = f"right on {metrics.num_correct:,} of {counted(metrics.n, f'{part} photo')}"
    if metrics.is_imbalanced:
        right += f", {percent(metrics.accuracy)}"
    interval = metrics.intervals.get(metrics.main_score)
    return f"{_interval(interval)}: {right}." if interval else f"{right.capitalize()}."


def failures(metrics: PartMetrics) -> list[str]:
    """Return where it fails most often, one label a photo; the most frequent first."""
    support = dict(zip(metrics.class_names, map(sum, metrics.confusion_matrix), strict=True))
    return [
        f"{sanitize(one.truth)} taken for {sanitize(one.predicted)}: {one.count:,} of "
        f"{counted(support[one.truth], 'photo')} ({percent(one.share)})"
        for one in top_confusions(metrics, _MAX_FAILURES)
    ]


def caution(
    part: str, num_copies: int, is_epoch_chosen: bool = True, num_network_photos: int = 0
) -> str:
    """Return a caveat to the headline; "" if there is none.

    Args:
        part: The part that the headline is about.
        num_copies: Photos with copies in different parts.
        is_epoch_chosen: Whether the validation photos decided which weights were kept.
        num_network_photos: Photos of the part that the built-in network was made with.
    """
    if num_network_photos and part != "train":
        return (
            f"The built-in network was made with about {num_network_photos:,} of these photos: on "
            f"new photos it may score lower."
        )
    if part == "validation":
        if is_epoch_chosen:
            did = "chose the epoch that was kept, so new photos may score a little lower"
        else:
            did = "calibrated its probabilities, which may fit new photos less well"
        return f"There was no test part. These photos were not trained on, but they {did}."
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
    """Return up to three things to do, the most useful first.

    Args:
        metrics: Of the headline part, one label a photo.
        has_none_photos: Whether photos of none of the classes were measured.
        run_path: The run folder, quoted for a shell.
        shortcuts: Cues that separate the classes, the largest effect first.
        curve: What more photos would bring.
        num_photos: Of the largest class, in all parts: of few, no label can be checked.
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
    for one in top_confusions(metrics, 1):
        if one.count < _MIN_MISTAKES:
            break
        truth, predicted = sanitize(one.truth), sanitize(one.predicted)
        steps.append(
            Step(
                f"Add photos of {truth} that look like {predicted}",
                f"{percent(one.share)} of the photos of {truth} ({one.count:,}) were taken for "
                f"{predicted}.{_gain(curve, one.truth)}",
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
    """Advise to test on more photos where the interval of the headline is wide."""
    low, high = metrics.intervals.get(metrics.main_score, (0.0, 0.0))
    if high - low <= _WIDE:
        return []
    score, fewest = "accuracy", ""
    if metrics.is_imbalanced:
        score = "balanced accuracy"
        counts = {
            name: sum(row)
            for name, row in zip(metrics.class_names, metrics.confusion_matrix, strict=True)
        }
        rarest = min((name for name in counts if counts[name]), key=counts.__getitem__)
        fewest = f", of which {counts[rarest]:,} of {sanitize(rarest)},"
    return [
        Step(
            "Test on more photos",
            f"with {metrics.n:,}{fewest} the {score} lies anywhere from {percent(low)} to "
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
    """Advise to take the photos of all classes alike; those that the model may use come first."""
    if not shortcuts:
        return []
    ranked = sorted(shortcuts, key=lambda one: not one.is_used)
    titles = [one.title[0].lower() + one.title[1:] for one in ranked[:_MAX_CUES]]
    more = len(ranked) - len(titles)
    named = ", ".join(titles) + (f" and {more} more" if more else "")
    return [
        Step(
            f"Take photos of all classes in the same way: they differ in {named}",
            "the model may be using this instead of the content."
            if ranked[0].is_used
            else "a model can learn this instead of the content.",
            link="shortcuts",
        )
    ]


def _interval(interval: Interval) -> str:
    return f"95 % interval {percent_interval(interval)} %"
