"""What an audit can find: its name, its title, and the rule in plain words.

The rules say the numbers they follow, taken from where they are decided, so
that a person who disagrees with a finding sees why it is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pawsight.class_weights import UNEVEN
from pawsight.data.auditing import quality
from pawsight.data.auditing.outliers import UNLIKE
from pawsight.data.duplicates.near_duplicates import BLANK_CONTRAST

Shape = Literal["photos", "groups", "sentences"]  # what the items of a finding are


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding.

    Attributes:
        id: For programs, such as `--fail-on`.
        title: For people.
        rule: When something is such a finding, and what to do about it.
        shape: What its items are.
    """

    id: str
    title: str
    rule: str
    shape: Shape = "photos"


KINDS: tuple[Kind, ...] = (
    Kind(
        "broken",
        "Cannot be read",
        "Files that look like photos by their name or content and cannot be decoded. They are "
        "left out of training and stay as they are.",
    ),
    Kind(
        "truncated",
        "End is missing",
        "JPEGs that end too early, as after a download that was cut short. They are left out "
        "of training unless --set keep_truncated=true is given and at least three quarters of "
        "their rows are there.",
    ),
    Kind(
        "leakage",
        "The same photo in several parts",
        "Copies of one photo, of any size, quality or crop (or photos of one group, with "
        "--group-by), that lie in more than one of train, validation and test: the score then "
        "rewards learning by heart. Remove all but one part's.",
        "groups",
    ),
    Kind(
        "conflicting_labels",
        "The same photo in several classes",
        "Copies of one photo under different labels: one of the labels is wrong, or the photo "
        "shows neither. Decide which, and remove the others.",
        "groups",
    ),
    Kind(
        "exact_copies",
        "Exact copies",
        "Files that are equal byte by byte. They count as one photo more often than the others; "
        "a split keeps them together.",
        "groups",
    ),
    Kind(
        "near_copies",
        "Near copies",
        "Photos that show the same picture although their files differ: saved again, resized, "
        "mirrored, brightened, slightly cropped, with a logo, or taken in one burst. A split "
        "keeps them together.",
        "groups",
    ),
    Kind(
        "blank",
        "Blank",
        f"The brightness of its pixels varies by less than {BLANK_CONTRAST:g} of 255 (standard "
        f"deviation): there is nothing to see.",
    ),
    Kind(
        "unlike",
        "Unlike the rest of its class",
        f"Drawings, logos, text, cut-outs and collages among photos, say: its even areas, edges "
        f"and shades lie more than {UNLIKE:g} times as far from those of the others of its class "
        f"as is usual in it. Most unlike first.",
    ),
    Kind(
        "dark",
        "Too dark",
        f"Mean brightness plus contrast is below {quality.DARK} of 255, so that even the lighter "
        f"parts are dark, and below half of what is usual in its class.",
    ),
    Kind(
        "bright",
        "Too bright",
        f"Mean brightness minus contrast is above {quality.BRIGHT} of 255, so that even the darker "
        f"parts are pale, and much more so than is usual in its class. Drawings and cut-outs on "
        f"white paper are among what is unlike its class instead.",
    ),
    Kind(
        "blurred",
        "Blurred",
        f"Its edges are soft even at the small size that training works on: sharpness by contrast "
        f"is below {quality.BLURRED:g}, and below a fifth of what is usual in its class.",
    ),
    Kind(
        "tiny",
        "Tiny",
        f"Its shorter side has fewer than {quality.TINY} pixels, and fewer than half of what is "
        f"usual in its class: it was enlarged to be trained on.",
    ),
    Kind(
        "odd_aspect",
        "Odd shape",
        f"Its longer side is more than {quality.ODD:g} times as long as the shorter one, clearly "
        f"more so than is usual in its class: stretching distorts it, --set resize=crop (or "
        f"pad) does not.",
    ),
    Kind(
        "imbalance",
        "Uneven classes",
        f"The largest class has more than {UNEVEN:g} times as many photos (for training, "
        f"where there are parts) as the smallest.",
        "sentences",
    ),
    Kind(
        "mixed_sizes",
        "Mixed sizes and shapes",
        "Sizes differ more than four times between the smallest and the largest twentieth, shapes "
        "by more than 1.5 times in over 5 % of the photos, or usual sizes between classes.",
        "sentences",
    ),
)
