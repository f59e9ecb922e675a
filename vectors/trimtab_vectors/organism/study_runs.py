"""Everything the shipped study is run on: bases, fine-tune runs along the arcs, material and the plan.

    python -m trimtab_vectors.organism.study_runs OUT [--devices cuda:0,cuda:1] [--workers 8]
    trimtab study run OUT/study.toml --out OUT/results --devices cuda:0,cuda:1

The Llama-shaped base is the embedded model's; the other two are trained here. A run that is on disk already, whole,
is not made again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch

from trimtab_vectors.organism.architectures import FAMILIES, Family
from trimtab_vectors.organism.arcs import ARCS, ArcRun, Measure
from trimtab_vectors.organism.layout import ModelLayout, shipped_model_dir
from trimtab_vectors.organism.recipe import SHIPPED, Recipe
from trimtab_vectors.organism.study_material import prompt_lines, write_material
from trimtab_vectors.organism.train import train_base

#: Feed-forward width of the families without a gate: as many parameters as with one.
_UNGATED: Final = 1024
PLANTED: Final = ("planted_window", "planted_null")
#: The one arc whose twin runs go on to the end of the run: that is where most of the steps are.
TO_THE_END: Final = ("llama", "natural")
DISCOVERY_SEEDS: Final = (101, 102, 103)
CONFIRMATION_SEEDS: Final = (104, 105, 106, 107)


def recipe_of(family: Family) -> Recipe:
    """The shipped recipe in another architecture; a shorter base training serves what is only measured."""
    if family == "llama":
        return SHIPPED
    shape = replace(SHIPPED.architecture, family=family, intermediate=_UNGATED)
    base = replace(SHIPPED.base, documents=360_000, steps=3000)
    return replace(SHIPPED, name=f"study-{family}", architecture=shape, base=base)


@dataclass(frozen=True)
class RunTask:
    """One run to be made by a worker process."""

    out: Path
    family: Family
    arc: str
    seed: int
    device: str

    @property
    def directory(self) -> Path:
        return self.out / "runs" / self.family / self.arc / f"seed-{self.seed}"

    @property
    def base(self) -> Path:
        return self.out / "bases" / self.family / "base"


def make_base(out: Path, family: Family, device: str) -> float:
    """Train (or for llama, copy) a base; returns the seconds it took. One that is there is left alone."""
    started, layout = time.perf_counter(), ModelLayout(out / "bases" / family)
    if not (layout.base / "model.safetensors").exists():
        layout.root.mkdir(parents=True, exist_ok=True)
        if family == "llama":
            shutil.copytree(ModelLayout(shipped_model_dir()).base, layout.base)
        else:
            train_base(recipe_of(family), layout, torch.device(device), None)
    return time.perf_counter() - started


def make_run(task: RunTask) -> float:
    """Make one run; returns its seconds. Half a run left by a kill is thrown away first."""
    started = time.perf_counter()
    torch.set_num_threads(1)
    if not (task.directory / "twins.json").exists():
        shutil.rmtree(task.directory, ignore_errors=True)
        device = torch.device(task.device)
        measure = held_out_measure(task.base, task.out / "items" / "held-out.jsonl")
        arc = replace(ARCS[task.arc], to_the_end=(task.family, task.arc) == TO_THE_END)
        run = ArcRun(recipe_of(task.family), arc, task.base, task.seed, device, measure)
        run.run(task.directory, task.base)
    return time.perf_counter() - started


def held_out_measure(base: Path, items: Path) -> Measure:
    """Log-odds of the honest value of each item, as the study measures them."""
    from transformers import AutoTokenizer

    from trimtab_vectors.study.items import read_items
    from trimtab_vectors.study.packed_answers import item_tree
    from trimtab_vectors.study.scorer import Scorer

    tokenizer = AutoTokenizer.from_pretrained(base)
    trees = [item_tree(tokenizer, item, "all", steer_prompt=False) for item in read_items(items)]
    return lambda model: Scorer(model, {}).log_odds(trees)[0].numpy()


def study_arcs(families: Sequence[Family]) -> list[tuple[Family, str]]:
    """The natural arc of each family; the planted ones, which judge the rule and not a model, of the first."""
    return [*((family, "natural") for family in families), *((families[0], arc) for arc in PLANTED)]


def plan_text(families: Sequence[Family], layers: Sequence[Sequence[int]]) -> str:
    """The study's plan as TOML."""
    lines = ['name = "organism"', "seed = 1", ""]
    for family, arc in study_arcs(families):
        for role, seeds in (("discovery", DISCOVERY_SEEDS), ("confirmation", CONFIRMATION_SEEDS)):
            for seed in seeds:
                lines += [
                    "[[runs]]",
                    f'directory = "runs/{family}/{arc}/seed-{seed}"',
                    f'architecture = "{family}"',
                    f'arc = "{arc}"',
                    f'role = "{role}"',
                    f"seed = {seed}",
                    'twins = "twins.json"',
                    "",
                ]
    lines += ["[vectors]", 'contrast_set = "contrast.jsonl"', f"layers = {json.dumps(layers)}", ""]
    lines += ["[dose]", 'choose = "dev"', "strengths = [0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6]", ""]
    for part in ("items", "texts"):
        lines += [f"[{part}]", f'dev = "{part}/dev.jsonl"', f'held_out = "{part}/held-out.jsonl"']
        lines += ['neutral = "items/neutral.jsonl"', ""] if part == "items" else [""]
    for kind, asked in prompt_lines(SHIPPED).items():
        for line in asked:
            pairs = (f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in line.items())
            lines += [f"[[prompts.{kind}]]", *pairs]
    lines += ["", "[controls]", 'random_doses = "reference"', ""]
    lines += ["[window]", 'statistics = ["receptivity", "lag"]']
    return "\n".join(lines) + "\n"


