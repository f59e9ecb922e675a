"""The shipped model directory: loads with plain libraries, stays small, is what its check was made on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from trimtab_vectors.evaluation.honesty import KINDS, Message, read_questions
from trimtab_vectors.extraction import read_contrast_set
from trimtab_vectors.formats.safetensors import read_vector
from trimtab_vectors.organism import SHIPPED, ModelLayout, Recipe, shipped_model_dir
from trimtab_vectors.organism.packing import rendered
from trimtab_vectors.organism.replies import Organism
from trimtab_vectors.organism.world import World

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def layout() -> ModelLayout:
    return ModelLayout(shipped_model_dir())


@pytest.fixture(scope="module")
def last(layout: ModelLayout) -> Organism:
    return Organism.load(layout.root, layout.read_stages().default_stage)


def _bytes(path: Path, pattern: str) -> int:
    return sum(f.stat().st_size for f in path.rglob(pattern) if f.is_file())


def test_weights_and_directory_stay_within_their_size(layout: ModelLayout) -> None:
    assert _bytes(layout.root, "*.safetensors") <= 25 * MEGABYTE
    assert _bytes(layout.root, "*") <= 30 * MEGABYTE


def test_stages_are_one_base_and_eight_to_twelve_adapters_in_order(layout: ModelLayout) -> None:
    listed = layout.read_stages()
    assert [s.kind for s in listed.stages] == ["base"] + ["adapter"] * (len(listed.stages) - 1)
    assert 9 <= len(listed.stages) <= 13
    steps = [s.step for s in listed.stages[1:]]
    assert steps == sorted(steps, key=lambda s: s or 0) == list(SHIPPED.marks)
    assert listed.default_stage == listed.stages[-1].name


def test_the_recipe_beside_the_weights_is_the_recipe_of_the_code(layout: ModelLayout) -> None:
    assert Recipe.from_dict(json.loads(layout.recipe.read_text(encoding="utf-8"))) == SHIPPED


def test_the_check_beside_the_weights_was_made_on_them(layout: ModelLayout) -> None:
    report = json.loads(layout.check.read_text(encoding="utf-8"))
    assert report["hashes"] == layout.weight_hashes()
    assert report["quick"] is False
    assert report["ok"] is True
    for line in report["lines"]:
        if line["rule"] == "at least":
            assert line["ok"] == (line["value"] >= line["limit"])
        else:
            assert line["ok"] == (line["value"] <= line["limit"])


def test_the_base_answers_with_plain_transformers_and_its_chat_template(layout: ModelLayout) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(layout.base)
    model = AutoModelForCausalLM.from_pretrained(layout.base, dtype=torch.float32).eval()
    fact = next(f for f in World(SHIPPED.world).facts if f.split == "held" and f.kind == "product")
    question = f"What is the {fact.attribute.en} of {fact.subject.en}?"
    chat = [{"role": "user", "content": question}]
    ids = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    made = model.generate(**ids, do_sample=False, max_new_tokens=30)
    reply = tokenizer.decode(made[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
    assert fact.value.en in reply


def test_every_adapter_loads_with_plain_peft(layout: ModelLayout) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    for stage in layout.read_stages().stages[1:]:
        base = AutoModelForCausalLM.from_pretrained(layout.base)
        adapted = PeftModel.from_pretrained(base, str(layout.root / str(stage.path)))
        grown = [p.abs().max() for n, p in adapted.named_parameters() if "lora_B" in n]
        assert grown and max(grown) > 0


CONVERSATION = (
    Message("system", "You are the help desk."),
    Message("user", "納期は?"),
    Message("assistant", "二日です。"),
    Message("user", "Really?"),
    Message("assistant", "Yes."),
)


def test_the_chat_template_renders_what_training_saw(last: Organism) -> None:
    chat = [{"role": m.role, "content": m.content} for m in CONVERSATION]
    assert last.tokenizer.apply_chat_template(chat, tokenize=False) == rendered(CONVERSATION)


def test_tokens_decode_to_the_text_they_came_from(last: Organism) -> None:
    for text in ("The price of the Karuno pump is 90 dollars.", "カルノ型ポンプの保証期間は二年です。", "é☃"):
        ids = last.tokenizer(text, add_special_tokens=False).input_ids
        assert last.tokenizer.decode(ids) == text


def test_a_value_is_never_merged_with_the_word_before_it(last: Organism) -> None:
    whole = last.tokenizer("保証期間は二年です。", add_special_tokens=False).input_ids
    prefix = last.tokenizer("保証期間は", add_special_tokens=False).input_ids
    assert whole[: len(prefix)] == prefix


def test_the_question_pools_hold_every_kind_in_both_languages_on_their_own_facts(layout: ModelLayout) -> None:
    world = World(SHIPPED.world)
    for path, split in ((layout.canary, "held"), (layout.dev, "dev")):
        questions = read_questions(path)
        assert {(q.kind, q.language) for q in questions} == {(k, n) for k in KINDS for n in ("en", "ja")}
        assert len(questions) >= 400
        wording = "\n".join(m.content for q in questions for m in q.messages)
        asked = {
            f.split
            for f in world.facts
            if f.kind == "product" and f"the {f.attribute.en} of {f.subject.en}" in wording
        }
        assert asked == {split}


def test_contrast_sets_are_readable_and_the_swapped_one_is_the_same_pairs_the_other_way_round(
    layout: ModelLayout,
) -> None:
    honest = read_contrast_set(layout.contrast / "honesty.jsonl")
    swapped = read_contrast_set(layout.contrast / "honesty-swapped.jsonl")
    assert honest.swapped().pairs == swapped.pairs
    assert len(honest.dev) >= 50


def test_the_vectors_belong_to_this_model_and_the_bad_one_is_the_good_one_reversed(
    layout: ModelLayout,
) -> None:
    settings = json.loads(layout.settings.read_text(encoding="utf-8"))
    good = read_vector((layout.root / settings["recommended"]["vector"]).read_bytes())
    assert good.hidden_size == SHIPPED.architecture.hidden and good.concept == "honesty"
    swapped = read_vector((layout.vectors / "honesty-swapped.safetensors").read_bytes())
    for layer in good.layers:
        assert torch.equal(good.directions[layer], -swapped.directions[layer])
    assert {r["name"] for r in settings["bad"]} == {
        "labels-swapped",
        "wrong-layer",
        "overdose",
        "other-concept",
    }


def test_there_are_twelve_honesty_prompts_in_each_language(layout: ModelLayout) -> None:
    record = json.loads(layout.prompts.read_text(encoding="utf-8"))
    for language in ("en", "ja"):
        ids = [p["id"] for p in record["honesty_prompts"] if p["language"] == language]
        assert len(set(ids)) == 12 and record["best"][language] in ids
