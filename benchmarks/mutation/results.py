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
            *_repeated(missed),
            "Not noticed:",
            "",
            "| place | before | after | run again |",
            "|---|---|---|---|",
            *(
                f"| {row['module']}:{row['line']} | `{flat(row['before'])}` "
                f"| `{flat(row['after'])}` | {_outcome(row)} |"
                for row in missed
            ),
            "",
        ]
    return "\n".join(lines)


def _repeated(missed: list[dict[str, object]]) -> list[str]:
    """Return a paragraph on the mutants that were run again, or nothing."""
    outcomes = collections.Counter(row["again"]["result"] for row in missed if "again" in row)
    if not outcomes:
        return []
    noticed = outcomes["noticed"] + outcomes["timeout"]
    commits = sorted({row["again"]["commit"][:8] for row in missed if "again" in row})
    kept = sum(1 for row in missed if "reason" in row and _outcome(row) == row["reason"])
    return [
        f"Of these {len(missed)}, {outcomes.total()} were run again on later sources and tests "
        f"({', '.join(commits)}): {noticed} are noticed now, {outcomes['gone']} are of code that "
        f"is gone, and {outcomes['missed']} are still not noticed, {kept} of them for the reason "
        "in the last column. This is no sample: tests were written for these mutants.",
        "",
    ]


def _outcome(row: dict[str, object]) -> str:
    """Return what came of running a mutant again, or the reason why no test notices it."""
    result = str(row["again"]["result"]) if "again" in row else ""
    return str(row.get("reason", result)) if result == "missed" else result


def flat(text: object) -> str:
    """Return source text on one line, as a cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")[:80]
