"""`pawsight serve`: needs no TensorFlow."""

from __future__ import annotations

from typing import Annotated

import typer

from pawsight.cli.options import RunArgument

_Host = Annotated[str, typer.Option(metavar="ADDRESS", help="0.0.0.0 accepts other machines.")]
_Port = Annotated[int, typer.Option(metavar="N", help="The port to listen on.")]
_Workers = Annotated[int, typer.Option(metavar="N", help="Worker processes.")]
_ApiKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        envvar="PAWSIGHT_API_KEY",
        help="The API key that clients send. Better set in the environment: all users of a "
        "machine can read a command line.",
        show_default=False,
    ),
]
_Cors = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ORIGIN",
        help="An allowed CORS origin, such as https://example.org; may be repeated.",
        show_default=False,
    ),
]
_MaxBytes = Annotated[int, typer.Option(metavar="N", help="Bytes of a request.")]
_MaxPixels = Annotated[int, typer.Option(metavar="N", help="Pixels of a photo.")]
_MaxPhotos = Annotated[int, typer.Option(metavar="N", help="Photos of a request.")]
_Timeout = Annotated[
    float,
    typer.Option(metavar="SECONDS", help="To receive the photos, and again to answer."),
]
_MaxWaiting = Annotated[
    int, typer.Option(metavar="N", help="Photos in the queue of a process; more get status 503.")
]
_Sure = Annotated[
    float | None,
    typer.Option(metavar="P", help="Less probable answers are `unsure`; the model has a default."),
]


def serve(
    run: RunArgument = None,
    host: _Host = "127.0.0.1",
    port: _Port = 8000,
    workers: _Workers = 1,
    api_key: _ApiKey = None,
    cors: _Cors = None,
    max_bytes: _MaxBytes = 32 * 2**20,
    max_pixels: _MaxPixels = 100_000_000,
    max_photos: _MaxPhotos = 32,
    timeout: _Timeout = 30.0,
    max_waiting: _MaxWaiting = 64,
    sure: _Sure = None,
) -> None:
    """Serve a model over HTTP, with a web page.

    Only this machine can connect, unless --host is given. When the model at RUN changes, it is
    reloaded without dropping a request. Ctrl-C or SIGTERM stops the service after all accepted
    requests are answered; a second one ends it at once.

    Example: pawsight serve

    Example: pawsight serve runs/cats --port 9000

    Example: PAWSIGHT_API_KEY=... pawsight serve runs/cats --host 0.0.0.0 --workers 4
    """
    from pawsight.web.server import serve as serve_run

    serve_run(
        run,
        host=host,
        port=port,
        workers=workers,
        api_key=api_key or None,
        cors=tuple(cors or ()),
        max_bytes=max_bytes,
        max_pixels=max_pixels,
        max_photos=max_photos,
        timeout=timeout,
        max_waiting=max_waiting,
        sure=sure,
    )
