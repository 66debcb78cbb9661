"""How well scores separate a model's own photos from photos of other things.

    make benchmark-none-of-these ARGS="photos/ --foreign other-photos/ more/"

A linear head and each score are fitted to some photos of each class on features of the built-in
network. AUROC is that of new photos of the classes against the foreign ones; "taken" is the share
of these that pass where 4 % of the own photos are refused. With three classes or more each class is
also left out in turn: then it is foreign.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from pawsight.data.decoding.decode import load_pixels, read_photo
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.errors import PhotoError
from pawsight.evaluation.ood_fit import fit_detector
from pawsight.inference.enlarged_images import enlarge
from pawsight.inference.out_of_distribution import normalised
from pawsight.models import builtin
from pawsight.models.onnx_session import new_session
from pawsight.progress import Silent

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import machine

HERE = Path(__file__).resolve().parent
REFUSED = 0.04  # of own photos, where "taken" is read
NEIGHBOURS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", help="photos of the classes")
    parser.add_argument("--foreign", nargs="*", default=[], help="photos of other things")
    parser.add_argument("--per-class", type=int, default=100, help="photos to fit to")
    parser.add_argument("--most", type=int, default=300, help="new and foreign photos")
    parser.add_argument("--image-size", type=int, default=builtin.IMAGE_SIZE[0])
    parser.add_argument("--as-they-are", action="store_true", help="do not enlarge small images")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    random = np.random.default_rng(args.seed)
    rows, labels, names = labelled(args.photos, args.per_class + args.most, args, random)
    found = {}
    for place in args.foreign:
        foreign = labelled(place, args.most, args, random)[0]
        found[Path(place).stem] = compared(rows, labels, foreign, args, random)
    if len(names) > 2:
        found["a class left out"] = left_out(rows, labels, args, random)
    facts = {
        "machine": machine.describe(),
        "photos": Path(args.photos).name,
        "per_class": args.per_class,
        "image_size": args.image_size,
        "as_they_are": args.as_they_are,
        "seed": args.seed,
        "results": found,
    }
    (HERE / "results.json").write_text(json.dumps(facts, indent=2) + "\n")
    for name, scores in found.items():
        print(name)
        for score, (area, taken) in scores.items():
            print(f"  {score:14} AUROC {area:.4f}, taken {100 * taken:.1f} %")


def labelled(place, most, args, random):
    """Features [N, F] of at most `most` photos of each class, their class indices, the names."""
    catalog = scan(fetch(place, Silent()))
    names = sorted({photo.label for photo in catalog.photos})
    chosen = []
    for name in names:
        of_class = [photo for photo in catalog.photos if photo.label == name and not photo.problem]
        chosen += [of_class[i] for i in random.permutation(len(of_class))[:most]]
    network, rows, labels = new_session(builtin.onnx_path().read_bytes()), [], []
    for photo in chosen:
        try:
            data = read_photo(str(catalog.root / photo.path))
            pixels = load_pixels(data, (args.image_size, args.image_size), "stretch")
        except PhotoError:
            continue
        images = pixels[None].astype(np.float32)
        images = images if args.as_they_are else enlarge(images)
        rows.append(network.run(["features"], {"images": images})[0][0])
        labels.append(names.index(photo.label))
    return np.array(rows), np.array(labels), names


def compared(rows, labels, foreign, args, random):
    """AUROC and share taken of every score."""
    is_fitted = np.zeros(len(rows), bool)
    for label in np.unique(labels):
        of_class = random.permutation(np.flatnonzero(labels == label))
        is_fitted[of_class[: min(args.per_class, int(0.7 * len(of_class)))]] = True
    own = scores_of(rows[is_fitted], labels[is_fitted], rows[~is_fitted])
    other = scores_of(rows[is_fitted], labels[is_fitted], foreign)
    found = {}
    for name in own:
        truth = np.r_[np.zeros(len(own[name])), np.ones(len(other[name]))]
        area = roc_auc_score(truth, np.r_[own[name], other[name]])
        limit = np.quantile(own[name], 1 - REFUSED)
        found[name] = float(area), float((other[name] <= limit).mean())
    return found


def left_out(rows, labels, args, random):
    """The same for each class left out in turn, averaged."""
    each = []
    for label in np.unique(labels):
        kept = labels != label
        numbers = np.searchsorted(np.unique(labels[kept]), labels[kept])
        each.append(compared(rows[kept], numbers, rows[~kept], args, random))
    return {name: tuple(np.mean([one[name] for one in each], axis=0)) for name in each[0]}


def scores_of(fitted, labels, rows):
    """Every score of rows, higher for photos that are more unlike those fitted to."""
    unit, known = normalised(rows), normalised(fitted)
    likeness = np.sort(unit @ known.T, axis=1)[:, ::-1][:, :NEIGHBOURS]
    means = np.stack([fitted[labels == k].mean(0) for k in np.unique(labels)])
    precision = LedoitWolf().fit(fitted - means[labels]).precision_
    plain = [np.einsum("ij,jk,ik->i", rows - mean, precision, rows - mean) for mean in means]
    centre, scale = fitted.mean(0), fitted.std(0) + 1e-6
    head = LogisticRegression(C=1 / rows.shape[1], max_iter=300)
    head.fit((fitted - centre) / scale, labels)
    logits = head.decision_function((rows - centre) / scale)
    if logits.ndim == 1:
        logits = np.stack([-logits / 2, logits / 2], 1)
    highest = logits.max(1, keepdims=True)
    odds = np.exp(logits - highest)
    probs = odds / odds.sum(1, keepdims=True)
    return {
        "Mahalanobis++": fit_detector(fitted, labels).distances(rows),
        "Mahalanobis": np.min(plain, axis=0),
        "5 neighbours": 1 - likeness.mean(1),
        "max softmax": 1 - probs.max(1),
        "energy": -(np.log(odds.sum(1)) + highest[:, 0]),
        "GEN": (probs**0.1 * (1 - probs) ** 0.1).sum(1),
    }


if __name__ == "__main__":
    main()
