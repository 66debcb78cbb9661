"""`pawsight pack`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pawsight.cli.output import print_line
from pawsight.cli.settings import GroupBy
from pawsight.cli.source_options import source_config, with_source_options


@with_source_options(hidden=("merge", "encoding", "label_separator", "allow_missing", "columns"))
def pack(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="What `pawsight train` takes.")],
    into: Annotated[
        str,
        typer.Option(
            metavar="PLACE", help="A new folder, or an address such as s3://bucket/packed."
        ),
    ],
    shard_mb: Annotated[
        int,
        typer.Option("--shard-mb", min=1, metavar="MB", help="The size of a shard; 256 if absent."),
    ] = 256,
    group_by: GroupBy = None,
    **_: Any,
) -> None:
    """Pack photos and their labels into large tar files.

    For cloud stores and clusters, where millions of small files take long to list and to copy.
    Photos are packed as they are, byte for byte, and every command that takes photos takes the
    packed set. An interrupted command is resumed by the same command.

    Example: pawsight pack photos/ --into s3://bucket/pets
    """
    from pawsight import workflow
    from pawsight.cli.progress import shown
    from pawsight.formatting import counted, shell_quoted

    with shown() as progress:
        packed = workflow.pack(source, into, shard_mb, source_config(ctx), group_by, progress)
    print_line(
        f"{counted(packed.num_photos, 'photo')} in {counted(packed.num_shards, 'shard')}, "
        f"{packed.num_bytes / 1e6:,.1f} MB: {packed.place}"
    )
    command = "train" if packed.num_labelled else "predict"
    print_line(f"Use them: pawsight {command} {shell_quoted(packed.place)}")
