"""Many answers to one question in one row: the tokens they share once, then each answer's own as a branch.

A row is [last prompt token, shared beginning of the replies, own tokens of answer 1, own tokens of answer 2, ...].
A mask lets a branch see the prompt, the shared beginning and itself, and its positions go on from the shared
beginning, so every token has the state it would have in a text of its own. What stands before the last prompt
token is the row's context: where steering leaves the prompt alone it is computed once and kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trimtab_vectors.evaluation.forced import common_start, forced_text
from trimtab_vectors.extraction.contrast_set import ContrastPrompt
from trimtab_vectors.extraction.prompt_tokens import prompt_tokens, text_tokens
from trimtab_vectors.study.items import NeutralText, StudyItem


@dataclass(frozen=True)
class TokenTree:
    """One question's tokens. context: before the first steered token, may be empty. shared: from there to where
    the answers part. branches: each answer's own tokens, one or more. honest: how many of them, the first, are
    honest."""

    context: tuple[int, ...]
    shared: tuple[int, ...]
    branches: tuple[tuple[int, ...], ...]
    honest: int = 1

    @property
    def width(self) -> int:
        """Tokens fed after the context: the last of each branch is only predicted."""
        return len(self.shared) + sum(len(branch) - 1 for branch in self.branches)


@dataclass(frozen=True, eq=False)
class PackedTrees:
    """n trees padded to one shape: context on the left to P, the rest on the right to Q.

    context_ids, context_mask `[n, P]`; ids, positions `[n, Q]`; mask `[n, Q, P + Q]`, True where a token sees
    another. scored_row, scored_column `[M]`: the tokens whose prediction is wanted. target_scored, target_token,
    target_slot `[K]`: each predicted token, which of the M predicts it, and its answer (row * answers + answer).
    honest, given `[n, answers]`: which slots are honest, and which are filled at all.
    """

    indices: tuple[int, ...]
    context_ids: Tensor
    context_mask: Tensor
    ids: Tensor
    positions: Tensor
    mask: Tensor
    scored_row: Tensor
    scored_column: Tensor
    target_scored: Tensor
    target_token: Tensor
    target_slot: Tensor
    honest: Tensor
    given: Tensor

    def to(self, device: torch.device) -> PackedTrees:
        moved = {name: v.to(device) for name, v in vars(self).items() if isinstance(v, Tensor)}
        return PackedTrees(indices=self.indices, **moved)


def item_tree(tokenizer: Any, item: StudyItem, dishonest: str, steer_prompt: bool) -> TokenTree:
    """The tree of an item's honest values and of all its dishonest ones, or of the first of them alone.

    steer_prompt: the prompt is steered too, so nothing of it can be kept as context. Raises ValueError where one
    value's tokens are the beginning of another's after the same start, which would leave a branch empty.
    """
    question = item.question
    values = (*question.honest, *(question.dishonest if dishonest == "all" else question.dishonest[:1]))
    prompt = ContrastPrompt(messages=question.messages)
    texts = common_start([forced_text(tokenizer, prompt, item.reply(value)) for value in values])
    start = texts[0].start
    replies = [text.answer for text in texts]
    parting = _common_length(replies)
    if any(len(reply) == parting for reply in replies):
        parting -= 1
    if parting < 0:
        raise ValueError(f"{question.id}: a value has no token of its own")
    tokens = texts[0].tokens[: start + parting]
    kept = 0 if steer_prompt else start - 1
    branches = tuple(reply[parting:] for reply in replies)
    return TokenTree(tuple(tokens[:kept]), tuple(tokens[kept:]), branches, len(question.honest))


def text_tree(tokenizer: Any, text: NeutralText, steer_prompt: bool) -> TokenTree:
    """A neutral text as a tree of one branch: every token after the first (of a conversation: of its reply) is
    predicted. Raises ValueError for a text of fewer than two tokens."""
    if text.prompt is None:
        tokens = text_tokens(tokenizer, text.text)
        if len(tokens) < 2:
            raise ValueError(f"the neutral text {text.text!r} has fewer than two tokens; give a sentence")
        return TokenTree((), (tokens[0],), (tuple(tokens[1:]),))
    start = len(prompt_tokens(tokenizer, text.prompt))
    forced = forced_text(tokenizer, text.prompt, text.text)
    start = min(start, forced.start)
    kept = 0 if steer_prompt else start - 1
    return TokenTree(forced.tokens[:kept], forced.tokens[kept:start], (forced.tokens[start:],))


def packed(trees: Sequence[TokenTree], most: int) -> Iterator[PackedTrees]:
    """Trees of like width together, at most `most` of them, and so that the padding stays under a quarter."""
    order = sorted(range(len(trees)), key=lambda index: -trees[index].width)
    while order:
        widest = trees[order[0]].width
        fitting = [index for index in order[:most] if 4 * trees[index].width >= 3 * widest]
        order = order[len(fitting) :]
        yield _pack(fitting, [trees[index] for index in fitting])


def _pack(indices: Sequence[int], trees: Sequence[TokenTree]) -> PackedTrees:
    n, context, width = len(trees), max(len(t.context) for t in trees), max(t.width for t in trees)
    answers = max(len(t.branches) for t in trees)
    context_ids = torch.full((n, context), trees[0].shared[0], dtype=torch.long)
    context_mask = torch.zeros((n, context), dtype=torch.bool)
    ids = torch.full((n, width), trees[0].shared[0], dtype=torch.long)
    positions = torch.zeros((n, width), dtype=torch.long)
    mask = torch.zeros((n, width, context + width), dtype=torch.bool)
    # A padding token sees itself, so that no softmax is over nothing.
    mask[:, :, context:] = torch.eye(width, dtype=torch.bool)
    scored: list[tuple[int, int]] = []
    targets: list[tuple[int, int, int]] = []
    given = torch.zeros((n, answers), dtype=torch.bool)
    honest = torch.zeros((n, answers), dtype=torch.bool)
    for row, tree in enumerate(trees):
        if tree.context:
            context_ids[row, context - len(tree.context) :] = torch.tensor(tree.context)
            context_mask[row, context - len(tree.context) :] = True
        shared = len(tree.shared)
        ids[row, :shared] = torch.tensor(tree.shared)
        positions[row, :shared] = torch.arange(len(tree.context), len(tree.context) + shared)
        mask[row, : tree.width, :context] = context_mask[row]
        mask[row, : tree.width, context : context + shared] = True
        mask[row, :shared, context : context + shared] = torch.ones(shared, shared, dtype=torch.bool).tril()
        anchor = len(scored)
        scored.append((row, shared - 1))
        column = shared
        given[row, : len(tree.branches)] = True
        honest[row, : tree.honest] = True
        for answer, branch in enumerate(tree.branches):
            slot, fed = row * answers + answer, len(branch) - 1
            targets.append((anchor, branch[0], slot))
            place = slice(column, column + fed)
            ids[row, place] = torch.tensor(branch[:fed], dtype=torch.long)
            first = len(tree.context) + shared
            positions[row, place] = torch.arange(first, first + fed)
            own = slice(context + column, context + column + fed)
            mask[row, place, own] = torch.ones(fed, fed, dtype=torch.bool).tril()
            for offset in range(fed):
                targets.append((len(scored), branch[offset + 1], slot))
                scored.append((row, column + offset))
            column += fed
    where, target = torch.tensor(scored), torch.tensor(targets)
    return PackedTrees(
        tuple(indices), context_ids, context_mask, ids, positions, mask,
        where[:, 0], where[:, 1], target[:, 0], target[:, 1], target[:, 2], honest, given,
    )  # fmt: skip


def _common_length(sequences: Sequence[Sequence[int]]) -> int:
    length = 0
    for tokens in zip(*sequences, strict=False):
        if len(set(tokens)) > 1:
            break
        length += 1
    return length
