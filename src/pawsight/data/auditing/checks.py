"""List the checks of an audit, for the command line, audit.json, the page and the table.

To add a check, add an entry to `CHECKS` and the function that finds its items. The rules
state the limits of the check, taken from the module that defines them, so that a user who
disagrees with a finding sees its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pawsight.class_weights import IMBALANCED_RATIO
from pawsight.data.auditing import detail, photo_checks, set_checks
from pawsight.data.auditing.cues import CUES, MIN_EFFECTS
from pawsight.data.auditing.detail import LACKING, MIN_SIDE
from pawsight.data.auditing.facts import AuditFacts
from pawsight.data.auditing.findings import Finding, GroupItem, PhotoItem, SentenceItem
from pawsight.data.auditing.outliers import UNLIKE
from pawsight.data.auditing.shortcuts import SIGNIFICANT
from pawsight.data.duplicates.near_duplicates import BLANK_CONTRAST
from pawsight.formatting import percent

Find = Callable[[AuditFacts], Sequence[GroupItem | PhotoItem | SentenceItem]]


@dataclass(frozen=True, slots=True)
class Check:
    """One check of an audit."""

    id: str  # for programs, such as `--fail-on`
    title: str  # for display
    rule: str  # what the check finds, and what to do about it
    find: Find  # returns the items, the worst first
    is_serious: bool = False  # whether it is listed before the others

    def finding(self, facts: AuditFacts) -> Finding:
        """Run the check."""
        return Finding(title=self.title, rule=self.rule, items=tuple(self.find(facts)))


CHECKS: tuple[Check, ...] = (
    Check(
        "broken",
        "Cannot be used",
        "Files that look like photos but cannot be decoded, and photos without a known label, each "
        "with the reason. They are left out of training and stay as they are.",
        photo_checks.broken,
        is_serious=True,
    ),
    Check(
        "truncated",
        "End is missing",
        "JPEGs that end too early, as after a download that was cut short. They are left out "
        "of training unless --set keep_truncated=true is given and at least three quarters of "
        "their rows are intact.",
        photo_checks.truncated,
    ),
    Check(
        "leakage",
        "The same photo, or group, in several parts",
        "Copies of one photo, of any size, quality or crop (or photos of one group, with "
        "--group-by), that are in more than one of train, validation and test: the score then "
        "rewards memorising. Keep the copies in one part, and remove the others.",
        set_checks.leakage,
        is_serious=True,
    ),
    Check(
        "conflicting_labels",
        "The same photo in several classes",
        "Copies of one photo under different labels: one of the labels is wrong, or the photo "
        "shows neither. Decide which, and remove the others.",
        set_checks.conflicting_labels,
        is_serious=True,
    ),
    Check(
        "exact_copies",
        "Exact copies",
        "Files that are equal byte by byte: training uses such a photo several times. A split "
        "keeps them together.",
        set_checks.equal_files,
    ),
    Check(
        "near_copies",
        "Near copies",
        "Photos that show the same picture although their files differ: saved again, resized, "
        "mirrored, brightened, slightly cropped, with a logo, or taken in one burst. A split "
        "keeps them together.",
        set_checks.near_copies,
    ),
    Check(
        "blank",
        "Blank",
        f"The brightness of its pixels varies by less than {BLANK_CONTRAST:g} of 255 (standard "
        f"deviation): there is nothing to see.",
        photo_checks.blank,
    ),
    Check(
        "unlike",
        "Unlike the rest of its class",
        f"Such as drawings, logos, text, cut-outs and collages among photos: its even areas, edges "
        f"and shades differ from those of its class by more than {UNLIKE:g} times the usual "
        f"difference. Most unlike first.",
        photo_checks.unlike,
    ),
    Check(
        "dark",
        "Too dark",
        f"Mean brightness plus contrast is below {photo_checks.DARK} of 255, so that even the "
        f"lighter parts are dark, and below half of what is usual in its class.",
        photo_checks.dark,
    ),
    Check(
        "bright",
        "Too bright",
        f"Mean brightness minus contrast is above {photo_checks.BRIGHT} of 255, so that even the "
        f"darker parts are pale, and much more so than is usual in its class. Drawings and "
        f"cut-outs on white paper are listed as unlike their class instead.",
        photo_checks.bright,
    ),
    Check(
        "blurred",
        "Blurred",
        f"Its edges are soft even at the small size of training: sharpness divided by contrast "
        f"is below {photo_checks.BLURRED:g}, and below a fifth of what is usual in its class.",
        photo_checks.blurred,
    ),
    Check(
        "tiny",
        "Tiny",
        f"Its shorter side has fewer than {photo_checks.TINY} pixels, and fewer than half of what "
        f"is usual in its class: training enlarges it.",
        photo_checks.tiny,
    ),
    Check(
        "enlarged",
        "Less detail than pixels",
        f"Its finest detail, from 24 to 64 cycles per side, has less than a {10**LACKING:.0f}th of "
        f"the power expected from its coarser detail, as if a picture of less than about 48 x 48 "
        f"pixels was enlarged. Use the originals, or train at their size: --image-size. Only "
        f"photos with at least {MIN_SIDE} pixels on the shorter side are checked.",
        detail.enlarged,
    ),
    Check(
        "odd_aspect",
        "Odd shape",
        f"Its longer side is more than {photo_checks.ODD:g} times as long as the shorter one, "
        f"and clearly more than is usual in its class: stretching distorts it, --set resize=crop "
        f"(or pad) does not.",
        photo_checks.odd_aspect,
    ),
    Check(
        "shortcuts",
        "Shortcuts",
        f"Cues that separate the classes without being the subject of the photos: "
        f"{', '.join(cue.title for cue in CUES)}. A cue is listed if its effect is large (Cliff's "
        f"delta of {MIN_EFFECTS}) and at most {percent(SIGNIFICANT, 0)} of random permutations of "
        f"the labels have an effect as significant. A model can learn cues instead of the "
        f"content, and then fails on photos without them: take photos of all classes in the "
        f"same way. Some differences are natural, such as white flowers; judge by the photos.",
        set_checks.shortcuts,
    ),
    Check(
        "imbalance",
        "Uneven classes",
        f"The largest class has more than {IMBALANCED_RATIO:g} times as many photos (for training, "
        f"where there are parts) as the smallest.",
        set_checks.imbalance,
    ),
    Check(
        "mixed_sizes",
        "Mixed sizes and shapes",
        "Sizes differ more than four times between the smallest and the largest twentieth, shapes "
        "by more than 1.5 times in over 5 % of the photos, or usual sizes between classes.",
        set_checks.mixed_sizes,
    ),
)
