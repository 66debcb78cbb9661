"""How well scores find labels that were changed on purpose.

    make benchmark-doubts ARGS="flowers.zip pets.zip --cleanlab /path/to/its/venv/bin/python"

Labels are flipped, once at random and once where a weak model (class-Gaussians on 8 features drawn
at random) errs, and each score ranks all photos. A score's recall is the share of the flipped
photos among as many photos as were flipped. cleanlab, in an environment of its own, ranks by the
same probabilities. Trials that results.json has already are not made again.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.stats import wilcoxon

from pawsight.config import TrainConfig
from pawsight.evaluation import label_errors
from pawsight.evaluation.label_errors import group_folds, score_labels
from pawsight.inference.out_of_distribution import normalised
from pawsight.models import builtin
from pawsight.models.registry import find_network
from pawsight.probabilities import softmax
from pawsight.progress import Silent
from pawsight.training.features import FeatureReader
from pawsight.training.linear_head import Samples, fit_weights
from pawsight.workflow.photo_sets import list_photos, read_photos

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import machine

HERE = Path(__file__).resolve().parent
KINDS = ("random", "weak model")
SHARES = (0.02, 0.05, 0.10)
STRENGTH = 0.3  # of the L2 penalty of logistic regression: the best of 0.01 to 1 on cats and dogs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--cleanlab", help="the Python of an environment with cleanlab")
    parser.add_argument("--draws", type=int, default=3)
    args = parser.parse_args()
    path = HERE / "results.json"
    facts = json.loads(path.read_text()) if path.is_file() else {"sets": {}, "trials": []}
    facts["machine"] = machine.describe()
    trials = facts["trials"]
    done = {(t["set"], t["draw"], t["flips"], nearest_share(t)) for t in trials}
    for place in args.photos:
        name = Path(place).stem
        features, labels = features_of(place)
        facts["sets"][name] = {"photos": len(labels), "classes": int(labels.max()) + 1}
        for draw, kind, share in itertools.product(range(args.draws), KINDS, SHARES):
            if (name, draw, kind, SHARES.index(share)) not in done:
                trials.append(tried(name, features, labels, kind, share, draw, args.cleanlab))
                facts["paired"] = paired(trials)
                path.write_text(json.dumps(facts, indent=1) + "\n")
                path.with_suffix(".md").write_text(as_table(facts))


def features_of(place):
    """Features of the built-in network [N, F] and class indices [N] of all photos of a source."""
    config = TrainConfig(model=builtin.NAME)
    catalog, pixels = read_photos(list_photos(place, Silent()), config, Silent())
    backbone = find_network(builtin.NAME).open_backbone(builtin.IMAGE_SIZE, None, Silent())
    found = FeatureReader(backbone, config.resize).read(catalog, pixels, catalog.usable, Silent())
    return found.rows, catalog.labels(found.indices)


def flipped(features, labels, kind, share, seed):
    """Labels of which about `share` are wrong, and which."""
    random = np.random.default_rng(seed)
    num_classes, changed = labels.max() + 1, labels.copy()
    if kind == "random":
        chosen = random.choice(len(labels), round(share * len(labels)), replace=False)
        changed[chosen] = (labels[chosen] + random.integers(1, num_classes, len(chosen))) % (
            num_classes
        )
    else:
        weak = features[:, random.choice(features.shape[1], 8, replace=False)]
        found = score_labels(weak, labels, range(len(labels)), num_classes, seed)
        wrong = random.permutation(np.flatnonzero(found.margins < 0))
        chosen = wrong[: round(share * len(labels))]
        changed[chosen] = found.suggested(labels)[chosen]
    is_flipped = np.zeros(len(labels), bool)
    is_flipped[chosen] = True
    return changed, is_flipped


def tried(name, features, labels, kind, share, draw, cleanlab):
    """Recall of each score for one draw, and the accuracy that correcting brings."""
    given, is_flipped = flipped(features, labels, kind, share, draw)
    num_classes, rows = int(labels.max()) + 1, np.arange(len(labels))
    started = time.perf_counter()
    ours = score_labels(features, given, rows, num_classes)
    seconds = time.perf_counter() - started
    scores = {"class-Gaussians, two fits": ours.margins}
    probs = {"class-Gaussians": ours.probs}
    folds = group_folds(given, rows, 5)
    unit = np.asarray(normalised(features), np.float32)
    once = label_errors._held_out_logits(unit, given, folds, rows >= 0, num_classes)
    scores["class-Gaussians, one fit"] = label_errors._margins(once, given)
    if draw == 0:
        logits = np.empty((len(rows), num_classes))
        for fold in range(5):
            fitted = np.flatnonzero(folds != fold)
            samples = Samples([features], given, [], num_classes)
            kernel, bias = fit_weights(samples, fitted, STRENGTH)
            logits[folds == fold] = features[folds == fold] @ kernel + bias
        probs["logistic regression"] = softmax(logits)
        scores["logistic regression, margin"] = label_errors._margins(logits, given)
        scores["logistic regression, self-confidence"] = softmax(logits)[rows, given]
        scores["15 nearest neighbours"] = neighbours(unit, given, folds)
    recalls = {
        key: recall(np.argsort(one, kind="stable"), is_flipped) for key, one in scores.items()
    }
    if cleanlab:
        recalls |= by_cleanlab(cleanlab, probs, given, is_flipped)
    return {
        "set": name,
        "flips": kind,
        "share": float(is_flipped.mean()),
        "draw": draw,
        "seconds": round(seconds, 2),
        "contradicted": int((ours.margins < 0).sum()),
        "flipped": int(is_flipped.sum()),
        "recall": recalls,
        "accuracy": corrected(features, labels, given, draw) if draw == 0 else None,
    }


def neighbours(unit, labels, folds, count=15):
    """Share of a photo's nearest neighbours, of other folds, that have its label."""
    found = np.empty(len(unit))
    for fold in range(folds.max() + 1):
        others = np.flatnonzero(folds != fold)
        likeness = unit[folds == fold] @ unit[others].T
        nearest = others[np.argpartition(-likeness, count, axis=1)[:, :count]]
        found[folds == fold] = (labels[nearest] == labels[folds == fold][:, None]).mean(axis=1)
    return found


