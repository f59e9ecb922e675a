"""From a study's summary to the report's blocks."""

from __future__ import annotations

from trimtab_vectors.study.report import arc_checks, arc_matrices, arc_timelines
from trimtab_vectors.study.report.answer import (
    answer_section,
    caveats_section,
    judgements_section,
    planted_section,
    prompts_section,
)
from trimtab_vectors.study.report.catalogue import catalogue
from trimtab_vectors.study.report.document import Block, Language, Paragraph, Report, Section
from trimtab_vectors.study.report.record import plan_section, record_section
from trimtab_vectors.study.report.wording import Wording
from trimtab_vectors.study.results import ArcSummary, RunSummary, Summary


def build_report(summary: Summary, language: Language = "en") -> Report:
    """The whole report in one language; the same summary gives the same report."""
    say = Wording(catalogue(language))
    sections = [
        answer_section(summary, say),
        judgements_section(summary, say),
        prompts_section(summary, say),
        plan_section(summary, say),
    ]
    for number, arc in enumerate(summary.arcs, start=1):
        runs = [r for r in summary.runs if (r.architecture, r.arc) == (arc.architecture, arc.arc)]
        sections.append(_arc_section(number, arc, runs, say))
    planted = planted_section(summary, say)
    if planted is not None:
        sections.append(planted)
    sections += [caveats_section(summary, say), record_section(summary, say)]
    return Report(
        title=say("title", name=summary.name),
        subtitle=say("subtitle", hash=summary.plan_hash[:16], arcs=len(summary.arcs), runs=len(summary.runs)),
        language=language,
        contents=say("contents"),
        values=say("values"),
        sections=tuple(sections),
    )


def _arc_section(number: int, arc: ArcSummary, runs: list[RunSummary], say: Wording) -> Section:
    blocks: list[Block] = [
        Paragraph(
            say(
                "arc_section.what",
                stages=len(arc.stages),
                first=arc.stages[0],
                last=arc.stages[-1],
                seeds=len(arc.discovery_seeds) + len(arc.confirmation_seeds),
                strength=f"{arc.strength:g}",
                layers=say.joined(str(layer) for layer in arc.layers),
            )
        ),
        arc_matrices.effect_figure(arc, say),
        arc_timelines.receptivity_figure(arc, say),
        arc_timelines.exportability_figure(arc, say),
        arc_timelines.readout_figure(arc, say),
        *arc_timelines.intervention_figures(arc, say),
    ]
    if arc.intervention is None:
        blocks.append(Paragraph(say("intervention.missing"), "soft"))
    seeds = [arc_timelines.seeds_figure(arc, window, say) for window in arc.windows]
    blocks += [figure for figure in seeds if figure is not None]
    blocks += [
        arc_timelines.cosine_figure(arc, runs, say),
        arc_matrices.stability_figure(arc, say),
        arc_timelines.own_against_first_figure(arc, say),
        arc_matrices.transfer_figure(arc, say),
        arc_matrices.normalised_figure(arc, say),
        arc_checks.controls_figure(arc, say),
        *arc_checks.prompt_figures(arc, say),
        arc_checks.gates_figure(arc, say),
        arc_checks.cost_figure(arc, say),
    ]
    return Section(f"arc-{number}", say.arc_name(arc), tuple(blocks))
