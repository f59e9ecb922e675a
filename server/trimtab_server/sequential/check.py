"""False alarms and delays of every method on random streams, against their limits.

    python -m trimtab_server.sequential.check --seed 1 --streams 200

prints one JSON object: per method and distribution the false alarms of streams without harm, the most that noise
explains (`tolerated`), and how many values a planted harm takes. Exit status 0 if every row keeps its limit.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trimtab_server.sequential.batches import Batches
from trimtab_server.sequential.betting import BettingMean
from trimtab_server.sequential.binomial_limits import tolerated, upper_limit
from trimtab_server.sequential.comparisons import PairedMeans, PairedOutcomes
from trimtab_server.sequential.conformal import ConformalDrift
from trimtab_server.sequential.intervals import NonInferiority
from trimtab_server.sequential.msprt import PairedMsprt, TwoSampleMsprt
from trimtab_server.sequential.paired_shift import PairedShift
from trimtab_server.sequential.rates import RateDrift, RateLimit
from trimtab_server.sequential.sample_ratio import SampleRatio
from trimtab_server.sequential.sign import SignTest

ALPHA: Final = 0.05
LENGTH: Final = 1_000
#: Correlation of the arms on the same prompt.
CORRELATION: Final = 0.6
AUTOREGRESSION: Final = 0.3
BATCH: Final = 10
#: Twenty times the length, so that at most one stream in twenty alarms falsely.
_ARL: Final = LENGTH / ALPHA

Floats: TypeAlias = NDArray[np.float64]
Draw: TypeAlias = Callable[[np.random.Generator, int], Floats]


class Detector(Protocol):
    """Takes the values of one time and says whether it alarms."""

    def __call__(self, *values: float) -> bool: ...


@dataclass(frozen=True)
class Method:
    """make: a fresh detector, given a reference. stream: the values of one stream, one row a time, with a harm of
    so many standard deviations (or the bad rate) from the time `late` on, or None for no harm."""

    name: str
    distribution: str
    make: Callable[[np.random.Generator], Detector]
    stream: Callable[[np.random.Generator, bool], Floats]
    late: int = 0
    limit: float = ALPHA


@dataclass(frozen=True)
class Row:
    method: str
    distribution: str
    streams: int
    false_alarms: int
    limit: float
    tolerated: int
    upper: float
    found: float
    delay_median: float | None
    delay_90: float | None
    ok: bool


def check(seed: int, streams: int) -> dict[str, Any]:
    """The rows, and whether all are ok."""
    rows = [
        _row(method, np.random.default_rng([seed, place]), streams) for place, method in enumerate(methods())
    ]
    return {
        "seed": seed,
        "streams": streams,
        "length": LENGTH,
        "ok": all(row.ok for row in rows),
        "rows": [vars(row) for row in rows],
    }


def methods() -> Iterator[Method]:
    """Every method on every distribution that it is meant for."""
    for name, draw in DISTRIBUTIONS.items():
        batch = BATCH if name == "AR(1)" else 1
        yield Method("betting mean", name, _betting(batch), _level(draw, 0.5))
        yield Method("conformal e-process", name, _conformal(draw, batch, "from_start"), _level(draw, 0.5))
        late = LENGTH // 2
        yield Method(
            "conformal drift", name, _conformal(draw, batch, "drifted"), _level(draw, 0.5, late), late
        )
        yield Method(
            "paired mSPRT", name, _batched(batch, lambda: PairedMsprt(ALPHA).update), _pairs(draw, 0.5)
        )
        yield Method("sign test", name, _batched(batch, lambda: SignTest(ALPHA).update), _pairs(draw, 0.5))
        yield Method(
            "paired shift", name, _batched(batch, lambda: PairedShift(ALPHA).update), _pairs(draw, 0.5)
        )
        yield Method("two-sample mSPRT", name, _two_sample(batch), _arms(draw, 0.5))
        yield Method("non-inferior mean", name, _margin_of_means(batch), _margin_pairs(draw))
    yield Method("rate limit", "5%", _batched(1, lambda: RateLimit(0.05, ALPHA).update), _rate(0.05, 0.15))
    late = LENGTH // 2
    yield Method(
        "rate drift", "5%", _batched(1, lambda: RateDrift(0.05, _ARL).update), _rate(0.05, 0.15, late), late
    )
    yield Method("sample ratio", "10%", _batched(1, _sample_ratio), _rate(0.1, 0.2))
    yield Method("non-inferior outcomes", "margin 10%", _margin_of_outcomes, _outcomes)


def _ar(rng: np.random.Generator, n: int) -> Floats:
    steps = rng.standard_normal(n) * math.sqrt(1.0 - AUTOREGRESSION**2)
    values = np.empty(n)
    last = rng.standard_normal()
    for place, step in enumerate(steps):
        last = AUTOREGRESSION * last + step
        values[place] = last
    return values


#: Mean 0, standard deviation 1.
DISTRIBUTIONS: Final[dict[str, Draw]] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "t3": lambda rng, n: rng.standard_t(3, n) / math.sqrt(3.0),
    "lognormal": lambda rng, n: (
        (rng.lognormal(0.0, 0.75, n) - math.exp(0.28125)) / math.sqrt(math.exp(0.5625) * math.expm1(0.5625))
    ),
    "AR(1)": _ar,
}


def _level(draw: Draw, harm: float, late: int = 0) -> Callable[[np.random.Generator, bool], Floats]:
    def stream(rng: np.random.Generator, harmed: bool) -> Floats:
        values = draw(rng, LENGTH)
        if harmed:
            values[late:] += harm
        return values[:, None]

    return stream


def _pairs(draw: Draw, harm: float) -> Callable[[np.random.Generator, bool], Floats]:
    def stream(rng: np.random.Generator, harmed: bool) -> Floats:
        # Both arms share the prompt's part; what differs has the distribution's own shape.
        own = math.sqrt(1.0 - CORRELATION)
        difference = own * (draw(rng, LENGTH) - draw(rng, LENGTH))
        return (difference + (harm if harmed else 0.0))[:, None]

    return stream


def _margin_pairs(draw: Draw) -> Callable[[np.random.Generator, bool], Floats]:
    """Without "harm" the candidate is worse by exactly the margin, 0.5; with it the arms are equal: here an alarm
    is a pass, and a false alarm a wrong promotion."""
    worse = _pairs(draw, -0.5)
    return lambda rng, equal: worse(rng, not equal)


def _arms(draw: Draw, harm: float) -> Callable[[np.random.Generator, bool], Floats]:
    def stream(rng: np.random.Generator, harmed: bool) -> Floats:
        candidate = rng.random(LENGTH) < 0.4
        values = draw(rng, LENGTH) + (harm if harmed else 0.0) * candidate
        return np.stack([values, candidate], axis=1)

    return stream


def _rate(limit: float, bad: float, late: int = 0) -> Callable[[np.random.Generator, bool], Floats]:
    def stream(rng: np.random.Generator, harmed: bool) -> Floats:
        rates = np.full(LENGTH, limit)
        if harmed:
            rates[late:] = bad
        return (rng.random(LENGTH) < rates).astype(np.float64)[:, None]

    return stream


def _outcomes(rng: np.random.Generator, equal: bool) -> Floats:
    """Pairs of which 20% change: as often gained as lost, or 15% lost and 5% gained (worse by the margin)."""
    drawn = rng.random(LENGTH)
    lost = drawn < (0.10 if equal else 0.15)
    gained = drawn >= (0.90 if equal else 0.95)
    return np.stack([~gained, ~lost], axis=1).astype(np.float64)


def _batched(
    batch: int, make: Callable[[], Callable[[float], bool]]
) -> Callable[[np.random.Generator], Detector]:
    def fresh(_: np.random.Generator) -> Detector:
        batches, update = Batches(batch), make()

        def take(*values: float) -> bool:
            mean = batches.update(values[0])
            return mean is not None and update(mean)

        return take

    return fresh


def _betting(batch: int) -> Callable[[np.random.Generator], Detector]:
    """The limit is the mean itself: values are moved to mean 4 and cut to [0, 8]."""

    def make() -> Callable[[float], bool]:
        test = BettingMean(4.0, 8.0, ALPHA)
        return lambda value: test.update(value + 4.0)

    return _batched(batch, make)


def _conformal(draw: Draw, batch: int, which: str) -> Callable[[np.random.Generator], Detector]:
    def fresh(rng: np.random.Generator) -> Detector:
        test = ConformalDrift(draw(rng, 500).tolist(), ALPHA, _ARL, "above", batch=batch)
        keys = iter(range(LENGTH))
        salt = rng.integers(1 << 62)

        def take(*values: float) -> bool:
            test.update(values[0], f"{salt}/{next(keys)}")
            alarmed: bool = getattr(test, which)
            return alarmed

        return take

    return fresh


def _sample_ratio() -> Callable[[float], bool]:
    test = SampleRatio(0.1, ALPHA)
    return lambda value: test.update(value == 1.0)


def _two_sample(batch: int) -> Callable[[np.random.Generator], Detector]:
    def fresh(_: np.random.Generator) -> Detector:
        test, arms = TwoSampleMsprt(ALPHA), (Batches(batch), Batches(batch))

        def take(*values: float) -> bool:
            candidate = bool(values[1])
            mean = arms[candidate].update(values[0])
            return mean is not None and test.update(mean, candidate=candidate)

        return take

    return fresh


def _margin_of_means(batch: int) -> Callable[[np.random.Generator], Detector]:
    def make() -> Callable[[float], bool]:
        means = PairedMeans()
        shown = NonInferiority(means, 0.5, ALPHA, "below")

        def update(difference: float) -> bool:
            means.update(difference)
            return shown.shown

        return update

    return _batched(batch, make)


def _margin_of_outcomes(_: np.random.Generator) -> Detector:
    outcomes = PairedOutcomes()
    shown = NonInferiority(outcomes, 0.1, ALPHA, "below")

    def take(*values: float) -> bool:
        outcomes.update(bool(values[0]), bool(values[1]))
        return shown.shown

    return take


def _row(method: Method, rng: np.random.Generator, streams: int) -> Row:
    false = sum(_first_alarm(method, rng, harmed=False) is not None for _ in range(streams))
    alarms = [_first_alarm(method, rng, harmed=True) for _ in range(streams)]
    delays = sorted(at - method.late for at in alarms if at is not None and at > method.late)
    most = tolerated(streams, method.limit)
    return Row(
        method=method.name,
        distribution=method.distribution,
        streams=streams,
        false_alarms=false,
        limit=method.limit,
        tolerated=most,
        upper=round(upper_limit(false, streams), 4),
        found=len(delays) / streams,
        delay_median=statistics.median(delays) if delays else None,
        delay_90=delays[math.ceil(0.9 * len(delays)) - 1] if delays else None,
        ok=false <= most,
    )


def _first_alarm(method: Method, rng: np.random.Generator, *, harmed: bool) -> int | None:
    """After how many values; None for never."""
    detector = method.make(rng)
    for place, values in enumerate(method.stream(rng, harmed).tolist()):
        if detector(*values):
            return place + 1
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m trimtab_server.sequential.check", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--streams", type=int, default=200, help="streams without and with harm, per row")
    given = parser.parse_args(arguments)
    if given.streams < 1:
        parser.error("--streams must be 1 or more")
    report = check(given.seed, given.streams)
    print(json.dumps(report))
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
