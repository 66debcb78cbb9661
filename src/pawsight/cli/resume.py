"""`pawsight resume`."""

from __future__ import annotations

from pawsight.cli.options import RunGiven
from pawsight.cli.settings import Build, Cluster, Workers


def resume(
    run: RunGiven,
    build: Build = None,
    workers: Workers = None,
    cluster: Cluster = None,
) -> None:
    """Resume a run that was stopped or killed.

    It continues from its last checkpoint with its own settings, and ends with the same weights as
    without the interruption.

    Example: pawsight resume runs/2026-01-31-101500-photos
    """
    from pawsight import workflow
    from pawsight.cli.progress import shown
    from pawsight.cli.train import print_run

    with shown() as progress:
        finished = workflow.resume(run, progress, build, workers=workers, cluster=cluster)
    print_run(finished)
