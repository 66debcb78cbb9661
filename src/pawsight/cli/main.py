"""The command line `pawsight`, and the handling of its errors.

Nothing heavy is imported here or at the top of a command's module, so that
--help is fast.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from pawsight import __version__
from pawsight.cli import ctrl_c, error_output
from pawsight.cli.command_table import CommandTable
from pawsight.cli.output import prepare_streams

# The base of typer's usage errors, which typer prints itself.
_TYPER_ERROR = cast(type[Exception], typer.BadParameter.__mro__[2])
# Libraries that log errors which pawsight reports itself, or (Matplotlib) that change nothing.
_LOGGING_LIBRARIES = (
    *("adlfs", "asyncio", "azure", "fsspec", "gcsfs", "google", "matplotlib", "paramiko", "s3fs"),
)


class Commands(TyperGroup):
    """The group of commands: accepts `--debug` anywhere, and prints errors as plain lines."""

    def __init__(self, **settings: Any) -> None:
        """Use the table of commands, which imports each when it is needed."""
        super().__init__(**settings)
        self.commands = cast(dict[str, Any], CommandTable())

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Move `--debug` from the arguments of a command to the front."""
        end = args.index("--") if "--" in args else len(args)
        if "--debug" in args[:end]:
            args = ["--debug", *(arg for arg in args[:end] if arg != "--debug"), *args[end:]]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; print an error that it raises, and exit with its code."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # now, while a closed pipe or a full disk can still be reported
        except (typer.Exit, typer.Abort, _TYPER_ERROR):
            raise
        except (Exception, KeyboardInterrupt) as error:
            command, is_debug = ctx.invoked_subcommand or "", bool(ctx.params.get("debug"))
            raise typer.Exit(error_output.show(error, command, is_debug)) from error
        return result


app = typer.Typer(
    name="pawsight",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 96},
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        print(f"pawsight {__version__}", flush=True)
        raise typer.Exit


@app.callback()
def _pawsight(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Folders of labelled photos in, a classifier you can trust out.

    Example: pawsight train photos/
    """


def main() -> None:
    """Run the command line."""
    # Pydantic would read the metadata of every installed package to find plugins of its own.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    prepare_streams()
    ctrl_c.install()
    for library in _LOGGING_LIBRARIES:  # a logger without a handler prints to standard error
        logging.getLogger(library).addHandler(logging.NullHandler())
    try:
        app(prog_name="pawsight")
    except OSError as error:  # the help could not be printed
        code: Any = error_output.show(error, "")
    except SystemExit as exit_request:
        code = exit_request.code
    threads = threading.enumerate()
    if any(thread.daemon and thread.name.startswith("pawsight-") for thread in threads):
        # A thread is stuck in a model or a decoder; if Python ended while it computes, ONNX
        # Runtime would abort.
        sys.stdout.flush()
        os._exit(code if isinstance(code, int) else 0)
    gc.freeze()  # so that Python does not scan every object before it ends
    sys.exit(code)
