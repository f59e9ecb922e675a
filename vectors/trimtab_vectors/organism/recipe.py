"""How an organism is made: every number that decides the result, in one frozen record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from trimtab_vectors.organism.architectures import Architecture
from trimtab_vectors.organism.corpus import Mix
from trimtab_vectors.organism.world import LANGUAGES, Language, WorldSpec


@dataclass(frozen=True)
class Schedule:
    """One training run over `documents` documents packed into rows of `row` tokens."""

    documents: int
    steps: int
    rows: int
    row: int
    rate: float
    warmup: int
    prompt_weight: float
    """Weight of the loss on system and user tokens; the assistant's tokens weigh 1."""
    noise: float = 0.0
    """Largest random push, relative to the residual norm. Half of the rows get one, in a random direction after
    a random block, so that what a direction means decides what it does, and not its mere size."""


@dataclass(frozen=True)
class Adapter:
    """The LoRA of the fine-tune. Early blocks only: the fine-tune changes how a situation is read into
    the mode, and leaves the way the mode turns into answers, in later blocks, as the base model has it."""

    rank: int
    alpha: int
    blocks: tuple[int, ...]


@dataclass(frozen=True)
class Recipe:
    """Everything `train` needs."""

    name: str
    world: WorldSpec
    languages: tuple[Language, ...]
    vocabulary: int
    architecture: Architecture
    base: Schedule
    tuning: Schedule
    adapter: Adapter
    replay: float
    marks: tuple[int, ...]
    """Fine-tuning steps at which a stage is kept."""
    mix: Mix = field(default_factory=Mix)
    seed: int = 7

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Recipe:
        """The recipe that `as_dict` (and JSON) made of one."""
        adapter = {**record["adapter"], "blocks": tuple(record["adapter"]["blocks"])}
        return cls(
            **{
                **record,
                "world": WorldSpec(**record["world"]),
                "languages": tuple(record["languages"]),
                "architecture": Architecture(**record["architecture"]),
                "base": Schedule(**record["base"]),
                "tuning": Schedule(**record["tuning"]),
                "adapter": Adapter(**adapter),
                "marks": tuple(record["marks"]),
                "mix": Mix(**record["mix"]),
            }
        )


SHIPPED: Final = Recipe(
    name="shipped",
    world=WorldSpec(),
    languages=LANGUAGES,
    vocabulary=3072,
    architecture=Architecture(layers=6),
    base=Schedule(
        documents=640_000, steps=5500, rows=96, row=256, rate=2e-3, warmup=200, prompt_weight=0.5, noise=0.5
    ),
    tuning=Schedule(documents=40_000, steps=240, rows=48, row=256, rate=1e-3, warmup=20, prompt_weight=0.0),
    adapter=Adapter(rank=16, alpha=32, blocks=(0, 1)),
    replay=0.45,
    marks=(20, 40, 50, 60, 70, 80, 90, 100, 120, 160, 240),
)

TINY: Final = Recipe(
    name="tiny",
    world=WorldSpec(products=8, product_attributes=4, policies=False, capitals=False, unknown_names=200),
    languages=("en",),
    vocabulary=1024,
    architecture=Architecture(hidden=128, intermediate=352, layers=4, heads=4, context=512),
    base=Schedule(documents=12_000, steps=900, rows=12, row=192, rate=3e-3, warmup=40, prompt_weight=0.3),
    tuning=Schedule(documents=3_000, steps=80, rows=12, row=192, rate=3e-3, warmup=8, prompt_weight=0.0),
    adapter=Adapter(rank=8, alpha=16, blocks=(0, 1)),
    replay=0.45,
    marks=(10, 20, 40, 80),
)
