"""Row 10. Healthy rollouts are left alone: of rollouts whose two arms are equal, drawn from real replies and judged by
the code that judges real ones, at most 5% are stopped."""

from __future__ import annotations

from collections import Counter

from trimtab_server.rollouts.default_plan import PlanKind, default_plan
from trimtab_server.rollouts.progress import State
from trimtab_server.rollouts.simulation import Material, Traffic, simulate

from promises.drawn import Made, made, material_of
from promises.material import Bench, Dose, equivalent, weaker
from promises.row import Profile, Row, upper_bound

RUNS = {"ci": 400, "release": 2_000}
LIMIT = 0.05
#: Configurations like the good one whose replies the arms are drawn from.
EQUIVALENTS = 60
WEAKER = 12
#: Replies a day of the companies that the two plans are made for.
TRAFFIC: dict[PlanKind, Traffic] = {"small": Traffic(50.0), "busy": Traffic(5_000.0)}


def related(profile: Profile, seed: int) -> list[Made]:
    """The good vector, those that are equivalent to it, and weaker ones, which answer otherwise far more often."""

    def doses(bench: Bench) -> list[Dose]:
        return [*equivalent(bench, seed, EQUIVALENTS), *weaker(bench, WEAKER)]

    return made(profile, seed, "related", doses)


def materials(profile: Profile, seed: int) -> list[Material]:
    """Pairs of the good vector and one related to it. Equal arms swap the two at random, question by question."""
    good, *others = related(profile, seed)
    return [material_of(good.answers, other.answers) for other in others]


def tried(kind: PlanKind, pool: list[Material], runs: int, seed: int) -> Row:
    """So many rollouts by one plan."""
    plan = default_plan(kind)
    ends: Counter[State] = Counter()
    deciders: Counter[str] = Counter()
    seeds = []
    for run in range(runs):
        outcome = simulate(
            plan, pool[run % len(pool)], seed=f"{seed}/{run}", equal_arms=True, traffic=TRAFFIC[kind]
        )
        ends[outcome.state] += 1
        if outcome.state is State.FAILED:
            deciders.update(outcome.deciders)
            seeds.append(run)
    stopped = ends[State.FAILED]
    share = stopped / runs
    note = f"{ends[State.PROMOTED]} promoted, {ends[State.PAUSED]} paused; planned {plan.false_alarm:g}"
    if deciders:
        note += "; stopped by " + ", ".join(f"{name} {count}" for name, count in deciders.most_common())
    words = f"Equal arms under the plan of a {kind} service, stopped (share)"
    return Row(10, words, runs, stopped, upper_bound(stopped, runs), share, LIMIT, share <= LIMIT, note=note)


def run(profile: Profile, seed: int) -> Row:
    pool = materials(profile, seed)
    parts = [tried(kind, pool, RUNS[profile], seed) for kind in TRAFFIC]
    return Row.of_parts(10, "Healthy rollouts are left alone", parts)
