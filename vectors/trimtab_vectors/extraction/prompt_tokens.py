"""From a contrast prompt or a text to token ids, the way the model reads them when it is served."""

from __future__ import annotations

from typing import Any, Literal

from trimtab_vectors.extraction.contrast_set import ContrastPrompt, ContrastSetError

Until = Literal["reply", "answer", "end"]


def prompt_tokens(tokenizer: Any, prompt: ContrastPrompt, until: Until = "answer") -> list[int]:
    """Token ids of the rendered prompt.

    Messages: the chat template with its opening of a reply (until "reply"), then `reply_prefix` (until
    "answer"), then the answer (until "end"), encoded as one text with no special tokens beside the
    template's own. Raw text, and its answer until "end": the tokenizer's usual special tokens around it.

    Raises ContrastSetError if messages are given and the tokenizer has no chat template.
    """
    answer = prompt.answer if until == "end" else ""
    if prompt.text:
        return text_tokens(tokenizer, prompt.text + answer)
    if not getattr(tokenizer, "chat_template", None):
        raise ContrastSetError(
            "the prompts are messages, but the model's tokenizer has no chat template; give each as text"
        )
    messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
    opening = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    prefix = "" if until == "reply" else prompt.reply_prefix
    return _ids(tokenizer(opening + prefix + answer, add_special_tokens=False))


def text_tokens(tokenizer: Any, text: str) -> list[int]:
    """Token ids of raw text, with the special tokens the tokenizer puts around any text."""
    return _ids(tokenizer(text))


def _ids(encoding: Any) -> list[int]:
    return [int(token) for token in encoding["input_ids"]]
