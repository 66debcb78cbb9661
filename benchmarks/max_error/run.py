"""How often the answers that `--max-error` gives are wrong more often than it promises.

    python benchmarks/max_error/run.py photos/ other.zip [--draws 200] [--chosen 300 1000]

A linear head on features of the built-in network is fitted to some photos of a source. From the
others, photos are drawn at random that fit the temperature and choose the threshold, as the
validation photos of a run do. The error rate of its answers is then counted in two ways:

held back   on all photos that were neither fitted to nor drawn. That is an estimate: with an error
            rate just below the limit, such a count is above it in up to half of the draws.
true        photos are drawn with replacement, so that the photos not fitted to are the whole
            population that the drawn ones come from, and its error rate is known without error.

Writes results.json and results.md here.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError
from pawsight.evaluation.calibration import fit_temperature
from pawsight.evaluation.selective import CONFIDENCE, operating_points
from pawsight.inference.answers import choose_threshold
from pawsight.models import builtin
from pawsight.models.registry import find_network
from pawsight.progress import Silent
from pawsight.task import SINGLE_LABEL
from pawsight.training.features import FeatureReader
from pawsight.training.linear_head import START, Samples, fit_weights
from pawsight.workflow.photo_sets import list_photos, read_photos

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import machine

HERE = Path(__file__).resolve().parent
MAX_ERRORS = (0.005, 0.01, 0.02, 0.05)
DRAWS_OF_A_HEAD = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", type=Path, help="a folder per class, or an archive")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--fitted", type=int, default=400, help="photos that a head is fitted to")
    parser.add_argument("--chosen", type=int, nargs="+", default=[300, 1000])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    start, found = time.monotonic(), []
    for place, source in enumerate(args.sources):
        rows, labels = features_of(source)
        heads = [
            head_of(rows, labels, args.fitted, np.random.default_rng([args.seed, place, number]))
            for number in range(-(-args.draws // DRAWS_OF_A_HEAD))
        ]
        for count in args.chosen:
            draws = [
                drawn(*heads[number // DRAWS_OF_A_HEAD], count, [args.seed, place, count, number])
                for number in range(args.draws)
            ]
            found.append(
                {
                    "photos": source.stem,
                    "accuracy": float(np.mean([(z.argmax(1) == y).mean() for z, y in heads])),
                    "others": len(heads[0][1]),
                    "chosen": count,
                    "rates": [counted(draws, rate) for rate in MAX_ERRORS],
                }
            )
            print(json.dumps(found[-1]), flush=True)
    facts = {
        "machine": machine.describe(),
        "seed": args.seed,
        "draws": args.draws,
        "fitted": args.fitted,
        "seconds": round(time.monotonic() - start),
        "results": found,
    }
    (HERE / "results.json").write_text(json.dumps(facts, indent=1) + "\n")
    (HERE / "results.md").write_text(as_text(facts))


def features_of(source):
    """Features of the built-in network [N, F] and class indices [N]."""
    config = TrainConfig(model=builtin.NAME)
    catalog, pixels = read_photos(list_photos(str(source), Silent()), config, Silent())
    backbone = find_network(builtin.NAME).open_backbone(builtin.IMAGE_SIZE, None, Silent())
    found = FeatureReader(backbone, config.resize).read(catalog, pixels, catalog.usable, Silent())
    return found.rows, catalog.labels(found.indices)


def head_of(rows, labels, num_fitted, random):
    """Logits [M, K] and class indices [M] of the photos that a head was not fitted to."""
    order = random.permutation(len(labels))
    fitted, others = order[:num_fitted], order[num_fitted:]
    samples = Samples([rows[fitted]], labels[fitted], (), int(labels.max()) + 1)
    kernel, bias = fit_weights(samples, slice(None), START)
    return rows[others] @ kernel + bias, labels[others]


def drawn(logits, labels, count, seed):
    """For each rate and way of counting: (coverage, error rate of the answers); None: refused."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(labels))
    repeated = random.integers(len(labels), size=count)
    return {
        "held back": answered(logits, labels, order[:count], order[count:]),
        "true": answered(logits, labels, repeated, slice(None)),
    }


