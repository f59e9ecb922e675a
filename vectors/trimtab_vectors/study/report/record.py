"""What was asked and locked beforehand, and everything needed to check or repeat the study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab_vectors.study.report.document import Block, Paragraph, Section, Table
from trimtab_vectors.study.report.scale import figure
from trimtab_vectors.study.report.wording import Wording
from trimtab_vectors.study.results import Summary


def plan_section(summary: Summary, say: Wording) -> Section:
    """The plan, the dose chosen on dev items, and the seeds."""
    plan = summary.plan
    window = plan.get("window", {})
    facts = [
        ("plan_hash", summary.plan_hash),
        ("seed", str(plan.get("seed", ""))),
        ("method", say.words.named("method", str(plan.get("vectors", {}).get("method", "")))),
        ("positions", say.words.named("positions", str(plan.get("vectors", {}).get("positions", "")))),
        ("choose", say.words.named("choose", str(plan.get("dose", {}).get("choose", "")))),
        ("grid", say.joined(f"{m:g}" for m in plan.get("dose", {}).get("grid", ()))),
        ("random", str(plan.get("controls", {}).get("random_vectors", ""))),
        ("shuffled", str(plan.get("controls", {}).get("shuffled", ""))),
        ("statistics", say.joined(say.words.named("statistic", s) for s in window.get("statistics", ()))),
        ("smallest", _smallest(window, say)),
        ("alpha", f"{window['alpha']:g}" if "alpha" in window else ""),
        ("sizes", say.joined(str(n) for n in window.get("sizes", ()))),
        ("resamples", str(plan.get("resamples", ""))),
    ]
    locked = Table(
        (say("column.locked"), say("column.value")),
        tuple((say(f"locked.{key}"), value) for key, value in facts if value),
        words=True,
    )
    doses = Table(
        tuple(say(f"column.{name}") for name in ("arc", "strength", "layers", "discovery", "confirmation")),
        tuple(
            (
                say.arc_name(arc),
                f"{arc.strength:g}",
                say.joined(str(layer) for layer in arc.layers),
                say.joined(str(seed) for seed in arc.discovery_seeds) or "–",
                say.joined(str(seed) for seed in arc.confirmation_seeds) or "–",
            )
            for arc in summary.arcs
        ),
        words=True,
    )
    blocks: list[Block] = [Paragraph(say("locked.what")), locked, Paragraph(say("locked.doses")), doses]
    tried = _tried(summary, say)
    if tried.rows:
        blocks += [Paragraph(say("locked.tried")), tried]
    return Section("plan", say("locked.title"), tuple(blocks))


def record_section(summary: Summary, say: Wording) -> Section:
    """Hashes, commands, versions, seconds."""
    cost = summary.cost
    seconds = sum(cost.seconds.values())
    cells = Table(
        (say("column.cells"), say("column.count"), say("column.seconds")),
        tuple(
            (say.words.named("cells", kind), str(count), figure(cost.seconds.get(kind, 0.0)))
            for kind, count in cost.cells.items()
        ),
    )
    sessions = Table(
        tuple(say(f"column.{name}") for name in ("started", "command", "devices", "workers", "versions")),
        tuple(
            (
                str(s.get("started", "")),
                str(s.get("command", "")) or "–",
                say.joined(map(str, s.get("devices", ()))),
                str(s.get("workers", "")),
                say.joined(f"{name} {version}" for name, version in s.get("versions", {}).items()),
            )
            for s in summary.sessions
        ),
        words=True,
    )
    files = Table((say("column.file"), "SHA-256"), tuple(summary.files.items()), words=True)
    return Section(
        "record",
        say("record.title"),
        (
            Paragraph(
                say(
                    "record.cost",
                    total=say.time(seconds),
                    cell=figure(cost.seconds_per_effect_cell),
                    fit=f"{cost.r_squared:.4f}",
                )
            ),
            cells,
            Paragraph(say("record.sessions")),
            sessions,
            Paragraph(say("record.files")),
            files,
            Paragraph(say("record.stages")),
            _stage_hashes(summary, say),
        ),
    )


def _smallest(window: Mapping[str, Any], say: Wording) -> str:
    if window.get("delta") is not None:
        return figure(float(window["delta"]))
    share = window.get("relative_delta")
    return "" if share is None else say("locked.share_of_first", share=say.share(float(share)))


def _tried(summary: Summary, say: Wording) -> Table:
    """Every candidate dose with what it did on dev items."""
    names = ("architecture", "layers", "strength", "gain", "kl", "perplexity_ratio", "within", "chosen")
    rows = []
    for architecture, choice in summary.choices.items():
        dose = choice.get("dose", {})
        for tried in choice.get("tried", ()):
            chosen = tried["layers"] == dose.get("layers") and tried["strength"] == dose.get("strength")
            rows.append(
                (
                    architecture,
                    say.joined(map(str, tried["layers"])),
                    f"{tried['strength']:g}",
                    figure(tried["gain"]),
                    figure(tried["kl"]),
                    figure(tried["perplexity_ratio"]),
                    say("yes") if tried["within_gates"] else say("no"),
                    say("yes") if chosen else "",
                )
            )
    return Table(tuple(say(f"column.{name}") for name in names), tuple(rows))


def _stage_hashes(summary: Summary, say: Wording) -> Table:
    rows = []
    for run, locked in summary.runs_locked.items():
        for stage, digest in locked.get("stages", {}).items():
            rows.append((run, say.words.named("role", str(locked.get("role", ""))), stage, str(digest)))
    columns = (say("column.run"), say("column.role"), say("column.stage"), "SHA-256")
    return Table(columns, tuple(rows), words=True)
