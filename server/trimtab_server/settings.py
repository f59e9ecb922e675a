"""What a server is started with."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator


class ServeSettings(BaseModel):
    """Checked at the edge, frozen inside. Command-line flags have the same names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path
    #: A model directory or hub id; None is the shipped model.
    model: str | None = None
    host: str = "127.0.0.1"
    #: 0 picks a free port.
    port: int = Field(default=0, ge=0, le=65_535)
    device: str = "auto"
    dtype: str = "auto"
    trust_remote_code: bool = False

    slots: int = Field(default=16, ge=1, le=1_024)
    context: int = Field(default=2_048, ge=16)
    max_stages: int = Field(default=3, ge=1)
    threads: int | None = Field(default=None, ge=1)
    max_queued_requests: int = Field(default=256, ge=1)
    max_queued_tokens: int = Field(default=65_536, ge=1)
    default_max_tokens: int = Field(default=256, ge=1, le=4_096)

    drain_seconds: float = Field(default=10.0, ge=0)
    stall_seconds: float = Field(default=10.0, gt=0)
    heartbeat_seconds: float = Field(default=2.0, gt=0)
    #: Whether the canary set is run after each activation and rollback, and with how many prompts of a kind.
    auto_canary: bool = True
    auto_canary_count: int = Field(default=8, ge=1, le=1_000)
    canary_seed: int = Field(default=0, ge=0, lt=1 << 64)
    #: Samples kept per deployment.
    kept_samples: int = Field(default=50_000, ge=1)
    log_level: str = "INFO"

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str) -> str:
        if host == "localhost":
            return host
        try:
            loopback = ipaddress.ip_address(host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise ValueError(
                f"{host} is not a loopback address, and this release has no TLS: tokens and prompts would "
                "cross the network in the clear. Use 127.0.0.1, and reach it through a TLS proxy or SSH"
            )
        return host
