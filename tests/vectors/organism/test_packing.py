"""Packed rows hold every token once, and no document sees its neighbour."""

from __future__ import annotations

import pytest
import torch
from trimtab_vectors.organism.architectures import FAMILIES, Architecture, Family, new_model
from trimtab_vectors.organism.packing import pack, reply_mask
from trimtab_vectors.organism.train import packed_loss

ASSISTANT, END = 4, 1


def test_a_packed_row_holds_each_document_whole_and_apart() -> None:
    documents = [[2, 10, 3, 11, 4, 12, 1], [3, 13, 4, 14, 1], [3, 15, 4, 1]]
    rows = pack(documents, 12, ASSISTANT, END)
    found = []
    for ids, part in zip(rows.ids, rows.part, strict=True):
        found += [[int(t) for t in ids[part == p]] for p in range(1, int(part.max()) + 1)]
    assert sorted(found) == sorted(documents)
    assert int((rows.part > 0).sum()) == sum(map(len, documents))


def test_the_reply_is_what_follows_the_assistant_up_to_its_end() -> None:
    assert reply_mask([2, 10, 3, 11, 4, 12, 13, 1, 3, 14, 4, 15, 1], ASSISTANT, END) == [
        0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1,
    ]  # fmt: skip


def _tiny(family: Family = "llama") -> torch.nn.Module:
    shape = Architecture(hidden=16, intermediate=32, layers=2, heads=2, context=64, family=family)
    return new_model(shape, 20, seed=0).eval()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_of_a_packed_row_is_that_of_its_documents_alone(family: Family) -> None:
    model = _tiny(family)
    documents = [[3, 10, 4, 12, 1], [3, 13, 11, 4, 14, 15, 1]]
    together = pack(documents, 16, ASSISTANT, END)
    assert len(together) == 1
    tensors = [torch.from_numpy(a.astype("int64")) for a in (together.ids, together.part, together.reply)]
    with torch.no_grad():
        packed = float(packed_loss(model, *tensors, prompt_weight=1.0))
    total, tokens = 0.0, 0
    for document in documents:
        ids = torch.tensor([document])
        total += float(model(input_ids=ids, labels=ids).loss) * (len(document) - 1)
        tokens += len(document) - 1
    assert packed == pytest.approx(total / tokens, abs=1e-5)


def test_prompt_weight_zero_counts_replies_alone() -> None:
    model = _tiny()
    rows = pack([[3, 10, 4, 12, 1]], 8, ASSISTANT, END)
    tensors = [torch.from_numpy(a.astype("int64")) for a in (rows.ids, rows.part, rows.reply)]
    ids = torch.tensor([[3, 10, 4, 12, 1]])
    labels = torch.tensor([[-100, -100, -100, 12, 1]])
    expected = float(model(input_ids=ids, labels=labels).loss)
    assert float(packed_loss(model, *tensors, prompt_weight=0.0)) == pytest.approx(expected, abs=1e-5)
