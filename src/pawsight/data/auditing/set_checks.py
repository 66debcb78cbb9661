"""Check the set as a whole: copies, groups across parts, imbalanced classes, mixed sizes."""

from __future__ import annotations

from collections import Counter

import numpy as np

from pawsight.class_weights import IMBALANCED_RATIO, imbalance_ratio
from pawsight.data.auditing.facts import MIN_PHOTOS, AuditFacts
from pawsight.data.auditing.findings import GroupItem, SentenceItem
from pawsight.data.auditing.shortcuts import Shortcut
from pawsight.data.duplicates.near_duplicates import across_classes, across_parts
from pawsight.formatting import percent

_MAX_NAMED = 5  # classes


def leakage(facts: AuditFacts) -> list[GroupItem]:
    """Find groups of copies, and groups of the user, that are in more than one part."""
    photos = facts.catalog.photos
    members: dict[str, list[int]] = {}
    for index in facts.indices.tolist():
        if photos[index].group:
            members.setdefault(photos[index].group, []).append(index)
    apart = across_parts(facts.catalog, list(members.values()))
    return facts.groups(across_parts(facts.catalog, facts.copies)) + [
        GroupItem(photos=item.photos, group=photos[group[0]].group)
        for item, group in zip(facts.groups(apart), apart, strict=True)
    ]


def conflicting_labels(facts: AuditFacts) -> list[GroupItem]:
    """Find copies under different labels."""
    return facts.groups(across_classes(facts.catalog, facts.copies))


def equal_files(facts: AuditFacts) -> list[GroupItem]:
    """Find files that are equal byte by byte."""
    return facts.groups(facts.exact_copies)


def near_copies(facts: AuditFacts) -> list[GroupItem]:
    """Find near-duplicates that are not all byte-identical."""
    photos = facts.catalog.photos
    return facts.groups([g for g in facts.copies if len({photos[i].sha256 for i in g}) > 1])


def imbalance(facts: AuditFacts) -> list[SentenceItem]:
    """Check whether classes are imbalanced, among the training photos if there are parts."""
    catalog = facts.catalog
    trained_on = catalog.part("train") if catalog.has_parts else catalog.usable
    photos = (catalog.photos[i] for i in trained_on.tolist())
    counts = Counter(name for photo in photos for name in catalog.names_of(photo))
    ratio = imbalance_ratio(counts.values())
    if ratio <= IMBALANCED_RATIO:
        return []
    most, least = max(counts, key=lambda name: counts[name]), min(counts, key=lambda n: counts[n])
    reason = (
        f"'{most}' has {counts[most]:,} {'training ' if catalog.has_parts else ''}photos, "
        f"'{least}' {counts[least]:,}: {ratio:.1f} times as many. Training gives the photos of "
        f"rare classes a larger weight."
    )
    return [SentenceItem(reason=reason, value=round(ratio, 3))]


def shortcuts(facts: AuditFacts) -> list[SentenceItem]:
    """Describe the cues that separate the classes, although they are not the photos' subject."""
    return [
        SentenceItem(
            reason=f"{shortcut.title}: {_with_others(shortcut)}",
            value=round(abs(shortcut.effect), 3),
        )
        for shortcut in facts.shortcuts
    ]


def _with_others(shortcut: Shortcut) -> str:
    if not shortcut.other_labels:
        return shortcut.text
    names = ", ".join(f"'{name}'" for name in shortcut.other_labels[:_MAX_NAMED])
    more = len(shortcut.other_labels) - _MAX_NAMED
    return (
        f"{shortcut.text} The same is true of {names}{f' and {more:,} more' if more > 0 else ''}."
    )


def mixed_sizes(facts: AuditFacts) -> list[SentenceItem]:
    """Describe differences of sizes and shapes that affect training."""
    if len(facts.indices) < MIN_PHOTOS:
        return []
    sentences = []
    small, large = np.quantile(facts.shorter, [0.05, 0.95])
    if large > 4 * small:
        sentences.append(
            f"One in twenty photos is smaller than {small:.0f} pixels on its shorter side, one in "
            f"twenty larger than {large:.0f}: the small ones are enlarged and look softer."
        )
    shape = np.log(facts.width / np.maximum(facts.height, 1))
    share = float((np.abs(shape - np.median(shape)) > np.log(1.5)).mean())
    if share > 0.05:
        sentences.append(
            f"{percent(share, 0)} of the photos have a shape more than 1.5 times as wide or as "
            f"narrow as usual. Stretching distorts them; --set resize=crop (or pad) does not."
        )
    names = facts.catalog.class_names
    usual = {
        names[label]: float(np.median(facts.shorter[facts.labels == label]))
        for label, count in zip(*np.unique(facts.labels, return_counts=True), strict=True)
        if count >= MIN_PHOTOS and label >= 0
    }
    if usual and max(usual.values()) > 1.5 * min(usual.values()):
        low, high = min(usual, key=lambda name: usual[name]), max(usual, key=lambda n: usual[n])
        sentences.append(
            f"Photos of '{high}' are usually larger ({usual[high]:.0f} pixels on the shorter side) "
            f"than those of '{low}' ({usual[low]:.0f}): a network may learn the size instead of "
            f"the content."
        )
    return [SentenceItem(reason=sentence) for sentence in sentences]
