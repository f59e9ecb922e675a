"""One plain sentence per finding."""

from __future__ import annotations

from trimtab_server.rollouts.plan import Guardrail
from trimtab_server.rollouts.verdict import Verdict

_UNITS = {"canary": "questions", "shadow": "pairs", "traffic": "replies"}


def sentence(
    guardrail: Guardrail,
    verdict: Verdict,
    count: int,
    estimate: float | None,
    low: float | None,
    high: float | None,
    non_inferior: bool | None,
) -> str:
    """What was measured, over how much, against what, and what follows."""
    unit = "sessions" if guardrail.test == "sample_ratio" else _UNITS[guardrail.unit]
    if guardrail.batch > 1:
        unit = f"batches of {guardrail.batch} {unit}"
    measured = "nothing measured" if estimate is None else _measured(guardrail, estimate, low, high)
    return (
        f"{measured} over {count} {unit}{_against(guardrail)}: {_outcome(guardrail, verdict, non_inferior)}"
    )


def _measured(guardrail: Guardrail, estimate: float, low: float | None, high: float | None) -> str:
    if guardrail.test == "sample_ratio":
        return f"the candidate got {estimate:.1%}"
    where = f" on {guardrail.kind} canaries" if guardrail.kind else ""
    if guardrail.test not in ("paired_outcome", "paired_mean", "unpaired_mean"):
        return f"{guardrail.signal}{where} {estimate:.3g}"
    ends = ["open" if end is None else f"{end:+.3g}" for end in (low, high)]
    return f"{guardrail.signal}{where} {estimate:+.3g} against stable (95%: {ends[0]} to {ends[1]})"


def _against(guardrail: Guardrail) -> str:
    match guardrail.test:
        case "mean_limit" | "rate_limit":
            word = "at most" if guardrail.direction == "at_most" else "at least"
            return f", {word} {guardrail.limit:g}"
        case "drift":
            return f", as in reference {guardrail.reference}"
        case "sample_ratio":
            return ", as the weights say"
        case _:
            return f", margin {guardrail.margin:g}" if guardrail.margin is not None else ""


def _outcome(guardrail: Guardrail, verdict: Verdict, non_inferior: bool | None) -> str:
    if verdict is Verdict.FAIL:
        return "worse, beyond chance" if guardrail.test != "sample_ratio" else "not what chance gives"
    if verdict is Verdict.NOT_ENOUGH_DATA:
        return "not enough data"
    return "within the margin" if non_inferior else "no alarm"
