"""The FastAPI application: endpoints, and responses to errors."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from pawsight import __version__
from pawsight.inference.ood_score import already_warned
from pawsight.web import schemas
from pawsight.web.documentation import documentation
from pawsight.web.metrics import CONTENT_TYPE, MetricsMiddleware
from pawsight.web.security import ApiKey, SecurityMiddleware
from pawsight.web.service import RETRY_SECONDS, Service
from pawsight.web.settings import ENVIRONMENT, ServeSettings
from pawsight.web.shutdown import graceful_shutdown
from pawsight.web.uploads import FIELD, RAW_TYPES, BusyError

logger = logging.getLogger(__name__)

_STATIC = Path(__file__).with_name("static")
_PHOTO = {"schema": {"type": "string", "format": "binary"}}
_PHOTOS = {
    "requestBody": {
        "required": True,
        "description": f"Files of a form in the field '{FIELD}', or one photo as the body.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {
                        FIELD: {"type": "array", "minItems": 1, "items": _PHOTO["schema"]}
                    },
                }
            },
            "image/jpeg": _PHOTO,
            "image/png": _PHOTO,
            RAW_TYPES[0]: _PHOTO,
        },
    }
}
_REASONS = {
    400: "The form is malformed.",
    401: "The API key is missing or wrong.",
    408: "The photos did not arrive in time.",
    413: "Too many photos, or too large ones.",
    415: "Neither a form nor a photo.",
    421: "Host header not allowed.",
    422: "No photo could be read, or a parameter is invalid.",
    500: "Internal error.",
    503: "The queue is full, or the service is stopping; see the header Retry-After.",
}
# Instead of the framework's short messages.
_MESSAGES = {
    "Not Found": "Not found. The endpoints are listed at /docs.",
    "Method Not Allowed": "Method not allowed; see the header Allow.",
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {"model": schemas.Problem, "description": _REASONS[status]} for status in statuses
    }


def build_app(settings: ServeSettings) -> FastAPI:
    """Load the model, and build the application of a process; raises RunError."""
    service = Service(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running(), graceful_shutdown(service):
            yield

    app = FastAPI(
        title="pawsight",
        version=__version__,
        summary="Photos in, calibrated answers out.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    _add_model(app, service)
    _add_health(app, service)
    _add_page(app)
    _add_problems(app)
    # The last one added is the outermost.
    if settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Filename"],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(SecurityMiddleware, settings=settings)
    app.add_middleware(MetricsMiddleware, metrics=service.metrics)
    return app


def from_environment() -> FastAPI:
    """Build the application of a worker process from its environment."""
    with already_warned():
        return build_app(ServeSettings.model_validate_json(os.environ[ENVIRONMENT]))


def _add_model(app: FastAPI, service: Service) -> None:
    key = service.settings.api_key
    dependencies = []
    common: tuple[int, ...] = (421,) if key is None else (401, 421)
    if key is not None:
        checks = (ApiKey(key.get_secret_value()), *ApiKey.schemes)  # the schemes only document it
        dependencies = [Depends(check) for check in checks]
    takes_photos: dict[str, Any] = {
        "responses": _problems(400, *common, 408, 413, 415, 422, 500, 503),
        "openapi_extra": _PHOTOS,
        "dependencies": dependencies,
    }

    @app.post("/predict", response_model=schemas.Answer, **takes_photos)
    async def predict(
        request: Request,
        tta: Annotated[bool, Query(description="Average with the mirror image.")] = False,
        x_filename: Annotated[
            str, Header(description="The name of a photo sent as the body.")
        ] = "",
    ) -> Response:
        """Classify photos."""
        return _json(await service.predict(request, tta))

    @app.post("/heatmap", response_model=schemas.Heat, **takes_photos)
    async def heatmap(
        request: Request,
        label: Annotated[
            str | None, Query(description="The class; default: the predicted one.")
        ] = None,
    ) -> Response:
        """Compute which parts of a photo the probability of a class depends on."""
        return _json(await service.heat_map(request, label))

    @app.get("/model", responses=_problems(*common), dependencies=dependencies)
    async def model() -> schemas.Card:
        """Return the model card and the limits of requests."""
        return schemas.card(service.model.now, service.settings)

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, **_problems(*common)},
        dependencies=dependencies,
    )
    def metrics() -> Response:
        """Return metrics for Prometheus."""
        return Response(service.metrics.text(), headers={"content-type": CONTENT_TYPE})


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", responses=_problems(421))
    async def healthz() -> schemas.Health:
        """Return whether the process is alive."""
        return schemas.Health(status="alive")

    @app.get("/readyz", responses=_problems(421, 503))
    async def readyz() -> schemas.Health:
        """Return whether photos may be sent: the service is not stopping."""
        if service.is_stopping:
            raise BusyError("The service is stopping.")
        return schemas.Health(status="ready")


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(_STATIC / "index.html")

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return HTMLResponse(
            documentation(app.openapi(), str(request.base_url).rstrip("/")),
            headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )

    app.mount("/static", StaticFiles(directory=_STATIC, check_dir=False), name="static")


def _add_problems(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        detail = _MESSAGES.get(error.detail, error.detail)
        return JSONResponse({"detail": detail}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        mistakes = [f"{mistake['loc'][-1]}: {mistake['msg']}" for mistake in error.errors()]
        return JSONResponse({"detail": "; ".join(mistakes)}, 422)

    @app.exception_handler(BusyError)
    async def busy(_: Request, error: BusyError) -> Response:
        return JSONResponse({"detail": str(error)}, 503, {"Retry-After": str(RETRY_SECONDS)})

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # for the metrics only

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> Response:
        return JSONResponse({"detail": "Internal error; see the log of the service."}, 500)


def _json(answer: schemas.Answer | schemas.Heat) -> Response:
    # FastAPI would validate a returned model again, which takes longer than building it.
    return Response(answer.model_dump_json(), media_type="application/json")
