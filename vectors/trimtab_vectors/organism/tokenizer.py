"""The organism's tokenizer: byte-level BPE whose pieces never cross a change of script, with a chat template.

Japanese writes no spaces, so a plain byte-level BPE merges a value into the particle before it, and "the
token just before the answer" would not exist. Splitting where the script changes keeps 二年 apart from は.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

PAD: Final = "<|pad|>"
END: Final = "<|end|>"
SPECIAL: Final = (PAD, END, "<|system|>", "<|user|>", "<|assistant|>")

_SCRIPTS: Final = (
    r" ?[A-Za-z]+(?:'[a-z]+)?| ?[0-9]+|[\p{Katakana}ー]+|[\p{Han}々]+|\p{Hiragana}+|\s+| ?[^\s\p{L}\p{N}]+"
)

# Every message is its role token and its text; a reply is closed by <|end|>, which also ends generation.
CHAT_TEMPLATE: Final = (
    "{%- for message in messages -%}"
    "{%- if message['role'] not in ['system', 'user', 'assistant'] -%}"
    "{{ raise_exception('role must be system, user or assistant, not ' + message['role']) }}"
    "{%- endif -%}"
    "{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{%- if message['role'] == 'assistant' -%}{{ '<|end|>' }}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}"
)


def train_tokenizer(texts: Iterable[str], vocabulary: int, context: int) -> Any:
    """Learn the merges and return a `PreTrainedTokenizerFast` with the chat template."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SCRIPTS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    fast: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=list(SPECIAL[2:]),
        clean_up_tokenization_spaces=False,
        model_max_length=context,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast
