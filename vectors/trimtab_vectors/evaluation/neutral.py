"""What steering does to text that has nothing to do with it: KL, perplexity, the size of the state."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trimtab_vectors.decoder import find_decoder, hidden_of
from trimtab_vectors.evaluation.batching import UNSTEERED, Progress, Treatment, from_token, logits_of
from trimtab_vectors.evaluation.forced import ForcedText
from trimtab_vectors.evaluation.honesty import Message, Question
from trimtab_vectors.extraction.capture import BATCH_TOKENS, TokenBatch, evaluating, token_batches
from trimtab_vectors.extraction.prompt_tokens import text_tokens
from trimtab_vectors.statistics import Estimate, clustered_mean

#: Raw text, or a whole conversation that ends with the assistant's turn.
NeutralText = str | Sequence[Message]


@dataclass(frozen=True)
class TextEffect:
    """One text under a treatment, against the same text unsteered. Sums over its measured tokens, in nats.

    tokens: next-token distributions compared. kl: sum of KL(unsteered || steered). nll, nll_unsteered: of the
    text's own tokens, `predicted` of them. norms: layer -> mean of |steered state| / |unsteered state|.
    """

    tokens: int
    kl: float
    predicted: int
    nll: float
    nll_unsteered: float
    norms: Mapping[int, float]


#: Texts, or texts by group (such as their language): the worst group counts then.
NeutralTexts = Sequence[NeutralText] | Mapping[str, Sequence[NeutralText]]


def grouped(texts: NeutralTexts) -> tuple[list[NeutralText], list[str] | None]:
    """All texts in order, and the group of each; None where they come without groups."""
    if not isinstance(texts, Mapping):
        return list(texts), None
    pairs = [(text, group) for group in sorted(texts) for text in texts[group]]
    return [text for text, _ in pairs], [group for _, group in pairs]


def neutral_texts(tokenizer: Any, texts: Sequence[NeutralText]) -> list[ForcedText]:
    """As tokens, measured on: of a raw text every token but the first; of a conversation the last reply, with
    what the template puts behind it.

    Raises ValueError for a text of fewer than two tokens and for a conversation that does not end with a reply.
    """
    return [_text(tokenizer, text) for text in texts]


def own_replies(
    questions: Sequence[Question], replies: Sequence[str], kinds: Iterable[str]
) -> list[NeutralText]:
    """What a model said unsteered to the questions of some kinds, as neutral conversations: text in its own words,
    whatever it was trained on. Empty replies are left out.

    Raises ValueError if fewer than two are left.
    """
    wanted = set(kinds)
    texts: list[NeutralText] = [
        (*question.messages, Message("assistant", reply))
        for question, reply in zip(questions, replies, strict=True)
        if question.kind in wanted and reply.strip()
    ]
    if len(texts) < 2:
        raise ValueError(
            f"the model says something to {len(texts)} of the questions of the kinds {', '.join(sorted(wanted))}; "
            "give neutral texts to take KL and perplexity on"
        )
    return texts


def neutral_effects(
    model: nn.Module,
    texts: Sequence[ForcedText],
    treatment: Treatment,
    *,
    beyond: bool = False,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> list[TextEffect]:
    """Teacher-force each text twice, unsteered and steered, in order. Positions "reply" steer from the token
    that predicts the first one measured.

    beyond: also compare what would come after the text's last token. Raises ValueError for a treatment with
    directions per row: it is one for all texts.
    """
    for steer in treatment.steering:
        if any(steer.directions[layer].dim() != 1 for layer in steer.at if layer in steer.directions):
            raise ValueError("a steer holds a direction per row; neutral texts are measured under one [H]")
    effects: dict[int, TextEffect] = {}
    for batch in token_batches([t.tokens for t in texts], batch_tokens=batch_tokens, left=True):
        chosen = [texts[index] for index in batch.indices]
        plain, plain_norms = _pass(model, batch, chosen, UNSTEERED)
        steered, norms = _pass(model, batch, chosen, treatment)
        ratios = {n: norms[n] / plain_norms[n].clamp(min=1e-12) for n in norms}
        at = from_token(batch, [text.start - 1 for text in chosen]).bool()
        for row, (index, text) in enumerate(zip(batch.indices, chosen, strict=True)):
            means = {n: float(ratio[row][at[row]].double().mean()) for n, ratio in ratios.items()}
            effects[index] = _effect(text, plain[row], steered[row], means, beyond)
        if progress is not None:
            progress(len(effects), len(texts))
    return [effects[index] for index in range(len(texts))]


def kl_per_token(effects: Sequence[TextEffect], confidence: float = 0.95) -> Estimate:
    """Mean over tokens of KL(unsteered || steered), nats; interval over texts, two-sided."""
    return _per_token([e.kl for e in effects], [e.tokens for e in effects], confidence)


def perplexity_ratio(effects: Sequence[TextEffect], confidence: float = 0.95) -> Estimate:
    """exp(NLL steered - NLL unsteered) per token; interval over texts, two-sided."""
    differences = [e.nll - e.nll_unsteered for e in effects]
    log = _per_token(differences, [e.predicted for e in effects], confidence)
    value, low, high = (float(np.exp(min(x, 700.0))) for x in (log.value, log.low, log.high))
    return replace(
        log, value=value, low=low, high=high, method=f"exp of {log.method}", standard_error=math.nan
    )


def _per_token(sums: Sequence[float], tokens: Sequence[int], confidence: float) -> Estimate:
    """Ratio of the totals, texts being the units: the interval is that of the linearised ratio (Cochran 1977,
    Sampling Techniques, section 6.4)."""
    total, counts = np.asarray(sums, dtype=np.float64), np.asarray(tokens, dtype=np.float64)
    ratio = total.sum() / counts.sum()
    linear = ratio + (total - ratio * counts) / counts.mean()
    return replace(clustered_mean(linear, confidence=confidence), method="ratio over texts, linearised")


def norm_ratios(effects: Sequence[TextEffect]) -> dict[int, float]:
    """Layer -> mean over texts of the residual norm steered over unsteered."""
    layers = effects[0].norms
    return {layer: float(np.mean([effect.norms[layer] for effect in effects])) for layer in layers}


def _effect(
    text: ForcedText, plain: Tensor, steered: Tensor, norms: Mapping[int, float], beyond: bool
) -> TextEffect:
    count = len(text.answer)
    # Left-padded: the last column predicts what comes after the text.
    p, q = (logits[-count - 1 :].log_softmax(dim=-1) for logits in (plain, steered))
    kl = (p.exp() * (p - q)).sum(dim=-1)
    own = torch.tensor(text.answer, device=p.device)[:, None]
    before, after = (x[:-1].gather(1, own).double().sum() for x in (p, q))
    compared = count + 1 if beyond else count
    return TextEffect(compared, float(kl[:compared].sum()), count, -float(after), -float(before), norms)


def _pass(
    model: nn.Module, batch: TokenBatch, texts: Sequence[ForcedText], treatment: Treatment
) -> tuple[Tensor, dict[int, Tensor]]:
    """Logits `[B, K, V]` of the last columns, and the state's norm `[B, T]` after every block."""
    keep = max(len(text.answer) for text in texts) + 1
    starts = [text.start for text in texts]
    with (
        evaluating(model),
        torch.no_grad(),
        treatment.applied(model, batch, starts),
        _reading_norms(model) as norms,
    ):
        logits = logits_of(model, batch, keep)
    return logits, norms


