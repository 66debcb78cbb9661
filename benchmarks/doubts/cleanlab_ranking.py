"""Rank photos by cleanlab's scores: run by `run.py` in an environment that has cleanlab."""

import sys
from pathlib import Path

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

path = Path(sys.argv[1])
with np.load(path) as found:
    probs, labels = found["probs"], found["labels"]
ranked = {}
for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
    scores = get_label_quality_scores(labels, probs, method=method)
    ranked[method] = np.argsort(scores, kind="stable")
issues = find_label_issues(labels, probs, return_indices_ranked_by="self_confidence")
rest = ranked["self_confidence"]
ranked["confident learning"] = np.r_[issues, rest[~np.isin(rest, issues)]]
np.savez(path.with_suffix(".out.npz"), **ranked)
