"""`pawsight drive`: sign in to Google Drive, and out again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pawsight.cli.output import print_line, reserve_stdout

drive = typer.Typer(
    name="drive",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Sign in to Google Drive, so that photos there can be used.

    Example: pawsight drive login --client client_secret.json
    """,
)


@drive.command()
@reserve_stdout
def login(
    client: Annotated[
        Path,
        typer.Option(
            "--client", metavar="FILE", help="Your OAuth client, a JSON file: see docs/drive.md."
        ),
    ],
    port: Annotated[
        int, typer.Option(help="The local port for the browser's redirect; 0 for any.")
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open a browser, or only print the link.")
    ] = True,
) -> None:
    """Sign in to read your Google Drive; nothing there can be changed.

    The sign-in is kept in a file that only you can read.

    Example: pawsight drive login --client client_secret.json
    """
    from pawsight.data.sources.drive.credentials import sign_in

    path = sign_in(client, port, browser)
    print_line(f"Signed in. The sign-in is stored in {path}; remove it with: pawsight drive logout")


@drive.command()
@reserve_stdout
def logout() -> None:
    """Revoke the sign-in at Google, and remove it here.

    Example: pawsight drive logout
    """
    from pawsight.data.sources.drive.credentials import sign_out

    print_line("Signed out." if sign_out() else "Not signed in.")


@drive.command()
@reserve_stdout
def status() -> None:
    """Show the account used for Google Drive, and whether it responds.

    Example: pawsight drive status
    """
    import contextlib

    from pawsight.data.sources.drive.client import Drive
    from pawsight.data.sources.drive.credentials import load_access
    from pawsight.errors import SourceError
    from pawsight.storage.download import DownloadError

    access = load_access()
    if access.api_key:
        print_line(f"Google Drive is read with {access.description}: public files only.")
        return
    with contextlib.closing(Drive(access)) as opened:
        try:
            account = opened.account()
        except DownloadError as error:
            raise SourceError(
                f"Google Drive does not respond: {error}.\nTry again when there is a connection."
            ) from error
    print_line(f"Google Drive is read as {account}, with {access.description}.")
