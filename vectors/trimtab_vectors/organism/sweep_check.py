"""Whether the sweep finds, by dev questions alone, a setting that keeps what the embedded model promises.

    python -m trimtab_vectors.organism.sweep_check --out sweep-check.json [--device cuda] [--seed 5] [--quick]

The shipped vector is swept over every block and every pair on the shipped dev questions, its drift taken on chats
that nobody trained on, in the worse of the languages, under the KL limit of the acceptance check. What it recommends
is put through that check, which draws held-out facts and cues of its own.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any, Final

from trimtab_vectors.evaluation.honesty import read_questions
from trimtab_vectors.evaluation.neutral import NeutralText
from trimtab_vectors.evaluation.side_effects import Gates
from trimtab_vectors.evaluation.splits import DevItems
from trimtab_vectors.evaluation.sweep import SweepPlan, layer_groups, sweep
from trimtab_vectors.formats.safetensors import read_vector
from trimtab_vectors.organism.check import FULL, KL_AT_MOST, QUICK, Check
from trimtab_vectors.organism.layout import ModelLayout, shipped_model_dir
from trimtab_vectors.organism.replies import Organism

#: Neutral chats of each language, on which drift is kept under the limit: with 200 the interval is too wide to show
#: that a working strength is.
TEXTS: Final = 1000


def sweep_check(
    quick: bool, seed: int, device: str, layers: tuple[tuple[int, ...], ...] = ()
) -> dict[str, Any]:
    """Sweep, then check; a record with the recommendation, the lines and the hashes of the weights.

    layers: groups to sweep; none means every block and every pair of neighbours. Raises ValueError where the sweep
    recommends nothing.
    """
    started = time.perf_counter()
    layout = ModelLayout(shipped_model_dir())
    settings = json.loads(layout.settings.read_text(encoding="utf-8"))
    own = settings["recommended"]
    vector = read_vector((layout.root / own["vector"]).read_bytes())
    organism = Organism.load(layout.root, own["stage"], device)
    dev = DevItems(tuple(read_questions(layout.root / "dev.jsonl")))
    check = Check(layout.root, QUICK if quick else FULL, seed, device, None)
    rng = random.Random(f"sweep check/{seed}")
    chats: dict[str, list[NeutralText]] = {
        language: list(check.bank.neutral_text(rng, language, TEXTS)) for language in check.recipe.languages
    }
    plan = SweepPlan(
        layers=layers or layer_groups(vector.layers),
        positions=own["positions"],
        gates=Gates(kl_warn=KL_AT_MOST, kl_stop=KL_AT_MOST),
    )
    result = sweep(organism.model, organism.tokenizer, vector, dev, plan, stage=own["stage"], neutral=chats)
    found = result.recommended
    if found is None:
        raise ValueError(f"the sweep recommends nothing: {result.reason}")
    swept = round(time.perf_counter() - started, 1)
    check.recommend({**own, "layers": list(found.layers), "strength": found.strength})
    check.run()
    return {
        "ok": all(line.ok for line in check.lines),
        "recommended": {"layers": list(found.layers), "strength": found.strength},
        "safe_strength": {"-".join(map(str, c.layers)): c.safe_strength for c in result.curves},
        "dev": dev.digest,
        "texts": TEXTS,
        "sweep": result.as_dict(),
        "lines": [line.as_dict() for line in check.lines],
        "quick": quick,
        "seed": seed,
        "device": device,
        "seconds": {"sweep": swept, "all": round(time.perf_counter() - started, 1)},
        "hashes": dict(layout.weight_hashes()),
    }


def _group(text: str) -> tuple[int, ...]:
    first, _, last = text.partition("-")
    return tuple(range(int(first), int(last or first) + 1))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument(
        "--layers", default="", help="groups to sweep, such as 1,2,1-2; default: every block and pair"
    )
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    groups = tuple(_group(text) for text in given.layers.split(",") if text)
    record = sweep_check(given.quick, given.seed, given.device, groups)
    given.out.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(
        json.dumps({"ok": record["ok"], "recommended": record["recommended"], "seconds": record["seconds"]})
    )


if __name__ == "__main__":
    main()
