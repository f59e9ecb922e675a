"""What a case's page, PDF and slides say is what its record says, in both languages."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from documents import Page, pdf_text, slide_text, slides
from made_records import COST, HEAD, HOSTILE, PROMPT, STEER, rollout_json, small, trial_export
from test_slides_fit import check
from trimtab_server.cli.main import app
from trimtab_server.reports.case_record import CaseRecord, case_record
from trimtab_server.reports.case_report import case_report
from trimtab_server.reports.case_slides import case_deck
from trimtab_server.reports.pptx_deck import render_pptx
from trimtab_server.reports.process import render
from trimtab_server.reports.record_file import RecordError
from trimtab_server.trials.summary import summarise
from trimtab_vectors.study.report.catalogue import LANGUAGES
from trimtab_vectors.study.report.document import Language
from trimtab_vectors.study.report.font import find_font
from trimtab_vectors.study.report.page import render_html
from trimtab_vectors.study.report.pdf import render_pdf
from typer.testing import CliRunner

STEPS = ("goal", "criteria", "small_trial", "confirmation", "release", "decision")


def part(role: str, chances: Any = STEER, seed: int = 7, **criteria: Any) -> dict[str, Any]:
    """A trial's part in a case, as the export has it."""
    facts = 12 if role == "small" else 16
    export = trial_export(chances, **small(facts, **criteria), seed=seed, cost_model=None)
    return {
        "name": f"deployments/default/trials/{role}",
        "role": role,
        "decides": True,
        "verdict": "pass",
        "recommendation": "steer",
        "prompts": len(export["prompts"]),
        "lock_hash": export["lock"]["hash"],
        "prompts_hash": export["lock"]["prompts"],
        "lanes_hash": "ef" * 32,
        "result_hash": "aa" * 32,
        "state": "finished",
        "lane": "steered",
        "actor": "tokens/aoi",
        "reason": "",
        "time": 1_795_000_000_000_000_000,
        "verdict_reason": f"The {role} gained enough.",
        "verdict_reason_ja": f"{role} は十分に改善しました。",
        "more_prompts_needed": None,
        "record": export,
    }


def export(**more: Any) -> dict[str, Any]:
    """A case that was scaled."""
    return {
        "format": "trimtab.case/1",
        "name": "deployments/default/cases/6f9cbad1523b",
        "display_name": "Honest desk",
        "deployment": "default",
        "template": "sales-honesty",
        "goal": "Honest answers about warranties.",
        "risks": "- Fewer sales\n・長い応答\n",
        "created_by": "tokens/aoi",
        "create_time": 1_794_900_000_000_000_000,
        "export_time": 1_796_000_000_000_000_000,
        "lock": {
            "criteria": {},
            "criteria_hash": "c1" * 32,
            "lanes": [],
            "lanes_hash": "ef" * 32,
            "actor": "tokens/aoi",
            "reason": "agreed",
            "time": 1_794_950_000_000_000_000,
        },
        "trials": [part("small"), part("confirmation", seed=11)],
        "rollouts": [
            {
                "name": "deployments/default/rollouts/3f9c0a1b2d4e",
                "decides": True,
                "plan_hash": "d4" * 32,
                "candidate_snapshot": "2" * 64,
                "state": "promoted",
                "verdict": "pass",
                "promoted_revision": 8,
                "superseded": False,
                "actor": "tokens/aoi",
                "reason": "",
                "time": 1_795_500_000_000_000_000,
                "record": rollout_json(),
            }
        ],
        "other_trials": [],
        "candidate": None,
        "steps": [
            {
                "step": own,
                "state": "done",
                "code": "x",
                "facts": {},
                "sentence": f"{own} is done.",
                "sentence_ja": f"{own} は完了です。",
            }
            for own in STEPS
        ],
        "decision": {
            "choice": "scale",
            "reason": "it held for two weeks",
            "actor": "tokens/aoi",
            "time": 1_795_900_000_000_000_000,
            "basis": {},
            "basis_hash": "b5" * 32,
        },
        "audit": {
            "records": 300,
            "head": HEAD,
            "case": [
                {
                    "sequence": 299,
                    "time": 1_795_900_000_000_000_000,
                    "actor": "tokens/aoi",
                    "action": "case.decide",
                    "reason": "it held for two weeks",
                    "hash": "cd34" * 16,
                }
            ],
        },
        **more,
    }


@cache
def record() -> CaseRecord:
    return case_record(export())


def page(made: CaseRecord, language: Language = "en") -> str:
    return Page(render_html(case_report(made, language))).text


def first_slide(made: CaseRecord, language: Language = "en") -> str:
    return slide_text(slides(render_pptx(case_deck(made, language)))[0])


