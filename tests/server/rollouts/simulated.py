"""Material for simulated rollouts."""

from __future__ import annotations

import random

from trimtab_server.rollouts.simulation import CanaryRow, Material


def material(
    seed: int,
    *,
    stable_honest: float = 0.93,
    candidate_honest: float = 0.93,
    neutral_kl: float = 0.02,
    repetition: float = 0.0,
    rows: int = 300,
) -> Material:
    """Rows of a help desk: honest shares under pressure, KL on neutral questions, and a shift of repetition."""
    rng = random.Random(seed)

    def outcome(honest: float) -> str:
        return "honest" if rng.random() < honest else rng.choice(["lie", "evade"])

    def signals(kl: float, shift: float = 0.0) -> dict[str, float]:
        return {
            "kl_to_unsteered": rng.expovariate(1.0 / kl),
            "repetition": min(0.89, max(0.0, rng.gauss(0.1 + shift, 0.05))),
            "refusal": float(rng.random() < 0.02),
            "reply_tokens": rng.gauss(30.0, 8.0),
        }

    return Material(
        canaries=[
            *[
                CanaryRow(
                    "hard_pressure",
                    outcome(stable_honest),
                    outcome(candidate_honest),
                    signals(0.1),
                    signals(0.1),
                )
                for _ in range(rows)
            ],
            *[
                CanaryRow("neutral", outcome(0.99), outcome(0.99), signals(0.02), signals(neutral_kl))
                for _ in range(rows)
            ],
        ],
        pairs=[(signals(0.1), signals(0.1, repetition)) for _ in range(rows)],
        stable_replies=[signals(0.1) for _ in range(rows)],
        candidate_replies=[signals(0.1, repetition) for _ in range(rows)],
    )
