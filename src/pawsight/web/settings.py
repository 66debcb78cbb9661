"""The settings of the service, validated together, and passed to worker processes."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from pawsight import machine
from pawsight.errors import ConfigError
from pawsight.setting_errors import describe_error

ENVIRONMENT = "PAWSIGHT_SERVE"  # the environment variable with the settings of worker processes
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the variable that prometheus_client reads
_BYTES_PER_PIXEL = 25  # of memory, while a large photo is decoded
_MAX_MEMORY = 0.5  # share of the machine's memory for large photos
_ORIGIN = re.compile(r"\*|https?://[^/\s]+")


class ServeSettings(BaseModel):
    """Address, limits and API key of the service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str | None = None  # the run folder; None: the model that ships
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    workers: int = Field(1, ge=1, le=256)
    api_key: SecretStr | None = Field(None, min_length=8)
    cors: tuple[str, ...] = ()  # allowed CORS origins
    max_bytes: int = Field(32 * 2**20, ge=1024)  # of a request
    max_pixels: int = Field(100_000_000, ge=1_000_000)  # of a photo
    max_photos: int = Field(32, ge=1)  # of a request
    timeout: float = Field(30.0, gt=0, le=3600)  # seconds to send photos, and again to answer
    max_waiting: int = Field(64, ge=1)  # photos in the queue of a process
    # The lowest probability of a sure answer; None: that of the model.
    sure: float | None = Field(None, ge=0, le=1)
    check_seconds: float = Field(2.0, gt=0)  # between two checks of whether the run has changed

    @field_validator("cors")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is not an origin such as https://example.org")
        return origins

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def address(self) -> str:
        """The URL for a browser on this machine."""
        anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
        host = anywhere.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def num_threads(self) -> int:
        """Threads, and processes, of a worker for small photos: its share of the cores."""
        return max(1, machine.num_cpus() // self.workers)

    @property
    def num_large(self) -> int:
        """How many large photos a worker decodes at once: as memory and cores allow, at least 1."""
        limit = self.num_threads - 1
        if memory := machine.memory():
            bytes_each = self.max_pixels * _BYTES_PER_PIXEL * self.workers
            limit = min(limit, int(memory * _MAX_MEMORY / bytes_each))
        return max(1, limit)

    @classmethod
    def checked(cls, **settings: Any) -> Self:
        """Build settings from options.

        Raises:
            ConfigError: One line for each invalid option.
        """
        try:
            return cls(**settings)
        except ValidationError as error:
            lines = (describe_error(cls, problem).partition(":") for problem in error.errors())
            raise ConfigError(
                "\n".join(f"--{name.replace('_', '-')}:{reason}" for name, _, reason in lines)
            ) from error

    def as_text(self) -> str:
        """Return the settings as JSON, including the API key."""
        plain = self.model_dump(mode="json")
        plain["api_key"] = self.api_key.get_secret_value() if self.api_key else None
        return json.dumps(plain)