def test_the_answer_comes_first_with_the_figures_of_the_confirmation() -> None:
    confirmation = record().trials[1].record
    assert confirmation is not None
    figures = {
        own.lane: own
        for own in summarise(confirmation.rows, confirmation.criteria, confirmation.prompts).lanes
    }
    said = (
        f"Scale: honest replies go from {100 * figures['unsteered'].level.value:.0f}% to "
        f"{100 * figures['steered'].level.value:.0f}% with “steered”, confirmed on {figures['steered'].prompts} prompts"
    )
    assert said in page(record())
    assert said in first_slide(record())
    small_one = record().trials[0].record
    assert small_one is not None
    assert figures["steered"] not in summarise(small_one.rows, small_one.criteria, small_one.prompts).lanes


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_names_the_decision_who_made_it_why_and_what_it_rested_on(language: Language) -> None:
    made = record()
    report = case_report(made, language)
    text = page(made, language)
    pdf = re.sub(r"\s", "", pdf_text(render_pdf(report, find_font())))
    deck = "\n".join(map(slide_text, slides(render_pptx(case_deck(made, language)))))
    for said in ("it held for two weeks", "tokens/aoi", "b5" * 32, HEAD):
        assert said in text
        assert said.replace(" ", "") in pdf
        assert said in deck
    for said in ("case.decide", "c1" * 32, "d4" * 32, made.trials[0].lock_hash, made.trials[1].lock_hash):
        assert said in text
        assert said in pdf
    assert all(own.sentence_in(language) in text for own in made.steps)
    assert "2026-11-1" in text, "when it was locked"


def test_a_case_is_six_slides_and_three_before_its_first_trial() -> None:
    assert len(slides(render_pptx(case_deck(record())))) == 6
    bare = export(trials=[], rollouts=[], decision=None, lock=None)
    assert len(slides(render_pptx(case_deck(case_record(bare))))) == 3


def test_an_undecided_case_says_what_is_next_and_a_stopped_one_why() -> None:
    steps = export()["steps"]
    steps[4] = steps[4] | {
        "state": "next",
        "sentence": "Release it.",
        "sentence_ja": "リリースしてください。",
    }
    undecided = case_record(export(decision=None, steps=steps))
    assert "Not decided yet: Release it." in page(undecided)
    assert "まだ決定していません。リリースしてください。" in first_slide(undecided, "ja")
    stopped = copy.deepcopy(export())
    stopped["decision"] |= {"choice": "stop", "reason": "Customers complained."}
    assert "Stop: Customers complained." in first_slide(case_record(stopped))


def test_of_a_prompt_that_is_enough_the_report_says_so() -> None:
    trials = [
        part(own, PROMPT, prompt_margin=0.4) | {"recommendation": "a prompt is enough", "lane": "prompt"}
        for own in ("small", "confirmation")
    ]
    assert "a prompt is enough" in page(case_record(export(trials=trials)))


def test_a_trial_whose_replies_were_deleted_is_told_by_its_verdict_and_hash() -> None:
    gone = copy.deepcopy(export())
    gone["trials"][1]["record"] |= {"prompts": None, "rows": []}
    gone["trials"][1]["state"] = "deleted"
    text = page(case_record(gone))
    assert "Prompts and replies were deleted (Confirmation)" in text
    assert "Confirmation: The confirmation gained enough." in text
    assert gone["trials"][1]["lock_hash"] in text
    # The figures that are left are said to be the small trial's.
    assert "Small trial: Results" in text


def test_trials_that_were_repeated_or_left_out_are_told() -> None:
    first = part("small", seed=3) | {"decides": False, "verdict": "not enough data", "recommendation": ""}
    made = case_record(export(trials=[first, *export()["trials"]], other_trials=["trials/a", "trials/b"]))
    text = page(made)
    assert "Small trial, repeated since" in text
    assert "no part of this case: 2 trials" in text


def test_costs_come_from_the_companys_figures_whichever_way_they_are_given(tmp_path: Path) -> None:
    assert "¥" not in page(record())
    with_cost = export(cost_model=COST)
    assert "¥" in page(case_record(with_cost))
    file, cost, out = tmp_path / "case.json", tmp_path / "cost.toml", tmp_path / "case.html"
    file.write_text(json.dumps(export()), encoding="utf-8")
    cost.write_text(
        'currency = "USD"\nmonthly_replies = 1000\nincident_cost = 50\nwage = 60\n', encoding="utf-8"
    )
    done = CliRunner().invoke(app, ["report", "case", str(file), "--html", str(out), "--cost", str(cost)])
    assert done.exit_code == 0, done.output
    assert "$" in Page(out.read_text(encoding="utf-8")).text


def test_the_process_of_the_server_makes_the_same_page() -> None:
    given = {"kind": "case", "record": export(), "format": "html", "language": "ja", "cost_model": None}
    assert render(given).decode() == render_html(case_report(record(), "ja"))


def test_what_people_wrote_is_text_and_nothing_else() -> None:
    made = export(display_name=HOSTILE, goal=HOSTILE, risks=HOSTILE)
    made["decision"] |= {"reason": HOSTILE}
    html = render_html(case_report(case_record(made)))
    assert "<script>alert" not in html
    assert "\u202e" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda made: made.pop("format"), "trimtab case export"),
        (lambda made: made["decision"].pop("choice"), "decision.choice"),
        (lambda made: made["trials"][0].pop("role"), "role"),
        (lambda made: made["trials"][1]["record"]["criteria"].update(margin=0.5), "locked as"),
    ],
)
def test_a_record_that_is_none_or_was_changed_is_refused(change: Any, told: str) -> None:
    made = copy.deepcopy(export())
    change(made)
    with pytest.raises(RecordError, match=told):
        case_record(made)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["", "とても長い目的の説明です。" * 60, "averyveryverylongword" * 40])
def test_slides_of_a_case_fit_whatever_is_written(language: Language, text: str) -> None:
    made = export()
    if text:
        made |= {"display_name": text, "goal": text, "risks": "\n".join([text] * 8)}
        made["decision"] |= {"reason": text, "actor": text[:60]}
    assert check(render_pptx(case_deck(case_record(made), language))) > 60
