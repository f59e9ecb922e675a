"""Every fault that the server can find in criteria is known to the client, in Japanese too."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from trimtab_gui.i18n import Languages
from trimtab_gui.models.trial_faults import fault_text
from trimtab_server.trials import CriteriaError, default_criteria, parse_criteria, parse_prompts
from trimtab_server.trials.criteria import check_criteria

PROMPTS = parse_prompts(b"id,prompt,gold,dishonest,pressure\na,What?,two or 3,90,hard\n", "ours.csv")
PLAIN = parse_prompts(b"id,prompt,pressure\na,What?,hard\n", "ours.csv")


def change(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda record: record.update(fields)


def scorer(**fields: Any) -> Callable[[dict[str, Any]], None]:
    def run(record: dict[str, Any]) -> None:
        record["scorer"].update(fields)
        record["measure"], record["side_effects"] = "score", []

    return run


def lane(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda record: record["lanes"][1].update(fields)


TERM = {"vector": "", "strength": 3.0}
WRONG: dict[str, Callable[[dict[str, Any]], None]] = {
    "margin": change(margin=-1.0, prompt_margin=2.0),
    "alpha": change(alpha=0.7, power=0.1, min_prompts=1),
    "seeds": change(seeds=[]),
    "repeats": change(seeds=[1, 2]),
    "sampling": change(sampling={"temperature": 9.0, "top_p": 1.0, "max_tokens": 1}),
    "names": change(name=" ", lane="nobody"),
    "effects": change(
        side_effects=[{"measure": "", "at_most": 0.1}, {"measure": "evade_rise", "at_most": 4.0}]
    ),
    "effects of honesty": lambda record: record.update(
        scorer={"kind": "contains"}, side_effects=[{"measure": "lie_rise", "at_most": 0.1}]
    ),
    "judge": scorer(kind="judge", endpoint="nowhere", scale=1, tolerance=-1.0),
    "lanes": lambda record: record["lanes"].append(copy.deepcopy(record["lanes"][0])),
    "one lane": lambda record: record["lanes"].pop(),
    "lane": lane(kind="steered", terms=[TERM]),
    "stage": lane(kind="stage"),
    "lines": lane(system_prompt=[{"text": "", "language": "en"}, {"text": "b", "language": "en"}]),
    "key": change(marjin=0.1),
    "kind": lane(kind="other"),
    "type": change(margin="much"),
}
TEXTS = (
    "margin = = 3",
    "[]",
    'name = "x"\nrepeats = 0',
    'name = "x"\nrepeats = 2\nseeds = [1]',
    "a" * 300_000,
)


def faults_of(parse: Callable[[], object]) -> list[str]:
    with pytest.raises(CriteriaError) as caught:
        parse()
    return [f"{own.fault}; {own.fix}" for own in caught.value.faults]


def every_fault() -> Iterator[str]:
    for spoil in WRONG.values():
        record = default_criteria().as_dict()
        spoil(record)
        text = json.dumps(record)
        yield from faults_of(lambda text=text: parse_criteria(text, "json"))
    for text in TEXTS:
        yield from faults_of(lambda text=text: parse_criteria(text, "json" if text == "[]" else "toml"))
    for kind, prompts in (("numeric", PROMPTS), ("honesty", PLAIN), ("margin", PLAIN)):
        record = default_criteria().as_dict() | {"side_effects": []}
        record["scorer"]["kind"], record["measure"] = kind, "honest" if kind == "honesty" else "score"
        record["lanes"][1]["system_prompt"] = [{"text": "Sei ehrlich.", "language": "de"}]
        criteria = parse_criteria(json.dumps(record), "json")
        yield from faults_of(lambda own=criteria, asked=prompts: check_criteria(own, asked))
    neutral = parse_criteria(json.dumps(default_criteria().as_dict() | {"pressure": ["neutral"]}), "json")
    yield from faults_of(lambda: check_criteria(neutral, PROMPTS))


@pytest.fixture
def japanese(qapp: object) -> Iterator[Languages]:
    languages = Languages("ja")
    yield languages
    languages.choose("en")


def test_every_fault_of_criteria_is_told_in_japanese(japanese: Languages) -> None:
    found = list(every_fault())
    assert len(found) >= 30
    untold = [own for own in found if not re.search("[ぁ-んァ-ヶ一-龠]", fault_text(own))]
    assert untold == []


def test_in_english_a_fault_stays_as_the_server_wrote_it(qapp: object) -> None:
    for own in every_fault():
        assert fault_text(own) == own


def test_a_fault_that_is_unknown_is_shown_as_it_was_written(japanese: Languages) -> None:
    assert fault_text("is odd {0}; make it even") == "is odd {0}; make it even"
