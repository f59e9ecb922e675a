"""Tiny random models of several architectures, a byte tokenizer, and an engine whose replies can be awaited."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    OPTConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)
from trimtab_server.engine.engine import Engine
from trimtab_server.engine.request import Event, Finished, GenerationRequest, Token
from trimtab_vectors.steering_vector import ModelFingerprint, SteeringVector

HIDDEN = 32
LAYERS = 4
VOCABULARY = 260
EOS = 257

_SIZE = {"vocab_size": VOCABULARY, "bos_token_id": 256, "eos_token_id": EOS, "pad_token_id": 0}
_SHAPE = {
    "hidden_size": HIDDEN,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
    **_SIZE,
}
CONFIGS: dict[str, Callable[[], Any]] = {
    "llama": lambda: LlamaConfig(**_SHAPE, num_key_value_heads=2),
    "gpt2": lambda: GPT2Config(n_embd=HIDDEN, n_layer=LAYERS, n_head=4, n_positions=256, **_SIZE),
    "neox": lambda: GPTNeoXConfig(**_SHAPE),
    "qwen2": lambda: Qwen2Config(**_SHAPE, num_key_value_heads=2),
    "opt": lambda: OPTConfig(
        hidden_size=HIDDEN,
        ffn_dim=48,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        word_embed_proj_dim=HIDDEN,
        max_position_embeddings=256,
        **_SIZE,
    ),
    "mistral-sliding": lambda: MistralConfig(**_SHAPE, num_key_value_heads=2, sliding_window=9),
    "qwen2-sliding": lambda: Qwen2Config(
        **_SHAPE, num_key_value_heads=2, use_sliding_window=True, sliding_window=9, max_window_layers=2
    ),
    "gemma2-sliding": lambda: Gemma2Config(**_SHAPE, num_key_value_heads=2, head_dim=8, sliding_window=9),
}


def build(config: Any) -> nn.Module:
    """Random weights larger than the usual 0.02, so that attention and depth matter."""
    torch.manual_seed(0)
    model: nn.Module = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8.0)
    return model.requires_grad_(False)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """The oracles run beside engines: two teams of threads on two cores would mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def model_of() -> Callable[[str], nn.Module]:
    built: dict[str, nn.Module] = {}

    def get(name: str) -> nn.Module:
        if name not in built:
            built[name] = build(CONFIGS[name]())
        return built[name]

    return get


@pytest.fixture
def llama(model_of: Callable[[str], nn.Module]) -> nn.Module:
    return model_of("llama")


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """One token a byte, so that a Japanese character takes three; 256 to 259 are special."""
    vocabulary = {symbol: i for i, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    bare = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bare.decoder = decoders.ByteLevel()
    bare.add_special_tokens(["<s>", "</s>", "<|user|>", "<|assistant|>"])
    fast = PreTrainedTokenizerFast(tokenizer_object=bare, bos_token="<s>", eos_token="</s>")
    fast.chat_template = (
        "{{ '<s>' }}{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
    )
    return fast


@dataclass(frozen=True)
class Outcome:
    tokens: tuple[Token, ...]
    finished: Finished

    @property
    def ids(self) -> list[int]:
        return [token.id for token in self.tokens]

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


class Desk:
    """An engine and everything its listener heard."""

    def __init__(self, model: nn.Module, tokenizer: Any, **settings: Any) -> None:
        self._changed = threading.Condition()
        self._tokens: dict[int, list[Token]] = {}
        self._finished: dict[int, Finished] = {}
        settings.setdefault("residual_norms", dict.fromkeys(range(LAYERS), 10.0))
        self.engine = Engine(model, tokenizer, listener=self._hear, **settings)

    def _hear(self, events: tuple[Event, ...]) -> None:
        with self._changed:
            for event in events:
                assert event.ticket not in self._finished, "an event after the end"
                self._tokens.setdefault(event.ticket, []).extend(event.tokens)
                if event.finished is not None:
                    self._finished[event.ticket] = event.finished
            self._changed.notify_all()

    def count(self, ticket: int) -> int:
        with self._changed:
            return len(self._tokens.get(ticket, ()))

    @property
    def starts(self) -> list[int]:
        """The tickets in the order of their first tokens."""
        with self._changed:
            return [ticket for ticket, tokens in self._tokens.items() if tokens]

    def ended(self, ticket: int) -> bool:
        with self._changed:
            return ticket in self._finished

    def until(self, predicate: Callable[[], bool], timeout: float = 60.0) -> None:
        with self._changed:
            assert self._changed.wait_for(predicate, timeout), "the engine did not get there"

    def outcome(self, ticket: int) -> Outcome:
        self.until(lambda: ticket in self._finished)
        return Outcome(tuple(self._tokens.get(ticket, ())), self._finished[ticket])

    def run(self, requests: Sequence[GenerationRequest]) -> list[Outcome]:
        tickets = [self.engine.submit(request) for request in requests]
        return [self.outcome(ticket) for ticket in tickets]


@pytest.fixture
def desk(tokenizer: Any) -> Iterator[Callable[..., Desk]]:
    opened: list[Desk] = []

    def open_desk(model: nn.Module, **settings: Any) -> Desk:
        settings.setdefault("slots", 8)
        settings.setdefault("context", 160)
        settings.setdefault("prefill_chunk", 16)
        opened.append(Desk(model, settings.pop("tokenizer", tokenizer), **settings))
        return opened[-1]

    yield open_desk
    for one in opened:
        one.engine.close()


@pytest.fixture(scope="session")
def vector_of() -> Callable[..., SteeringVector]:
    def make(seed: int, hidden: int = HIDDEN, layers: int = LAYERS, **fields: Any) -> SteeringVector:
        generator = torch.Generator().manual_seed(seed)
        return SteeringVector(
            concept=f"concept-{seed}",
            stage="base",
            model=ModelFingerprint("LlamaForCausalLM", hidden, layers, "0" * 64),
            method="random",
            data_hash="0" * 64,
            directions={
                layer: nn.functional.normalize(torch.randn(hidden, generator=generator), dim=0)
                for layer in range(layers)
            },
            raw_norms=dict.fromkeys(range(layers), 1.0),
            residual_norms=dict.fromkeys(range(layers), 10.0),
            **fields,
        )

    return make


@pytest.fixture(scope="session")
def prompts() -> list[tuple[int, ...]]:
    """Ten prompts of 3 to 70 tokens."""
    generator = torch.Generator().manual_seed(1)
    lengths = (5, 17, 40, 3, 70, 9, 9, 30, 12, 14)
    return [tuple(torch.randint(1, 250, (n,), generator=generator).tolist()) for n in lengths]


@pytest.fixture(scope="session")
def greedy() -> Callable[[nn.Module, Sequence[int], int], list[int]]:
    """The oracle: transformers' own generate, one prompt at a time."""

    def generate(model: Any, prompt: Sequence[int], count: int) -> list[int]:
        ids = torch.tensor([list(prompt)])
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False)
        return [int(token) for token in out[0, len(prompt) :]]

    return generate
