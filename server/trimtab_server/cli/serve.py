"""`trimtab serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import session


def serve(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Option(help="Model directory or Hugging Face hub id. Default: the model that comes along."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; another than loopback needs TLS.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="0 picks a free port.")] = 0,
    control_port: Annotated[
        int | None, typer.Option(help="A second port, for rollback, abort, pause and revoke alone.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="PEM certificate chain. Read again when it changes.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM key of the certificate, unencrypted.")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(help="PEM authority whose certificate every client must have (mTLS).")
    ] = None,
    principals: Annotated[
        Path | None, typer.Option(help="TOML file: which client certificate is whom, with which role.")
    ] = None,
    requests_per_minute: Annotated[
        int, typer.Option(help="Calls of each token; 0: any number. A token may have its own limit.")
    ] = 12_000,
    tokens_per_minute: Annotated[
        int, typer.Option(help="Tokens of prompts and replies of each token; 0: any number.")
    ] = 2_000_000,
    streams_per_token: Annotated[int, typer.Option(help="Streams of each token at once.")] = 256,
    longest_reply_seconds: Annotated[float, typer.Option(help="Every chat reply ends by then.")] = 120.0,
    max_connections: Annotated[int, typer.Option(help="More are closed.")] = 1_024,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    slots: Annotated[int, typer.Option(help="Replies made at the same time.")] = 16,
    context_length: Annotated[int, typer.Option("--context", help="Tokens of prompt and reply.")] = 2048,
    max_stages: Annotated[int, typer.Option(help="Stages kept loaded at once.")] = 3,
    threads: Annotated[int | None, typer.Option(help="CPU threads of the engine.")] = None,
    max_queued_requests: Annotated[int, typer.Option(help="More are refused with QUEUE_FULL.")] = 256,
    max_queued_tokens: Annotated[int, typer.Option(help="Prompt tokens that may wait.")] = 65_536,
    default_max_tokens: Annotated[
        int, typer.Option(help="Length of a reply whose request names none.")
    ] = 256,
    drain_seconds: Annotated[float, typer.Option(help="Time for running replies to end at SIGTERM.")] = 10.0,
    auto_canary: Annotated[
        bool, typer.Option(help="Run the canary set after each activation and rollback.")
    ] = True,
    auto_canary_count: Annotated[int, typer.Option(help="Prompts of each kind in that run.")] = 8,
    canary_seed: Annotated[int, typer.Option(help="Draws the canary prompts.")] = 0,
    retrial_hours: Annotated[
        float, typer.Option(help="Run the canary set again when its newest run is this old; 0 for never.")
    ] = 24.0,
    rollout_shadow_share: Annotated[
        float,
        typer.Option(help="Share of stable replies that the candidate answers unseen in a shadow step."),
    ] = 1.0,
    shadow_share: Annotated[
        float, typer.Option(help="Share of chat replies whose KL to unsteered is measured, in spare slots.")
    ] = 0.05,
    drift_horizon: Annotated[
        int, typer.Option(help="Replies of a revision within which a false drift alarm counts.")
    ] = 2_000,
    drift_false_alarm: Annotated[float, typer.Option(help="Its chance, all signals together.")] = 0.05,
    trust_remote_code: Annotated[
        bool, typer.Option(help="Run Python code that comes with the model.")
    ] = False,
    audit_key: Annotated[
        Path | None,
        typer.Option(help="Key that signs the audit's heads. Default: DATA_DIR/audit.key, made once."),
    ] = None,
    audit_heads: Annotated[
        Path | None,
        typer.Option(
            help="File the signed heads go to, best on another volume. Default: in the data directory."
        ),
    ] = None,
    alert_webhook: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL|@FILE",
            help="Told of rollbacks, aborts and alarms; @FILE holds the URL and its headers. Repeatable.",
        ),
    ] = None,
    stale_after_hours: Annotated[
        float, typer.Option(help="Without a canary run of what is active for this long, an alert is sent.")
    ] = 168.0,
    disk_alarm_mib: Annotated[int, typer.Option(help="With less free space, an alert is sent.")] = 1_024,
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve Prometheus metrics at /metrics; 0 picks a free port.")
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address of the metrics; they need no token.")] = (
        "127.0.0.1"
    ),
    otlp_endpoint: Annotated[
        str | None,
        typer.Option(help="Send traces to this OTLP/gRPC collector, such as http://127.0.0.1:4317."),
    ] = None,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Host a model; prints `listening on HOST:PORT` when ready.

    The administrator's token of a fresh data directory is in DATA_DIR/token. SIGTERM drains, then ends.

    Example: trimtab --data-dir ./data serve --port 7460 --model ./my-model
    """
    values: dict[str, Any] = {
        "data_dir": session(context).data_dir,
        "model": model,
        "host": host,
        "port": port,
        "control_port": control_port,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "tls_client_ca": tls_client_ca,
        "principals": principals,
        "requests_per_minute": requests_per_minute,
        "tokens_per_minute": tokens_per_minute,
        "streams_per_token": streams_per_token,
        "longest_reply_seconds": longest_reply_seconds,
        "max_connections": max_connections,
        "device": device,
        "dtype": dtype,
        "slots": slots,
        "context": context_length,
        "max_stages": max_stages,
        "threads": threads,
        "max_queued_requests": max_queued_requests,
        "max_queued_tokens": max_queued_tokens,
        "default_max_tokens": default_max_tokens,
        "drain_seconds": drain_seconds,
        "auto_canary": auto_canary,
        "auto_canary_count": auto_canary_count,
        "canary_seed": canary_seed,
        "retrial_hours": retrial_hours,
        "rollout_shadow_share": rollout_shadow_share,
        "shadow_share": shadow_share,
        "drift_horizon": drift_horizon,
        "drift_false_alarm": drift_false_alarm,
        "trust_remote_code": trust_remote_code,
        "audit_key": audit_key,
        "audit_heads": audit_heads,
        "alert_webhook": tuple(alert_webhook or ()),
        "stale_after_hours": stale_after_hours,
        "disk_alarm_mib": disk_alarm_mib,
        "metrics_port": metrics_port,
        "metrics_host": metrics_host,
        "otlp_endpoint": otlp_endpoint,
        "log_level": log_level,
    }
    raise typer.Exit(_run(values))


def _run(values: dict[str, Any]) -> int:
    from pydantic import ValidationError

    from trimtab_server.settings import ServeSettings

    try:
        settings = ServeSettings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        # Without a place if it is about several options; the message names them.
        name = "".join(f"--{part}: ".replace("_", "-") for part in first["loc"][:1])
        raise typer.BadParameter(f"{name}{first['msg'].removeprefix('Value error, ')}") from error
    if settings.tls_cert is not None:
        # Here, ahead of the slow imports, because the process starts again.
        from trimtab_server.api.tls import restart_with_tls_1_3_only

        restart_with_tls_1_3_only()
    try:
        from trimtab_server.serve import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("trimtab"):
            raise
        raise CommandFailed(
            "EXTRA_MISSING", f"the server needs {error.name}: pip install 'trimtab[server]'"
        ) from error
    return run(settings)