def answered(logits, labels, chosen, judged):
    """What each rate gives where some photos choose the threshold and others judge it."""
    temperature = fit_temperature(logits[chosen], labels[chosen])
    probs = SINGLE_LABEL.probabilities(logits, temperature)
    is_right, surest = probs.argmax(1) == labels, probs.max(1)
    points = operating_points(surest[chosen], is_right[chosen])
    found = {}
    for rate in MAX_ERRORS:
        try:
            is_answered = surest[judged] >= choose_threshold(points, rate)
        except ConfigError:
            found[rate] = None
            continue
        wrong = ~is_right[judged][is_answered]
        found[rate] = float(is_answered.mean()), float(wrong.mean()) if len(wrong) else 0.0
    return found


def counted(draws, rate):
    """How often a rate was proven and exceeded, and what it cost."""
    found = {"max_error": rate}
    for way in draws[0]:
        proven = [one[way][rate] for one in draws if one[way][rate] is not None]
        errors = [error for _, error in proven]
        found[way] = {
            "proven": len(proven),
            "exceeded": sum(error > rate for error in errors),
            "coverage": float(np.mean([share for share, _ in proven])) if proven else None,
            "error": float(np.mean(errors)) if errors else None,
            "largest": max(errors, default=None),
        }
    return found


def as_text(facts) -> str:
    draws = facts["draws"]
    lines = [
        "# How often `--max-error` is exceeded",
        "",
        f"{facts['machine']} Seed {facts['seed']}, {facts['seconds']} s. Made by `run.py`, whose "
        "first lines say how it counts.",
        "",
        f"{draws} draws a row, {DRAWS_OF_A_HEAD} with each of {-(-draws // DRAWS_OF_A_HEAD)} "
        f"linear heads, which are fitted to {facts['fitted']} photos. The promise: with a "
        f"confidence of {100 * CONFIDENCE:.0f} % over such draws the error rate of the answers is "
        f"not above the limit, so at most {(1 - CONFIDENCE) * draws:.0f} of {draws} draws should "
        "exceed it. A draw whose photos do not prove the rate is refused with a message and gives "
        "no answers: it exceeds nothing.",
        "",
        "`exceeded, true` is the measure; `exceeded, held back` also has the noise of the photos "
        "that judge. Coverage (photos answered) and errors (of the answers) are means over the "
        "draws that prove the rate, `largest` is the worst of these.",
        "",
        "The confidence is that of all draws, refused ones included. Where few draws prove a rate, "
        "those are the lucky ones, and many of them exceed it: a rate far below the errors that a "
        "model makes is better not asked for, even if one run proves it.",
        "",
        "| photos | drawn | limit | proven | exceeded, true | coverage | errors | largest | "
        "exceeded, held back |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in facts["results"]:
        for rate in one["rates"]:
            true, held = rate["true"], rate["held back"]
            lines.append(
                f"| {one['photos']} | {one['chosen']:,} | {share(rate['max_error'])} | "
                f"{true['proven']} | {true['exceeded']} ({share(true['exceeded'] / draws)}) | "
                f"{share(true['coverage'])} | {share(true['error'], 2)} | "
                f"{share(true['largest'], 2)} | {held['exceeded']} of {held['proven']} |"
            )
    lines.append("")
    for one in facts["results"][:: len({one["chosen"] for one in facts["results"]})]:
        lines.append(
            f"- {one['photos']}: {one['others']:,} photos that a head was not fitted to, "
            f"{share(one['accuracy'])} of them right without a threshold."
        )
    return "\n".join(lines) + "\n"


def share(value, digits=1) -> str:
    return "-" if value is None else f"{100 * value:.{digits}f} %"


if __name__ == "__main__":
    main()
