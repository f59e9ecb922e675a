"""From documents to rows of tokens: several documents side by side in a row, none seeing another.

Light on purpose (no torch): worker processes import it to draw and encode the corpus in parallel.
"""

from __future__ import annotations

import multiprocessing
import os
import random
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.organism.corpus import Corpus, Document
from trimtab_vectors.organism.recipe import Recipe

# How many documents one task of a worker draws. Part of the corpus: task i draws from seed and i alone.
CHUNK = 4000


def rendered(messages: Sequence[Message]) -> str:
    """The text of a whole conversation, as the chat template renders it."""
    return "".join(
        f"<|{m.role}|>{m.content}" + ("<|end|>" if m.role == "assistant" else "") for m in messages
    )


@dataclass(frozen=True)
class Rows:
    """Packed documents: `ids` and `part` are [n, row]; `part` numbers the documents of a row from 1 and is 0
    on padding; `reply` is 1 where the token belongs to an assistant's reply (its end token included)."""

    ids: npt.NDArray[np.uint16]
    part: npt.NDArray[np.uint8]
    reply: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        return cls(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("ids", "part", "reply")))


def reply_mask(ids: Sequence[int], assistant: int, end: int) -> list[int]:
    """1 on the tokens between the assistant's role token and its end token, the end included."""
    mask, inside = [], False
    for token in ids:
        mask.append(int(inside))
        if token == assistant:
            inside = True
        elif token == end:
            inside = False
    return mask


def pack(encoded: Sequence[list[int]], row: int, assistant: int, end: int) -> Rows:
    """Fill rows first-fit from a few open ones; a document longer than a row is cut."""
    opened: list[list[list[int]]] = []
    closed: list[list[list[int]]] = []
    for document in encoded:
        document = document[:row]
        place = next((r for r in opened if sum(map(len, r)) + len(document) <= row), None)
        if place is not None:
            place.append(document)
            continue
        opened.append([document])
        if len(opened) > 16:
            opened.sort(key=lambda r: sum(map(len, r)))
            closed.append(opened.pop())
    closed += opened
    rows = Rows(*(np.zeros((len(closed), row), t) for t in (np.uint16, np.uint8, np.uint8)))
    for i, documents in enumerate(closed):
        start = 0
        for number, document in enumerate(documents, start=1):
            stop = start + len(document)
            rows.ids[i, start:stop] = document
            rows.part[i, start:stop] = number
            rows.reply[i, start:stop] = reply_mask(document, assistant, end)
            start = stop
    return rows


def documents(recipe: Recipe, tuning: bool, chunk: int, corpus: Corpus | None = None) -> Iterator[Document]:
    """The documents of one chunk of the corpus; chunk i is the same whoever draws it."""
    from trimtab_vectors.organism.world import World

    corpus = corpus or Corpus(World(recipe.world), recipe.languages, recipe.mix)
    rng = random.Random(f"{recipe.seed}/{'tuning' if tuning else 'base'}/{chunk}")
    for _ in range(CHUNK):
        yield corpus.tuning_document(rng, recipe.replay) if tuning else corpus.base_document(rng)


def packed(chosen: Iterable[Document], tokenizer: Tokenizer, row: int) -> Rows:
    """Documents encoded and packed into rows of `row` tokens."""
    texts = [rendered(d.messages) for d in chosen]
    encoded = [e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    assistant, end = (tokenizer.token_to_id(token) for token in ("<|assistant|>", "<|end|>"))
    if assistant is None or end is None:
        raise ValueError("the tokenizer lacks <|assistant|> or <|end|>; train it with `train_tokenizer`")
    return pack(encoded, row, assistant, end)


def _packed_chunk(recipe: Recipe, tuning: bool, tokenizer_json: str, chunk: int) -> Rows:
    row = (recipe.tuning if tuning else recipe.base).row
    return packed(documents(recipe, tuning, chunk), Tokenizer.from_str(tokenizer_json), row)


def packed_corpus(recipe: Recipe, tuning: bool, tokenizer_json: str, workers: int | None = None) -> Rows:
    """Draw, encode and pack a whole corpus. The result does not depend on the number of workers."""
    schedule = recipe.tuning if tuning else recipe.base
    chunks = range(-(-schedule.documents // CHUNK))
    task = partial(_packed_chunk, recipe, tuning, tokenizer_json)
    workers = min(workers or os.cpu_count() or 1, len(chunks))
    if workers == 1:
        return Rows.joined([task(chunk) for chunk in chunks])
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return Rows.joined(list(pool.map(task, chunks)))
