"""An alert as a chat message: JSON that Slack's incoming webhooks take, and those that copied them."""

from __future__ import annotations

from typing import Any, Final

from trimtab_server.alerts.alert import Alert, Severity, State

#: Longer texts are cut; Slack folds an attachment away at about this length.
_LONGEST_TEXT: Final = 2_000
_LONGEST_FACT: Final = 300

_COLOURS: Final = {Severity.CRITICAL: "#b3261e", Severity.WARNING: "#c77700", Severity.INFO: "#3367a8"}
_RECOVERED: Final = "#2e7d32"


def message(alert: Alert, server: str, undelivered: int = 0) -> dict[str, Any]:
    """The body to post.

    Args:
        server: where the alert comes from, shown below it.
        undelivered: alerts before this one that never arrived; said in the text.

    `text` is the headline, the attachment has the sentence and the facts, and `metadata.event_payload` has
    everything for a program.
    """
    recovered = alert.state is State.RECOVERED
    word = "recovered" if recovered else alert.severity.value
    where = f" ({alert.deployment})" if alert.deployment else ""
    text = alert.text
    if undelivered:
        text += f"\n{undelivered} earlier alerts could not be delivered; the server's log has them."
    return {
        "text": escaped(f"Trimtab {word}: {alert.title}{where}"),
        "attachments": [
            {
                "color": _RECOVERED if recovered else _COLOURS[alert.severity],
                "fallback": escaped(text),
                "text": escaped(text),
                "fields": [
                    {"title": escaped(name), "value": escaped(str(value), _LONGEST_FACT), "short": True}
                    for name, value in alert.facts.items()
                ],
                "footer": escaped(server),
                "ts": alert.time // 1_000_000_000,
            }
        ],
        "metadata": {
            "event_type": "trimtab_alert",
            "event_payload": {
                "kind": alert.kind.value,
                "severity": alert.severity.value,
                "state": alert.state.value,
                "deployment": alert.deployment,
                "subject": alert.subject,
                "time": alert.time // 1_000_000_000,
                "facts": dict(alert.facts),
            },
        },
    }


def escaped(text: str, longest: int = _LONGEST_TEXT) -> str:
    """So that nothing in a reason or a name can address a channel or pretend to be a link.

    In Slack's markup `<...>` is a link, a person or "everybody here"; `&`, `<` and `>` stand for themselves
    only as entities.
    """
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
