"""What a server is started with."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from trimtab_server.alerts.receiver import Receiver


class ServeSettings(BaseModel):
    """Checked at the edge, frozen inside. Command-line flags have the same names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path
    #: A model directory or hub id; None is the shipped model.
    model: str | None = None
    host: str = "127.0.0.1"
    #: 0 picks a free port.
    port: int = Field(default=0, ge=0, le=65_535)
    #: A port of its own for the calls that stop or undo (`api.limits.CONTROL`), with connections of its own, so
    #: that a crowd at the other one cannot keep an operator out. None: there is none; 0 picks a free one.
    control_port: int | None = Field(default=None, ge=0, le=65_535)
    #: PEM files. All three are read again when they change.
    tls_cert: Path | None = None
    tls_key: Path | None = None
    #: Clients must show a certificate signed by this authority (mTLS).
    tls_client_ca: Path | None = None
    #: TOML: who the certificates stand for (`api.principals`).
    principals: Path | None = None
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

    #: Of each token; a token may have its own. 0: no limit. Rollback, abort, pause and revoke are not counted.
    requests_per_minute: int = Field(default=12_000, ge=0)
    #: Tokens of prompts and replies together.
    tokens_per_minute: int = Field(default=2_000_000, ge=0)
    streams_per_token: int = Field(default=256, ge=0)
    #: Latest end of a chat reply, and the deadline of a request that names none.
    longest_reply_seconds: float = Field(default=120.0, gt=0, le=3_600)
    max_connections: int = Field(default=1_024, ge=1)
    #: TLS and HTTP/2 must be agreed upon by then.
    handshake_seconds: float = Field(default=3.0, gt=0, le=60)
    #: Of one address; callers with a valid token are not affected. 0: no limit.
    refused_logins_per_minute: int = Field(default=300, ge=0)
    #: Refused logins of this time share one audit record.
    refused_login_batch_seconds: float = Field(default=60.0, gt=0)
    #: How soon a token revoked in the store by another process is refused here, too.
    token_refresh_seconds: float = Field(default=2.0, gt=0, le=5)

    drain_seconds: float = Field(default=10.0, ge=0)
    stall_seconds: float = Field(default=5.0, gt=0)
    heartbeat_seconds: float = Field(default=2.0, gt=0)
    #: Whether the canary set is run after each activation and rollback, and with how many prompts of a kind.
    auto_canary: bool = True
    auto_canary_count: int = Field(default=8, ge=1, le=1_000)
    canary_seed: int = Field(default=0, ge=0, lt=1 << 64)
    #: The canary set is run again when its newest run through the active snapshot is this old; 0 for never.
    retrial_hours: float = Field(default=24.0, ge=0)
    #: Part of the stable replies in a shadow step that the candidate answers too, where slots are free.
    rollout_shadow_share: float = Field(default=1.0, gt=0, le=1)
    #: Part of the live replies that are read in a shadow row too: their KL to unsteered, and their perplexity there.
    shadow_share: float = Field(default=0.05, ge=0, le=1)
    #: Replies of one revision within which a false drift alarm has the chance below.
    drift_horizon: int = Field(default=2_000, ge=1)
    drift_false_alarm: float = Field(default=0.05, gt=0, lt=1)
    #: Samples kept per deployment.
    kept_samples: int = Field(default=50_000, ge=1)
    #: The private key that signs heads of the audit; made if it is not there. None: in the data directory.
    audit_key: Path | None = None
    #: Where signed heads are appended: best on another volume. None: in the data directory.
    audit_heads: Path | None = None
    #: URLs, or "@FILE" with a URL and headers in it: who is told of rollbacks, aborts and alarms.
    alert_webhook: tuple[str, ...] = ()
    #: The evidence is stale when the canary set was not run through the active snapshot for this long.
    stale_after_hours: float = Field(default=7 * 24.0, gt=0)
    #: Less free space than this in the data directory is told.
    disk_alarm_mib: int = Field(default=1_024, ge=0)
    #: None: no metrics; 0 picks a free port.
    metrics_port: int | None = Field(default=None, ge=0, le=65_535)
    metrics_host: str = "127.0.0.1"
    #: An OTLP/gRPC collector that traces go to, such as http://127.0.0.1:4317; None: no traces.
    otlp_endpoint: str | None = Field(default=None, pattern="^https?://.+")
    log_level: str = "INFO"

    @field_validator("alert_webhook")
    @classmethod
    def _usable(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            Receiver.of(one)
        return given

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def local_address(self, address: str) -> str:
        """How this machine's own clients reach "HOST:PORT": an address for all interfaces is none to call."""
        return f"localhost:{address.rpartition(':')[2]}" if self.host in ("0.0.0.0", "::") else address

    @model_validator(mode="after")
    def _nothing_in_the_clear(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("--tls-cert and --tls-key belong together: give both, or neither")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError("--tls-client-ca needs --tls-cert and --tls-key")
        if self.principals is not None and self.tls_client_ca is None:
            raise ValueError("--principals needs --tls-client-ca: without it clients show no certificate")
        if not self.loopback and self.tls_cert is None:
            raise ValueError(
                f"--host {self.host} is not a loopback address: without TLS, tokens and prompts would cross the "
                "network in the clear. Give --tls-cert and --tls-key, or use 127.0.0.1"
            )
        return self
