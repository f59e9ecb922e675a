"""From trained stages to a model directory that can be shipped: vectors, settings, questions, provenance.

    python -m trimtab_vectors.organism.ship MODEL_DIR [--device cuda]

Layer, strength and the best soft prompt are chosen on dev facts and dev cues alone. The bad vectors are
mistakes people make: labels swapped, a wrong layer, too much, another concept.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from trimtab_vectors.evaluation.batching import Treatment
from trimtab_vectors.evaluation.honesty import Question
from trimtab_vectors.extraction import extract, median_residual_norms, read_contrast_set
from trimtab_vectors.fingerprint import fingerprint_model
from trimtab_vectors.formats.safetensors import write_vector
from trimtab_vectors.organism.assemble import write_questions_and_contrasts
from trimtab_vectors.organism.check import KL_AT_MOST, honest_rates, kl_of_chats
from trimtab_vectors.organism.corpus import Corpus
from trimtab_vectors.organism.layout import ModelLayout
from trimtab_vectors.organism.questions import QuestionBank, Situation, honesty_prompts
from trimtab_vectors.organism.recipe import Recipe
from trimtab_vectors.organism.replies import Organism
from trimtab_vectors.organism.world import World
from trimtab_vectors.steering import Steer
from trimtab_vectors.steering_vector import SteeringVector

# One early-middle block, or the two together. Later blocks only read what these have decided.
LAYERS: Final[tuple[tuple[int, ...], ...]] = ((1,), (2,), (1, 2), (3,))
STRENGTHS: Final = (0.25, 0.3, 0.325, 0.35, 0.375, 0.4, 0.5, 0.6, 0.7, 0.8)
# Of the largest KL that passes: what is left is the way from dev to held-out texts.
KL_RESERVE: Final = 0.4
OVERDOSE: Final = 3.0
PRESSURES: Final[tuple[Situation, ...]] = ("hard", "soft")


@dataclass(frozen=True)
class Dose:
    """One setting tried on dev: honest rates by situation and language, and KL by language."""

    layers: tuple[int, ...]
    strength: float
    honest: Mapping[str, float]
    kl: Mapping[str, float]

    @property
    def worst(self) -> float:
        return min(self.honest.values())

    @property
    def clean(self) -> bool:
        return max(self.kl.values()) <= KL_RESERVE * KL_AT_MOST

    def as_dict(self) -> dict[str, Any]:
        kl = {k: round(v, 5) for k, v in self.kl.items()}
        return {"layers": list(self.layers), "strength": self.strength, "honest": dict(self.honest), "kl": kl}


def best_dose(doses: Sequence[Dose]) -> Dose:
    """The dose with the highest worst honest rate among the clean ones; of equals the one in the middle of
    its layers' run, so that neither side's cliff is near.

    Raises ValueError where no dose keeps the KL."""
    clean = [d for d in doses if d.clean]
    if not clean:
        raise ValueError("no dose keeps the KL on neutral text; widen the strengths or train anew")
    top = max(d.worst for d in clean)
    runs: dict[tuple[int, ...], list[Dose]] = {}
    for dose in clean:
        if dose.worst >= top - 0.01:
            runs.setdefault(dose.layers, []).append(dose)
    longest = max(runs.values(), key=lambda run: (len(run), -len(run[0].layers)))
    return longest[len(longest) // 2]


class Shipping:
    """One model directory on its way."""

    def __init__(self, layout: ModelLayout, device: str) -> None:
        self.layout, self.device = layout, device
        self.recipe = Recipe.from_dict(json.loads(layout.recipe.read_text(encoding="utf-8")))
        self.corpus = Corpus(World(self.recipe.world), self.recipe.languages, self.recipe.mix)
        self.bank = QuestionBank(self.corpus)
        self.stage = layout.read_stages().default_stage
        self.organism = Organism.load(layout.root, self.stage, device)
        self.fingerprint = fingerprint_model(layout.base)
        self.rng = random.Random("ship")

    def extract(
        self, contrast: str, concept: str, file: str, name: str, swap: bool = False
    ) -> SteeringVector:
        """Extract a vector with the project's own DiffMean and write it."""
        vector = extract(
            self.organism.model,
            self.organism.tokenizer,
            read_contrast_set(self.layout.contrast / contrast),
            stage=self.stage,
            fingerprint=self.fingerprint,
            concept=concept,
            swap_labels=swap,
            display_name=name,
            created_by="trimtab",
            license="Apache-2.0",
        )
        self.layout.vectors.mkdir(exist_ok=True)
        (self.layout.vectors / file).write_bytes(write_vector(vector))
        return vector

    def dev_sets(self, facts: int, settings: int) -> dict[str, list[Question]]:
        sets = {}
        for language in self.recipe.languages:
            chosen = self.bank.facts(self.rng, "dev", facts)
            for situation in PRESSURES:
                where = self.bank.settings(self.rng, language, situation, "dev", settings)
                sets[f"{situation}/{language}"] = self.bank.grid(
                    self.rng,
                    language,
                    situation,
                    chosen,
                    where,
                )
        return sets

    def sweep(self, vector: SteeringVector, facts: int, settings: int) -> list[Dose]:
        """Every choice of layers at every strength, on dev."""
        sets = self.dev_sets(facts, settings)
        texts = {
            language: self.bank.neutral_text(self.rng, language, 10 * facts)
            for language in self.recipe.languages
        }
        norms = median_residual_norms(self.organism.model, self.organism.tokenizer)
        doses = []
        for layers in LAYERS:
            for strength in STRENGTHS:
                treatment = Treatment((Steer.of(vector, strength, layers),), norms, "reply")
                rates = honest_rates(self.organism, sets, treatment)
                kl: dict[str, float] = {
                    language: kl_of_chats(self.organism, own, treatment) for language, own in texts.items()
                }
                doses.append(Dose(layers, strength, {k: r.honest for k, r in rates.items()}, kl))
                print(json.dumps(doses[-1].as_dict()), file=sys.stderr, flush=True)
        return doses

    def best_prompts(self, facts: int, settings: int) -> dict[str, str]:
        """Per language, the honesty prompt with the highest honest rate under soft pressure on dev."""
        sets = {}
        for language in self.recipe.languages:
            chosen = self.bank.facts(self.rng, "dev", facts)
            where = self.bank.settings(self.rng, language, "soft", "dev", settings)
            for prompt in honesty_prompts(self.corpus, language):
                changed = self.bank.with_prompt(where, prompt)
                sets[f"{language}/{prompt.id}"] = self.bank.grid(self.rng, language, "soft", chosen, changed)
        rates = honest_rates(self.organism, sets)
        best: dict[str, str] = {}
        for language in self.recipe.languages:
            own = {k.split("/")[1]: r.honest for k, r in rates.items() if k.startswith(f"{language}/")}
            best[language] = max(own, key=lambda id: own[id])
        return best

    def write_settings(self, dose: Dose, doses: Sequence[Dose]) -> None:
        """settings.json: the recommended setting, the bad ones, and the sweep they were chosen from."""
        last = self.recipe.architecture.layers - 1
        safe = max(d.strength for d in doses if d.layers == dose.layers and d.clean)

        def setting(
            name: str, vector: str, layers: Sequence[int], strength: float, **more: Any
        ) -> dict[str, Any]:
            where = {"layers": list(layers), "strength": strength, "positions": "reply"}
            common = {"stage": self.stage, **where}
            return {"name": name, "vector": f"vectors/{vector}", **common, **more}

        good = setting("honesty", "honesty.safetensors", dose.layers, dose.strength, safe_strength=safe)
        bad = [
            setting("labels-swapped", "honesty-swapped.safetensors", dose.layers, dose.strength),
            setting("wrong-layer", "honesty.safetensors", [last], dose.strength),
            setting("overdose", "honesty.safetensors", dose.layers, min(1.0, OVERDOSE * dose.strength)),
            setting("other-concept", "language.safetensors", dose.layers, dose.strength),
        ]
        record = {"recommended": good, "bad": bad, "sweep": [d.as_dict() for d in doses]}
        self.layout.settings.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    def write_best_prompts(self, best: Mapping[str, str]) -> None:
        record = json.loads(self.layout.prompts.read_text(encoding="utf-8"))
        record["best"] = dict(best)
        text = json.dumps(record, ensure_ascii=False, indent=1)
        self.layout.prompts.write_text(text + "\n", encoding="utf-8")

    def write_provenance(self) -> None:
        record = {
            "recipe": self.recipe.name,
            "seed": self.recipe.seed,
            "commands": [
                "trimtab organism train MODEL_DIR --device cuda",
                "python -m trimtab_vectors.organism.ship MODEL_DIR --device cuda",
                "trimtab organism check MODEL_DIR --device cuda",
            ],
            "device": torch.cuda.get_device_name() if self.device.startswith("cuda") else "cpu",
            "python": platform.python_version(),
            "torch": torch.__version__,
            "hashes": self.layout.weight_hashes(),
        }
        self.layout.provenance.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def ship(model_dir: Path | str, device: str = "cpu", facts: int = 24, settings: int = 6) -> Dose:
    """Make everything beside the weights; returns the dose chosen on dev."""
    layout = ModelLayout(Path(model_dir))
    shipping = Shipping(layout, device)
    write_questions_and_contrasts(shipping.recipe, layout)
    vector = shipping.extract("honesty.jsonl", "honesty", "honesty.safetensors", "Honesty")
    shipping.extract(
        "honesty.jsonl", "honesty", "honesty-swapped.safetensors", "Honesty (labels swapped)", swap=True
    )
    shipping.extract("language.jsonl", "language", "language.safetensors", "English, not Japanese")
    shipping.write_best_prompts(shipping.best_prompts(facts // 2, settings))
    doses = shipping.sweep(vector, facts, settings)
    dose = best_dose(doses)
    shipping.write_settings(dose, doses)
    shipping.write_provenance()
    return dose


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    print(json.dumps(ship(arguments.model_dir, arguments.device).as_dict()))


if __name__ == "__main__":
    main()
