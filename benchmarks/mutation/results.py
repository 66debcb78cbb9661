"""results.md: the figures of each sample, and the mutants that no test noticed."""

import collections

from scipy.stats import binomtest


def in_words(runs: list[dict[str, object]]) -> str:
    """Return results.md."""
    lines = ["# Mutation testing", "", "Made with `make mutation`.", ""]
    for run in runs:
        rows = run["mutants"]
        missed = [row for row in rows if row["result"] == "missed"]
        num_noticed = len(rows) - len(missed)
        interval = binomtest(num_noticed, len(rows)).proportion_ci(method="wilson")
        of = f" (stopped before the other {run['count'] - len(rows)} drawn)"
        packages = collections.defaultdict(list)
        for row in rows:
            packages[row["module"].partition("/")[0]].append(row["result"])
        lines += [
            f"## Seed {run['seed']}",
            "",
            f"Of {len(rows)} random mutants of the source{of if len(rows) < run['count'] else ''}, "
            f"without {', '.join(run['excluded']) or 'nothing'}, the tests notice {num_noticed}: "
            f"{100 * num_noticed / len(rows):.0f} % (95 % interval {100 * interval.low:.0f} to "
            f"{100 * interval.high:.0f}). Commit {run['commit']}.",
            "",
            f"{run['machine']}",
            "",
            "| package | mutants | noticed |",
            "|---|---:|---:|",
            *(
                f"| {name} | {len(results)} | {sum(one != 'missed' for one in results)} |"
                for name, results in sorted(packages.items())
            ),
            "",
            "Not noticed:",
            "",
            "| place | before | after |",
            "|---|---|---|",
            *(
                f"| {row['module']}:{row['line']} | `{flat(row['before'])}` "
                f"| `{flat(row['after'])}` |"
                for row in missed
            ),
            "",
        ]
    return "\n".join(lines)


def flat(text: object) -> str:
    """Return source text on one line, as a cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")[:80]
