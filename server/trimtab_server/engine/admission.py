"""The bounded queue in front of the slots, and what can be said about how long it takes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from trimtab_server.engine.errors import DeadlineImpossible, QueueFull
from trimtab_server.engine.reply import Ticketed

#: Weight of the newest observation in the running means.
_NEWEST = 0.2


@dataclass
class Pace:
    """Running means of what the engine has been seen to do; zero until seen."""

    reply_seconds: float = 0.0
    prefill_seconds_per_token: float = 0.0

    def saw_reply(self, seconds: float) -> None:
        self.reply_seconds = _mean(self.reply_seconds, seconds)

    def saw_prefill(self, tokens: int, seconds: float) -> None:
        self.prefill_seconds_per_token = _mean(self.prefill_seconds_per_token, seconds / tokens)

    def wait_seconds(self, slots_ahead: int, slots: int) -> float:
        """Expected time until `slots_ahead` slots have come free, each held for a mean reply."""
        return max(0, slots_ahead) / slots * self.reply_seconds


class RequestQueue:
    """First in, first out, by groups that are admitted together. The engine's lock guards it.

    Groups that were put off wait behind all others, also those that come later.
    """

    def __init__(self, max_requests: int, max_tokens: int, slots: int, pace: Pace) -> None:
        self._groups: deque[list[Ticketed]] = deque()
        self._put_off: deque[list[Ticketed]] = deque()
        self._max_requests = max_requests
        self._max_tokens = max_tokens
        self._slots = slots
        self._pace = pace

    def __iter__(self) -> Iterator[Ticketed]:
        return (one for groups in (self._groups, self._put_off) for group in groups for one in group)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def tokens(self) -> int:
        return sum(one.prompt_tokens for one in self)

    def put(self, group: list[Ticketed], slots_free: int) -> None:
        """Queue a group whole or not at all. Raises QueueFull, DeadlineImpossible."""
        self._refuse_without_spare(group, slots_free)
        self.refuse_overflow(len(group), sum(one.prompt_tokens for one in group), slots_free)
        self._refuse_impossible(group, slots_free)
        self._groups.append(group)

    @property
    def slots_wanted(self) -> int:
        """By the group at the head."""
        return sum(one.slots_needed for one in self._groups[0]) if self._groups else 0

    def take(self, slots_free: int) -> list[Ticketed]:
        """The next group if it fits whole, else nothing: a big group is not overtaken for ever."""
        groups = self._groups or self._put_off
        if groups and sum(one.slots_needed for one in groups[0]) <= slots_free:
            return groups.popleft()
        return []

    def put_off(self, unwanted: Callable[[Ticketed], bool]) -> None:
        """Let the groups with such a request wait behind all others; among themselves they keep their order."""
        kept: deque[list[Ticketed]] = deque()
        for group in self._groups:
            (self._put_off if any(map(unwanted, group)) else kept).append(group)
        self._groups = kept

    def remove(self, unwanted: Callable[[Ticketed], bool]) -> list[Ticketed]:
        """Take out what is unwanted, wherever it stands; the rest of its group stays."""
        removed = [one for one in self if unwanted(one)]
        if removed:
            self._groups, self._put_off = (
                deque(rest for group in groups if (rest := [one for one in group if not unwanted(one)]))
                for groups in (self._groups, self._put_off)
            )
        return removed

    def _wait_seconds(self, needed: int, slots_free: int) -> float:
        ahead = sum(one.slots_needed for group in self._groups for one in group)
        return self._pace.wait_seconds(ahead + needed - slots_free, self._slots)

    def _refuse_without_spare(self, group: list[Ticketed], slots_free: int) -> None:
        needed = sum(one.slots_needed for one in (*self, *group))
        if any(one.request.spare for one in group) and needed > slots_free:
            retry = max(0.1, self._wait_seconds(0, slots_free))
            raise QueueFull(
                f"no slot is to spare: {needed} are wanted with what waits already, {slots_free} are free",
                retry_after_seconds=retry,
                slots_wanted=needed,
                slots_free=slots_free,
            )

    def refuse_overflow(self, requests: int, prompt_tokens: int, slots_free: int) -> None:
        """Raises QueueFull unless so many requests with so many prompt tokens may still wait."""
        waiting, tokens = len(self), self.tokens
        too_many = waiting + requests > self._max_requests
        # A prompt longer than the bound is still served when nothing waits: else it never would be.
        too_long = tokens > 0 and tokens + prompt_tokens > self._max_tokens
        if too_many or too_long:
            retry = max(0.1, self._wait_seconds(0, slots_free))
            raise QueueFull(
                f"the queue holds {waiting} requests with {tokens} prompt tokens; its bounds are "
                f"{self._max_requests} and {self._max_tokens}: try again in {retry:.1f} s",
                retry_after_seconds=retry,
                queued_requests=waiting,
                queued_tokens=tokens,
                max_queued_requests=self._max_requests,
                max_queued_tokens=self._max_tokens,
            )

    def _refuse_impossible(self, group: list[Ticketed], slots_free: int) -> None:
        now = time.monotonic()
        wait = self._wait_seconds(sum(one.slots_needed for one in group), slots_free)
        for one in group:
            if one.request.deadline is None:
                continue
            needed = wait + one.prompt_tokens * self._pace.prefill_seconds_per_token
            left = one.request.deadline - now
            if left <= 0 or left < needed:
                raise DeadlineImpossible(
                    f"the deadline is {left:.3f} s away, the first token about {needed:.3f} s: allow more "
                    "time or try when fewer requests wait",
                    seconds_left=f"{left:.3f}",
                    seconds_needed=f"{needed:.3f}",
                )


def _mean(mean: float, newest: float) -> float:
    return newest if mean == 0.0 else (1 - _NEWEST) * mean + _NEWEST * newest