def corrected(features, labels, given, seed):
    """Accuracy on 30 % of the photos, with right labels, of a head fitted to the rest.

    As labelled, with the most doubted tenth of the labels replaced by the suggestion where it is
    contradicted, and with the right labels.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(labels))
    fitted, tested = order[: int(0.7 * len(order))], order[int(0.7 * len(order)) :]
    num_classes = int(labels.max()) + 1
    found = score_labels(features[fitted], given[fitted], range(len(fitted)), num_classes)
    top = found.order[: len(fitted) // 10]
    top = top[found.margins[top] < 0]
    better = given[fitted].copy()
    better[top] = found.suggested(given[fitted])[top]

    def accuracy(own):
        samples = Samples([features[fitted]], own, range(len(own)), num_classes)
        kernel, bias = fit_weights(samples, slice(None), 0.03)
        answers = (features[tested] @ kernel + bias).argmax(axis=1)
        return round(float((answers == labels[tested]).mean()), 4)

    return [accuracy(given[fitted]), accuracy(better), accuracy(labels[fitted])]


def recall(order, is_flipped):
    """Share of the flipped photos among the first of a ranking, as many as were flipped."""
    return round(float(is_flipped[order[: is_flipped.sum()]].mean()), 4)


def by_cleanlab(python, probs, labels, is_flipped):
    """Recall of cleanlab's rankings by the same probabilities."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, one in probs.items():
            path = Path(folder, "in.npz")
            np.savez(path, probs=one, labels=labels)
            script = str(HERE / "cleanlab_ranking.py")
            subprocess.run([python, script, str(path)], check=True)
            with np.load(path.with_suffix(".out.npz")) as ranked:
                for score in ranked.files:
                    found[f"cleanlab {score} on {name}"] = recall(ranked[score], is_flipped)
    return found


def paired(trials):
    """Wilcoxon's signed-rank test of our recall against cleanlab's on the same probabilities."""
    found = {}
    for name in trials[0]["recall"]:
        if name.startswith("cleanlab") and name.endswith("on class-Gaussians"):
            pairs = [(t["recall"]["class-Gaussians, two fits"], t["recall"][name]) for t in trials]
            gains = np.array([ours - theirs for ours, theirs in pairs])
            test = wilcoxon(gains) if gains.any() else None
            found[name] = {
                "mean_gain": round(float(gains.mean()), 4),
                "better": int((gains > 0).sum()),
                "worse": int((gains < 0).sum()),
                "p": 1.0 if test is None else float(test.pvalue),
            }
    return found


def as_table(facts):
    """Mean recall by set, kind and share of flips, as Markdown."""
    trials = facts["trials"]
    lines = ["# Wrong labels found", "", str(facts["machine"]), ""]
    for name, one in facts["sets"].items():
        lines.append(f"- {name}: {one['photos']:,} photos, {one['classes']} classes")
    lines += ["", "Recall in %: the flipped photos among as many as were flipped, mean of draws."]
    for name, kind, place in sorted({(t["set"], t["flips"], nearest_share(t)) for t in trials}):
        some = [
            t for t in trials if (t["set"], t["flips"], nearest_share(t)) == (name, kind, place)
        ]
        share = 100 * np.mean([t["share"] for t in some])
        lines += ["", f"## {name}, {kind}, {share:.1f} % flipped", "", "| score | recall |"]
        lines.append("|---|---|")
        for score in trials[0]["recall"]:
            values = [t["recall"][score] for t in some if score in t["recall"]]
            lines.append(f"| {score} | {100 * np.mean(values):.1f} |")
        before, after, right = (
            100 * one for one in next(t["accuracy"] for t in some if t["accuracy"])
        )
        lines += ["", f"Accuracy on other photos: {before:.1f} % as labelled, {after:.1f} % after"]
        lines.append(f"correcting, {right:.1f} % with the right labels.")
    lines += ["", "## Against cleanlab on the same probabilities", ""]
    lines += [
        "| score | mean gain of ours | better | worse | p (Wilcoxon) |",
        "|---|---|---|---|---|",
    ]
    for name, one in facts["paired"].items():
        counts = f"{one['better']} | {one['worse']} | {one['p']:.3g}"
        lines.append(f"| {name} | {one['mean_gain']:+.4f} | {counts} |")
    return "\n".join(lines) + "\n"


def nearest_share(trial):
    """Which of `SHARES` a trial was meant to flip."""
    return min(range(len(SHARES)), key=lambda place: abs(SHARES[place] - trial["share"]))


if __name__ == "__main__":
    main()
