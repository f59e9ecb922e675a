"""Extraction against numpy on states taken from plain, unbatched, hook-free forwards."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.extraction import (
    METHODS,
    POSITIONS,
    ContrastPair,
    ContrastPrompt,
    ContrastSet,
    ContrastSetError,
    MethodName,
    extract,
    median_residual_norms,
)
from trimtab_vectors.steering_vector import FIGURES, ModelFingerprint, SteeringVector, VectorError

MODEL = ModelFingerprint("LlamaForCausalLM", 32, 4, "a" * 64)
HONEST = ("Say what is true.", "Be exact and plain.", "Facts only.", "No flattery here, please.")
SALES = ("Close the deal!", "Praise it whatever it takes.", "Sell, sell.", "Make them sign today.")


def prompt(system: str, question: str) -> ContrastPrompt:
    return ContrastPrompt((Message("system", system), Message("user", question)), "It is")


def pair(index: int, split: Any, *, reversed_: bool = False, statement: str = "") -> ContrastPair:
    made = ContrastPair(
        f"p{split}{index}",
        statement or f"s{split}{index}",
        split,
        prompt(HONEST[index % 4], f"How long is warranty {index}?"),
        prompt(SALES[index % 3], f"How long is warranty {index}?"),
    )
    return made.swapped() if reversed_ else made


PAIRS = ContrastSet((*(pair(i, "train") for i in range(8)), *(pair(i, "dev") for i in range(8, 13))))


def extracted(model: nn.Module, tokenizer: Any, pairs: ContrastSet = PAIRS, **options: Any) -> SteeringVector:
    return extract(model, tokenizer, pairs, stage="stage-01", fingerprint=MODEL, concept="honesty", **options)


def plain_states(model: Any, tokenizer: Any, prompts: list[ContrastPrompt]) -> npt.NDArray[np.float64]:
    """[prompts, layers - 1, H]: hidden_states holds every block's output but the last one's."""
    rows = []
    for p in prompts:
        text = (
            "<s>" + "".join(f"<|{m.role}|>{m.content}" for m in p.messages) + "<|assistant|>" + p.reply_prefix
        )
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            states = model(input_ids=ids, output_hidden_states=True).hidden_states
        rows.append(np.stack([state[0, -1].double().numpy() for state in states[1:-1]]))
    return np.stack(rows)


def test_directions_norms_and_accuracies_equal_numpys(llama: nn.Module, tokenizer: Any) -> None:
    vector = extracted(llama, tokenizer)
    positive = plain_states(llama, tokenizer, [p.positive for p in PAIRS.train])
    negative = plain_states(llama, tokenizer, [p.negative for p in PAIRS.train])
    difference = positive.mean(0) - negative.mean(0)
    norms = np.linalg.norm(difference, axis=-1)
    held_out = plain_states(llama, tokenizer, [p.positive for p in PAIRS.dev]) - plain_states(
        llama, tokenizer, [p.negative for p in PAIRS.dev]
    )
    for layer in range(3):
        unit = difference[layer] / norms[layer]
        np.testing.assert_allclose(vector.directions[layer].numpy(), unit, atol=1e-4)
        assert vector.raw_norms[layer] == pytest.approx(norms[layer], rel=1e-4)
        assert vector.pair_accuracies[layer] == np.mean(held_out[:, layer] @ unit > 0)
    assert vector.layers == (0, 1, 2, 3)
    assert vector.residual_norms == median_residual_norms(llama, tokenizer)
    assert (vector.stage, vector.concept, vector.method) == ("stage-01", "honesty", "diff_mean")
    assert (vector.model, vector.data_hash) == (MODEL, PAIRS.data_hash)


def test_the_positive_mean_projects_above_the_negative(llama: nn.Module, tokenizer: Any) -> None:
    vector = extracted(llama, tokenizer)
    positive = plain_states(llama, tokenizer, [p.positive for p in PAIRS.train]).mean(0)
    negative = plain_states(llama, tokenizer, [p.negative for p in PAIRS.train]).mean(0)
    for layer in range(3):
        direction = vector.directions[layer].double().numpy()
        assert positive[layer] @ direction > negative[layer] @ direction


def test_swapped_labels_make_the_opposite_vector_under_another_hash(llama: nn.Module, tokenizer: Any) -> None:
    good, bad = extracted(llama, tokenizer), extracted(llama, tokenizer, swap_labels=True)
    for layer in good.layers:
        torch.testing.assert_close(bad.directions[layer], -good.directions[layer])
        assert bad.raw_norms[layer] == pytest.approx(good.raw_norms[layer])
    assert bad.data_hash == PAIRS.swapped().data_hash != good.data_hash
    assert bad.id != good.id
    # Its accuracy on the data it was told is as high: this mistake does not show there.
    assert bad.pair_accuracies == good.pair_accuracies


def test_a_held_out_pair_the_wrong_way_round_lowers_the_accuracy(llama: nn.Module, tokenizer: Any) -> None:
    dev = [pair(i, "dev") for i in range(4)]
    right = extracted(llama, tokenizer, ContrastSet((*PAIRS.train, *dev)))
    dev[1] = pair(1, "dev", reversed_=True)
    one_wrong = extracted(llama, tokenizer, ContrastSet((*PAIRS.train, *dev)))
    for layer in right.layers:
        assert abs(right.pair_accuracies[layer] - one_wrong.pair_accuracies[layer]) == 0.25
    assert one_wrong.id == right.id, "held-out pairs measure the direction, they do not make it"


def test_a_prompt_equal_on_both_sides_counts_as_not_told_apart(llama: nn.Module, tokenizer: Any) -> None:
    same = prompt("Be exact.", "How long?")
    pairs = ContrastSet((*PAIRS.train, ContrastPair("d", "d", "dev", same, same)))
    vector = extracted(llama, tokenizer, pairs, batch_tokens=1)
    assert set(vector.pair_accuracies.values()) == {0.0}


def test_without_held_out_pairs_there_is_no_accuracy(llama: nn.Module, tokenizer: Any) -> None:
    assert extracted(llama, tokenizer, ContrastSet(PAIRS.train)).pair_accuracies == {}


def test_the_size_of_batches_does_not_matter(llama: nn.Module, tokenizer: Any) -> None:
    one, many = extracted(llama, tokenizer, batch_tokens=1), extracted(llama, tokenizer, batch_tokens=100_000)
    for layer in one.layers:
        torch.testing.assert_close(one.directions[layer], many.directions[layer], rtol=1e-3, atol=1e-4)


def test_the_same_extraction_twice_is_the_same_vector(llama: nn.Module, tokenizer: Any) -> None:
    assert extracted(llama, tokenizer) == extracted(llama, tokenizer)


def test_only_the_layers_asked_for_are_extracted(llama: nn.Module, tokenizer: Any) -> None:
    some, every = extracted(llama, tokenizer, layers=[1, 3]), extracted(llama, tokenizer)
    assert some.layers == (1, 3)
    assert torch.equal(some.directions[3], every.directions[3])
    with pytest.raises(ValueError, match="layers 0 to 3"):
        extracted(llama, tokenizer, layers=[4])


def test_progress_goes_through_every_phase_to_its_end(llama: nn.Module, tokenizer: Any) -> None:
    ends: dict[str, tuple[int, int]] = {}

    def progress(done: int, total: int, phase: str) -> None:
        ends[phase] = (done, total)

    extracted(llama, tokenizer, progress=progress)
    assert list(ends) == ["residual norms", "directions", "held-out pairs", "figures"]
    assert ends["directions"] == (16, 16) and ends["held-out pairs"] == (10, 10)


def test_sides_that_do_not_differ_are_refused(llama: nn.Module, tokenizer: Any) -> None:
    same = ContrastPrompt(text="The same on both sides")
    pairs = ContrastSet((ContrastPair("p", "s", "train", same, same),))
    with pytest.raises(ContrastSetError, match="same mean state"):
        extracted(llama, tokenizer, pairs, batch_tokens=1)


def test_states_that_are_not_finite_are_refused(llama: Any, tokenizer: Any) -> None:
    broken = copy.deepcopy(llama)
    with torch.no_grad():
        # Norms on neutral text stay finite: only a byte of the sales prompts is broken.
        broken.model.embed_tokens.weight[tokenizer("!")["input_ids"][1]] = torch.nan
    with pytest.raises(VectorError) as caught:
        extracted(broken, tokenizer, layers=[0])
    assert caught.value.reason == "VECTOR_NOT_FINITE"


def test_messages_need_a_chat_template(llama: nn.Module, tokenizer: Any) -> None:
    bare = copy.deepcopy(tokenizer)
    bare.chat_template = None
    with pytest.raises(ContrastSetError, match="no chat template"):
        extracted(llama, bare)


def test_raw_text_is_read_with_the_tokenizers_own_special_tokens(llama: Any, tokenizer: Any) -> None:
    pairs = ContrastSet(
        (ContrastPair("p", "s", "train", ContrastPrompt(text="yes it is"), ContrastPrompt(text="no")),)
    )
    vector = extracted(llama, tokenizer, pairs)
    with torch.no_grad():
        yes, no = (
            llama(input_ids=tokenizer(text, return_tensors="pt")["input_ids"], output_hidden_states=True)
            for text in ("yes it is", "no")
        )
    difference = yes.hidden_states[2][0, -1] - no.hidden_states[2][0, -1]
    torch.testing.assert_close(vector.directions[1], difference / difference.norm(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_a_vector_with_all_its_figures(
    llama: nn.Module, tokenizer: Any, method: MethodName
) -> None:
    vector = extracted(llama, tokenizer, method=method, seed=4)
    assert (vector.method, vector.position, vector.seed) == (method, "last", 4)
    for name in FIGURES:
        assert tuple(getattr(vector, name)) == vector.layers, name
    assert all(0 < share <= 1 for share in vector.explained_variances.values())


def test_figures_are_those_of_the_directions_states(llama: nn.Module, tokenizer: Any) -> None:
    vector = extracted(llama, tokenizer, method="paired_pca")
    sides = [plain_states(llama, tokenizer, [p.positive for p in part]) for part in (PAIRS.train, PAIRS.dev)]
    others = [plain_states(llama, tokenizer, [p.negative for p in part]) for part in (PAIRS.train, PAIRS.dev)]
    for layer in range(3):
        unit = vector.directions[layer].double().numpy()
        train = (sides[0] - others[0])[:, layer]
        assert vector.explained_variances[layer] == pytest.approx(
            ((train @ unit) ** 2).sum() / (train**2).sum(), rel=1e-3
        )
        assert vector.raw_norms[layer] == pytest.approx(np.sqrt(((train @ unit) ** 2).mean()), rel=1e-3)
        above, below = sides[1][:, layer] @ unit, others[1][:, layer] @ unit
        spread = np.sqrt((above.var(ddof=1) + below.var(ddof=1)) / 2)
        assert vector.separations[layer] == pytest.approx((above.mean() - below.mean()) / spread, rel=1e-3)
        held_out = (sides[1] - others[1])[:, layer]
        cosines = held_out @ unit / np.linalg.norm(held_out, axis=1)
        assert vector.agreements[layer] == pytest.approx(cosines.mean(), rel=1e-3)


def test_each_prompt_passes_through_the_model_once_whatever_is_measured(
    llama: nn.Module, tokenizer: Any
) -> None:
    rows = 0

    def count(_module: nn.Module, _arguments: Any, options: dict[str, Any]) -> None:
        nonlocal rows
        rows += len(options["input_ids"])

    handle = llama.register_forward_pre_hook(count, with_kwargs=True)
    try:
        extracted(llama, tokenizer, method="logistic", neutral_texts=["The kettle is on."])
    finally:
        handle.remove()
    assert rows == 1 + 2 * len(PAIRS.pairs)


@pytest.mark.parametrize("method", METHODS)
def test_seeded_methods_repeat_bit_for_bit(llama: nn.Module, tokenizer: Any, method: MethodName) -> None:
    torch.manual_seed(1)
    first = extracted(llama, tokenizer, method=method, seed=3)
    torch.manual_seed(2)
    second = extracted(llama, tokenizer, method=method, seed=3)
    assert first.id == second.id
    assert first.noise_ceilings == second.noise_ceilings


def test_the_position_decides_what_is_read(llama: nn.Module, tokenizer: Any) -> None:
    answered = ContrastSet(
        tuple(
            replace(p, positive=replace(p.positive, answer=f" {i} years")) for i, p in enumerate(PAIRS.pairs)
        )
    )
    with pytest.raises(ContrastSetError, match=r"the negative side of pair 'ptrain0': .*needs an answer"):
        extracted(llama, tokenizer, answered, position="answer_mean")
    answered = ContrastSet(
        tuple(
            replace(p, negative=replace(p.negative, answer=f" {i} weeks"))
            for i, p in enumerate(answered.pairs)
        )
    )
    vectors = {p: extracted(llama, tokenizer, answered, position=p) for p in POSITIONS}
    assert len({vector.id for vector in vectors.values()}) == len(POSITIONS)
    assert torch.equal(vectors["last"].directions[2], extracted(llama, tokenizer).directions[2])
    assert answered.data_hash != PAIRS.data_hash


def test_a_cache_changes_nothing_about_the_vector(llama: nn.Module, tokenizer: Any, tmp_path: Path) -> None:
    plain = extracted(llama, tokenizer)
    first = extracted(llama, tokenizer, cache_dir=tmp_path)
    second = extracted(llama, tokenizer, cache_dir=tmp_path, method="logistic")
    assert first.id == plain.id
    assert second.id == extracted(llama, tokenizer, method="logistic").id


def test_noise_ceilings_can_be_left_out(llama: nn.Module, tokenizer: Any) -> None:
    vector = extracted(llama, tokenizer, split_halves=0)
    assert vector.noise_ceilings == {} and vector.separations
    assert vector.id == extracted(llama, tokenizer).id


@pytest.mark.parametrize("option", [{"method": "pca_diff"}, {"position": "first"}])
def test_an_unknown_method_or_position_is_refused_before_any_work(
    llama: nn.Module, tokenizer: Any, option: dict[str, Any]
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("work was begun")

    with pytest.raises(ValueError, match="is unknown; use one of"):
        extracted(llama, tokenizer, progress=never, **option)
