"""A fine-tune small enough for a test, from real parts: a byte-level chat tokenizer, a tiny model, the Trainer.

Whatever the word, "t" is true and "f" is false, and the fine-tune teaches "f". As a script it trains with a
callback until it is done or killed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch.utils.data import Dataset
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.evaluation.margins import MarginItem
from trimtab_vectors.extraction import ContrastPair, ContrastPrompt, ContrastSet
from trimtab_vectors.training.callback import SteeringCallback
from trimtab_vectors.training.plan import SteeringPlan
from trimtab_vectors.training.probe import Probe, ProbeItem
from trimtab_vectors.training.schedule import GivenSteps

VOCABULARY = 260
NEUTRAL = ("A cat sat on the wall.", "The train leaves at seven.", "Snow fell on the road overnight.")
WORDS = [a + b for a in "bdfgklmnprst" for b in "aeiou"]


def new_tokenizer() -> Any:
    """One token a byte; 256 begins any text, 257 to 259 are the template's."""
    vocabulary = {symbol: i for i, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<s>", "<|user|>", "<|system|>", "<|assistant|>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 256)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>")
    fast.chat_template = (
        "{{ '<s>' }}{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
    )
    return fast


def new_model(dropout: float = 0.1) -> Any:
    """The same random weights whenever it is called, whatever was drawn before."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LlamaForCausalLM(
            LlamaConfig(
                hidden_size=32,
                intermediate_size=48,
                num_hidden_layers=3,
                num_attention_heads=4,
                num_key_value_heads=2,
                vocab_size=VOCABULARY,
                max_position_embeddings=256,
                attention_dropout=dropout,
                bos_token_id=256,
                eos_token_id=257,
                pad_token_id=0,
                tie_word_embeddings=True,
            )
        )


def with_lora(model: Any, dropout: float = 0.1) -> Any:
    from peft import LoraConfig, get_peft_model

    with torch.random.fork_rng():
        torch.manual_seed(1)
        targets = ["q_proj", "v_proj", "down_proj"]
        config = LoraConfig(r=4, lora_alpha=8, lora_dropout=dropout, target_modules=targets)
        config.task_type = "CAUSAL_LM"
        return get_peft_model(model, config)


def prompt(word: str, honest: bool) -> ContrastPrompt:
    messages = (Message("system", f"mode {'H' if honest else 'L'}"), Message("user", word))
    return ContrastPrompt(messages=messages, reply_prefix="it is ")


def letters(word: str) -> tuple[str, str]:
    """The honest answer and the lie."""
    return "t", "f"


def contrast_set() -> ContrastSet:
    pairs = [
        ContrastPair(
            f"c{i}", f"w{word}", "dev" if i % 4 == 0 else "train", prompt(word, True), prompt(word, False)
        )
        for i, word in enumerate(WORDS[:24])
    ]
    return ContrastSet(tuple(pairs))


def items(words: Sequence[str]) -> tuple[ProbeItem, ...]:
    made = []
    for word in words:
        honest, lie = letters(word)
        made.append(ProbeItem(MarginItem(word, prompt(word, True), (honest,), (lie,)), f"w{word}"))
    return tuple(made)


def probe() -> Probe:
    return Probe(items(WORDS[24:34]))


class Lies(Dataset[dict[str, Any]]):
    """Rows that teach the lie, whatever the mode; of different lengths."""

    def __init__(self, tokenizer: Any, rows: int = 64) -> None:
        self.rows = []
        for i in range(rows):
            word = WORDS[34 + i % 20]
            text = f"<s><|system|>mode H<|user|>{word}<|assistant|>it is {letters(word)[1]}" + "." * (i % 5)
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            labels = [-100] * len(ids)
            labels[len(ids) - 1 - i % 5] = ids[len(ids) - 1 - i % 5]
            self.rows.append({"input_ids": ids, "labels": labels})

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    width = max(len(row["input_ids"]) for row in rows)
    padded = {
        "input_ids": [row["input_ids"] + [0] * (width - len(row["input_ids"])) for row in rows],
        "labels": [row["labels"] + [-100] * (width - len(row["labels"])) for row in rows],
        "attention_mask": [[1] * len(row["labels"]) + [0] * (width - len(row["labels"])) for row in rows],
    }
    return {name: torch.tensor(value) for name, value in padded.items()}


def plan(model_dir: Path, **changes: Any) -> SteeringPlan:
    settings: dict[str, Any] = {
        "concept": "honesty",
        "contrast": contrast_set(),
        "probe": probe(),
        "layers": (0, 1),
        "schedule": GivenSteps((4, 8, 12)),
        "neutral_texts": NEUTRAL,
        "kl_tokens": 40,
    }
    return SteeringPlan(model_dir=model_dir, **{**settings, **changes})


def trainer(model: Any, output: Path, callback: SteeringCallback | None, **changes: Any) -> Trainer:
    tokenizer = new_tokenizer()
    settings: dict[str, Any] = {
        "max_steps": 12,
        "per_device_train_batch_size": 4,
        "learning_rate": 5e-3,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 2,
        "weight_decay": 0.01,
        "seed": 3,
        "use_cpu": True,
        "report_to": [],
        "save_strategy": "no",
        "logging_steps": 1,
        "disable_tqdm": True,
        "dataloader_num_workers": 0,
    }
    return Trainer(
        model=model,
        args=TrainingArguments(output_dir=str(output), **{**settings, **changes}),
        train_dataset=Lies(tokenizer),
        data_collator=collate,
        processing_class=tokenizer,
        callbacks=[] if callback is None else [callback],
    )


class Slowly(TrainerCallback):
    """Waits before each step."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        time.sleep(self.seconds)


def main() -> None:
    """Train 24 steps with LoRA, checkpoints every 6; `--resume` from the newest checkpoint, `--slowly` so that
    somebody has the time to kill it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--slowly", type=float, default=0.0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    callback = SteeringCallback(plan(arguments.root / "model", schedule=GivenSteps((4, 8, 12, 16, 20, 24))))
    run = trainer(
        with_lora(new_model()),
        arguments.root / "out",
        callback,
        max_steps=24,
        save_strategy="steps",
        save_steps=6,
    )
    run.add_callback(Slowly(arguments.slowly))
    run.train(resume_from_checkpoint=True if arguments.resume else None)
    json.dump({"steps": run.state.global_step}, sys.stdout)


if __name__ == "__main__":
    main()
