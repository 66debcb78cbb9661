"""What the benchmark of the service found, as Markdown."""

import statistics


def as_markdown(results: dict) -> str:
    """Write a page about the results."""
    rates = {name: statistics.median(found) for name, found in results["rates"].items()}
    # Pairs of one round: what else the machine did weighs on both alike.
    shares = [
        full / bare
        for full, bare in zip(results["rates"]["full"], results["rates"]["bare"], strict=True)
    ]
    gains = [
        full / alone
        for full, alone in zip(results["rates"]["full"], results["rates"]["alone"], strict=True)
    ]
    single, half, over = results["single"], results["half"], results["overload"]
    lines = [
        "# The service beside its model",
        "",
        "By `benchmarks/serve/run.py`, which says what each line means.",
        f"{results['machine']} hey {results['hey']}, on the same machine.",
        f"Model: {results['model']}. A JPEG of {results['photo_bytes']:,} bytes in each request. "
        f"{results['rounds']} rounds of {results['seconds']:g} s.",
        "",
        "| | photos a second | of bare |",
        "|---|---|---|",
        f"| bare: decode and model, no HTTP | {rates['bare']:.1f} | |",
        f"| full load | {rates['full']:.1f} | {statistics.median(shares):.0%} |",
        f"| full load, nothing gathered | {rates['alone']:.1f} | |",
        "",
        f"Gathering gains {statistics.median(gains) - 1:+.1%} (median of the rounds; "
        f"{min(gains) - 1:+.1%} to {max(gains) - 1:+.1%}).",
        "",
        "| | answered | refused | other | p50 ms | p99 ms |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("single", "half", "full", "overload", "after_overload"):
        found = results[name]
        lines.append(
            f"| {name.replace('_', ' ')} | {found['answered']:,} | {found['refused']:,} | "
            f"{found['other']:,} | {found['p50_ms']:.1f} | {found['p99_ms']:.1f} |"
        )
    lines += [
        "",
        f"The p99 at half load is {half['p99_ms'] / single['p50_ms']:.1f} times the latency of a "
        f"single photo. At five times the full rate {over['rate']:.1f} photos a second were "
        f"answered, {over['rate'] / rates['bare']:.0%} of bare.",
    ]
    if over["refused_p99_ms"] is not None:
        lines.append(f"A refusal took at most {over['refused_p99_ms']:.0f} ms (p99).")
    if results.get("memory"):
        lines += ["", "| requests | memory of the service, MB |", "|---|---|"]
        lines += [f"| {one['requests']:,} | {one['megabytes']:.0f} |" for one in results["memory"]]
    return "\n".join(lines) + "\n"