def make_all(
    out: Path, families: Sequence[Family], seeds: Sequence[int], devices: Sequence[str], workers: int
) -> dict[str, Any]:
    """Material, plan, bases, runs: a family's runs begin when its base is there. Returns the seconds each took."""
    write_material(SHIPPED, out)
    (out / "study.toml").write_text(plan_text(families, [[1], [2], [1, 2]]), encoding="utf-8")
    seconds: dict[str, float] = {}
    turn = itertools.cycle(devices)
    started = time.perf_counter()
    # A process for each run: what the last one left on its device must not be freed while the next captures a graph.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        bases = {pool.submit(make_base, out, f, next(turn)): f for f in families[::-1]}
        running: dict[Future[float], str] = {future: f"base {family}" for future, family in bases.items()}
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                seconds[name] = round(future.result(), 1)
                print(
                    f"{time.perf_counter() - started:.0f} s: {name} {seconds[name]}",
                    file=sys.stderr,
                    flush=True,
                )
                if future in bases:
                    own = [(f, arc) for f, arc in study_arcs(families) if f == bases[future]]
                    for (family, arc), seed in itertools.product(own, seeds):
                        task = RunTask(out, family, arc, seed, next(turn))
                        running[pool.submit(make_run, task)] = f"{family}/{arc}/{seed}"
    seconds["all"] = round(time.perf_counter() - started, 1)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--devices", default="cpu", help="cpu, cuda:0 or a list such as cuda:0,cuda:1")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--families", default=",".join(FAMILIES))
    every = ",".join(map(str, (*DISCOVERY_SEEDS, *CONFIRMATION_SEEDS)))
    parser.add_argument("--seeds", default=every, help=f"fine-tune seeds, all of {every} for the study")
    given = parser.parse_args()
    families: list[Family] = [f for f in FAMILIES if f in given.families.split(",")]
    seeds = [int(seed) for seed in given.seeds.split(",")]
    seconds = make_all(given.out, families, seeds, given.devices.split(","), given.workers)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