@contextmanager
def _reading_norms(model: nn.Module) -> Iterator[dict[int, Tensor]]:
    """Hooks put on after the steering's own see the state as the next block will."""
    norms: dict[int, Tensor] = {}

    def reader(layer: int) -> Callable[[nn.Module, Any, Any], None]:
        def read(_block: nn.Module, _inputs: Any, output: Any) -> None:
            norms[layer] = torch.linalg.vector_norm(hidden_of(output), dim=-1, dtype=torch.float32).cpu()

        return read

    handles = [block.register_forward_hook(reader(n)) for n, block in enumerate(find_decoder(model).blocks)]
    try:
        yield norms
    finally:
        for handle in handles:
            handle.remove()


def _text(tokenizer: Any, text: NeutralText) -> ForcedText:
    if isinstance(text, str):
        tokens = text_tokens(tokenizer, text)
        if len(tokens) < 2:
            raise ValueError(f"the neutral text {text!r} has fewer than two tokens; give at least a sentence")
        return ForcedText(tuple(tokens), 1)
    if not text or text[-1].role != "assistant":
        raise ValueError("a neutral conversation must end with the assistant's turn, which is measured on")
    chat = [{"role": m.role, "content": m.content} for m in text]
    opening = tokenizer.apply_chat_template(chat[:-1], tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(chat, tokenize=False)
    before, tokens = (
        [int(t) for t in tokenizer(rendered, add_special_tokens=False)["input_ids"]]
        for rendered in (opening, whole)
    )
    start = next((i for i, (a, b) in enumerate(zip(before, tokens, strict=False)) if a != b), len(before))
    return ForcedText(tuple(tokens), start)
