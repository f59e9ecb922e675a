"""Cases on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from trimtab_client import Case, CaseStep, CaseStepKind, CaseTemplate, bare

from trimtab_server.cli.session import Session, local_time

_TITLES = {
    CaseStepKind.GOAL: ("goal", "目標"),
    CaseStepKind.CRITERIA: ("criteria", "判定基準"),
    CaseStepKind.SMALL_TRIAL: ("small trial", "小規模な試験"),
    CaseStepKind.CONFIRMATION: ("confirmation", "確認試験"),
    CaseStepKind.RELEASE: ("release", "リリース"),
    CaseStepKind.DECISION: ("decision", "決定"),
}
_STATES = {
    "done": ("done", "完了"),
    "next": ("next", "次"),
    "waiting": ("waiting", "待機中"),
    "blocked": ("blocked", "未着手"),
    "failed": ("failed", "不成功"),
}


def show_case(found: Session, case: Case, language: str) -> None:
    """Every step, and the command that does what is missing."""
    japanese = language == "ja"
    draft, lock = case.draft, case.lock
    found.facts(
        (
            ("case", f"{bare(case.name)}  {draft.display_name}"),
            ("goal", draft.goal),
            (
                "locked",
                ""
                if lock is None
                else f"{lock.criteria_hash[:12]} on {local_time(lock.lock_time)} by {lock.actor}",
            ),
            ("lanes", "" if lock is None else ", ".join(lane.name for lane in lock.lanes)),
            ("other trials", ", ".join(bare(name) for name in case.other_trials)),
        )
    )
    found.table(
        ("段階", "状態", "内容") if japanese else ("step", "state", "what"),
        (
            (_TITLES[step.kind][japanese], _STATES[step.state][japanese], step.sentence_in(language))
            for step in case.steps
        ),
        "no steps",
    )
    step = case.step
    hint = "" if step is None else command_line(case, step)
    if hint:
        found.out.print(f"next: {hint}", markup=False)


def command_line(case: Case, step: CaseStep) -> str:
    """What to type for a step; "" where there is nothing to do."""
    own, subject = bare(case.name), bare(step.subject)
    lines = {
        "case.edit": f"trimtab case edit {own}",
        "case.lock": f"trimtab case lock {own}",
        "trial.new": f"trimtab trial run PROMPTS.csv --case {own}",
        "trial.start": f"trimtab trial start {subject}",
        "trial.resume": f"trimtab trial resume {subject}",
        "trial.rate": f"trimtab trial rate {subject}",
        "trial.show": f"trimtab trial show {subject}",
        "release.create": f"trimtab case snapshot NAME --case {own}",
        "rollout.new": f"trimtab rollout create {subject[:12]} && trimtab case attach-rollout --case {own}",
        "rollout.start": f"trimtab rollout start {subject}",
        "rollout.show": f"trimtab rollout status {subject}",
        "case.decide": f"trimtab case decide scale|stop --case {own} --reason ...",
    }
    return lines.get(step.command, "")


def show_list(found: Session, cases: Iterable[Case], language: str) -> None:
    rows = []
    for case in cases:
        step = case.step
        if case.decision is not None:
            where, what = str(case.decision.choice), case.decision.reason
        else:
            where = "" if step is None else _TITLES[step.kind][language == "ja"]
            what = "" if step is None else step.sentence_in(language)
        rows.append((bare(case.name), case.draft.display_name, where, what, local_time(case.create_time)))
    found.table(
        ("id", "name", "step", "what", "created"),
        rows,
        "no cases yet: trimtab case new --template sales-honesty starts one",
    )


def show_template(found: Session, template: CaseTemplate, language: str) -> None:
    japanese = language == "ja"
    prompts = template.prompts
    found.facts(
        (
            ("template", f"{template.id}  {template.title_ja if japanese else template.title}"),
            ("goal", template.goal_ja if japanese else template.goal),
            ("lanes", ", ".join(template.lanes)),
            ("prompts", f"{prompts.prompts}: {prompts.advice_ja if japanese else prompts.advice}"),
            ("risks", template.risks_ja if japanese else template.risks),
        )
    )
    found.table(
        ("column", "what goes into it"),
        ((own.column, own.meaning_ja if japanese else own.meaning) for own in prompts.columns),
        "no columns",
    )
    found.out.print(template.criteria.text, markup=False)
