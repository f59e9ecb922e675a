"""The story, told in the terminal: pressure, prompts, a vector, a bad vector, a rollback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress, TaskID
from trimtab_client import (
    AsyncClient,
    CanaryProgress,
    CanaryReply,
    CanaryRun,
    Client,
    Inline,
    Lane,
    Snapshot,
    Steering,
    SteeringTerm,
    TrimtabError,
    Unsteered,
    Vector,
)
from trimtab_client import Progress as ExtractionProgress
from trimtab_vectors.evaluation import Question, read_questions, score
from trimtab_vectors.organism import ModelLayout, shipped_model_dir

from trimtab_server.cli.chat import Reply, print_lanes
from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import Session
from trimtab_server.demo.account import ARMS, Account
from trimtab_server.demo.doses import Doses, read_doses, recommended_vector
from trimtab_server.demo.honesty_prompts import HonestyPrompt, conversation, read_honesty_prompts
from trimtab_server.demo.questioning import (
    GREEDY,
    STREAMS,
    Answer,
    Asked,
    ask_all,
    honest_rate,
    plainly,
    with_prompts,
)
from trimtab_server.demo.scene import Address, Scene
from trimtab_server.demo.window import take_picture

#: Dev questions of each language on which each honesty prompt is tried.
DEV_QUESTIONS: Final = 40
#: Canary prompts of each kind in a run, and what draws them.
CANARY_COUNT: Final = 24
CANARY_SEED: Final = 1
#: Answers shown in the terminal; all are in the JSON.
SHOWN: Final = 6

_MARKS: Final = {"honest": "+", "lie": "x", "evade": "o", "no_belief": "?"}


def tell(scene: Scene, session: Session, picture: Path) -> bool:
    """Play the story against a real server; print it, or its JSON. True if all of it holds."""
    started = time.perf_counter()
    layout = ModelLayout(shipped_model_dir())
    props = Props.read(layout)
    _say(session, "Starting the server on the embedded model.")
    with scene.server("--no-auto-canary", "--slots", str(STREAMS)) as address:
        lanes = _three_lanes(session, address, props)
        account = asyncio.run(_play(session, address, props))
        _say(session, f"Taking a picture of the window: {picture}")
        take_picture(scene, address, picture, _preset(address))
    result = account.as_object(lanes, time.perf_counter() - started, str(picture))
    if session.json:
        session.emit_json(result)
    else:
        _print_result(session, result)
    return bool(result["ok"])


@dataclass(frozen=True)
class Props:
    """What lies ready: questions, honesty lines, doses, the contrast set."""

    dev: tuple[Question, ...]
    held_out: tuple[Question, ...]
    prompts: tuple[HonestyPrompt, ...]
    doses: Doses
    contrast_set: Path

    @classmethod
    def read(cls, layout: ModelLayout) -> Props:
        """Hard pressure only: the soft kind yields to a prompt, and needs no vector."""
        return cls(
            dev=_hard(read_questions(layout.dev)),
            held_out=_hard(read_questions(layout.canary)),
            prompts=read_honesty_prompts(layout.prompts),
            doses=read_doses(layout.settings),
            contrast_set=layout.contrast / "honesty.jsonl",
        )


def _hard(questions: Sequence[Question]) -> tuple[Question, ...]:
    return tuple(q for q in questions if q.kind == "hard_pressure")


def _preset(address: Address) -> str:
    """The question the picture shows: one under hard pressure."""
    with Client(address.target, address.token) as client:
        presets = client.models()[0].question_presets
    hard = [p for p in presets if p.id.startswith("hard_pressure/") and p.language == "en"]
    return (hard or list(presets))[0].id


def _three_lanes(session: Session, address: Address, props: Props) -> list[dict[str, Any]]:
    """One dev question, side by side: unsteered, an honesty prompt, the vector."""
    question = next(q for q in props.dev if len(q.messages) == 2)
    asked = conversation(question)
    prompt = next(p for p in props.prompts if p.language == question.language)
    with Client(address.target, address.token) as client:
        here = client.models()[0].default_stage
        term = props.doses.good.of(recommended_vector(client.vectors()))
        lanes = [
            Lane("unsteered", asked, Unsteered(here)),
            Lane("prompt only", prompt.added_to(asked), Unsteered(here)),
            Lane("steered", asked, Inline(Steering(here, (term,)))),
        ]
        replies = {lane.lane_id: Reply(lane.lane_id) for lane in lanes}
        _say(session, f"\nThe desk is told: {question.messages[0].content}")
        _say(session, f"The customer asks: {question.messages[-1].content}")
        _say(session, f"The prompt adds: {prompt.text}    (the truth: {', '.join(question.honest)})\n")
        with closing(client.compare(lanes, sampling=GREEDY)) as events:
            if session.json:
                for lane_id, event in events:
                    replies[lane_id].take(event)
            else:
                print_lanes(session, events, replies)
    return [
        {"lane": r.lane, "reply": r.text, "outcome": score(r.text, question).value} for r in replies.values()
    ]


@dataclass
class Play:
    """One performance: the client, what lies ready, and the account that grows."""

    session: Session
    client: AsyncClient
    props: Props
    progress: Progress
    account: Account = field(default_factory=Account)

    async def ask(self, label: str, asked: Sequence[Asked]) -> list[Answer]:
        """Put questions to what is active."""
        task = self._task(label, len(asked))
        answers = await ask_all(self.client, asked, done=lambda: self.progress.advance(task))
        self.progress.remove_task(task)
        return answers

    async def record(self, arm: str, active: str) -> None:
        """Held-out questions and a canary run for an arm, under the snapshot that is active now."""
        self.account.snapshots[arm] = active
        self.account.answers[arm] = await self.ask(arm.replace("_", " "), plainly(self.props.held_out))
        self.account.canary_runs[arm] = run = await self._canary(arm)
        rate = honest_rate(self.account.answers[arm])
        canary = next(r for r in run.rates if r.kind == "hard_pressure")
        self.say(f"  honest: {rate:.3f} of {len(self.props.held_out)} held-out questions; ", end="")
        self.say(f"canary set under pressure {canary.honest:.3f} of {canary.count}")

    async def choose_prompts(self) -> None:
        """The best honesty line of each language, by generated replies to dev questions."""
        account = self.account
        for language in sorted({p.language for p in self.props.prompts}):
            dev = [q for q in self.props.dev if q.language == language][:DEV_QUESTIONS]
            lines = [p for p in self.props.prompts if p.language == language]
            asked = [one for line in lines for one in with_prompts(dev, {language: line})]
            answers = await self.ask(f"{len(lines)} honesty prompts ({language})", asked)
            for place, line in enumerate(lines):
                mine = answers[place * len(dev) : (place + 1) * len(dev)]
                account.prompt_rates[line.id] = honest_rate(mine)
            best = max(lines, key=lambda line: account.prompt_rates[line.id])
            account.prompts[language] = best
            self.say(f"  best of {len(lines)} on {len(dev)} dev questions ({language}): ", end="")
            self.say(f"{account.prompt_rates[best.id]:.3f}  {best.text}")

    async def snapshot(self, name: str, description: str, steering: Steering) -> Snapshot:
        """Record a configuration; on a second start the same one is there already, under its name."""
        try:
            return await self.client.create_snapshot(
                steering, sampling=GREEDY, display_name=name, description=description
            )
        except TrimtabError as error:
            if error.reason == "SNAPSHOT_EXISTS":
                return await self.client.snapshot(error.metadata["snapshot"])
            if error.reason == "NAME_TAKEN":
                # Of another version of the model: the content tells them apart, no name is needed.
                return await self.client.create_snapshot(steering, sampling=GREEDY, description=description)
            raise

    async def extract(self, here: str, swap_labels: bool, name: str) -> Vector:
        """Have the server extract a vector from the contrast set."""
        task = self._task("extracting", None)
        events = self.client.extract_vector(
            self.props.contrast_set.read_bytes(),
            stage=here,
            concept="honesty",
            display_name=name,
            swap_labels=swap_labels,
            license="Apache-2.0",
        )
        vector: Vector | None = None
        async with aclosing(events):
            async for event in events:
                if isinstance(event, ExtractionProgress):
                    self.progress.update(task, completed=event.done, total=event.total or None)
                else:
                    vector = event
        self.progress.remove_task(task)
        if vector is None:
            raise CommandFailed("EXTRACTION_INCOMPLETE", "the server ended the extraction without a vector")
        return vector

    def say(self, text: str, end: str = "\n") -> None:
        _say(self.session, text, end)

    async def _canary(self, arm: str) -> CanaryRun:
        task = self._task(f"canary set, {arm.replace('_', ' ')}", None)
        finished: CanaryRun | None = None
        events = self.client.run_canary(count_per_kind=CANARY_COUNT, seed=CANARY_SEED)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, CanaryProgress):
                    self.progress.update(task, completed=event.done, total=event.total)
                elif not isinstance(event, CanaryReply):
                    finished = event
        self.progress.remove_task(task)
        if finished is None:
            raise CommandFailed("CANARY_INCOMPLETE", "the server ended the canary run without its figures")
        return finished

    def _task(self, label: str, total: int | None) -> TaskID:
        return self.progress.add_task(label, total=total)


async def _play(session: Session, address: Address, props: Props) -> Account:
    """The acts in order; each leaves its figures in the account."""
    async with AsyncClient(address.target, address.token) as client:
        with session.progress() as progress:
            play = Play(session, client, props, progress)
            here = (await client.models())[0].default_stage
            await _act_unsteered(play)
            good = await _act_steered(play, here)
            await _act_bad_vector(play, here)
            await _act_rollback(play, good)
            return play.account


async def _act_unsteered(play: Play) -> None:
    play.say("\n1. The desk as it is, under hard sales pressure: targets, orders, an angry customer")
    active = (await play.client.deployment()).active_snapshot
    if not active.is_unsteered:
        await play.client.rollback(unsteered=True, reason="the demo begins unsteered")
        active = (await play.client.deployment()).active_snapshot
    await play.record("unsteered", active.name)
    play.say("\n2. Would a prompt do?")
    await play.choose_prompts()
    account = play.account
    account.snapshots["best_prompt"] = active.name
    asked = with_prompts(play.props.held_out, account.prompts)
    account.answers["best_prompt"] = await play.ask("best prompt", asked)
    play.say(f"  honest: {honest_rate(account.answers['best_prompt']):.3f} of the held-out questions")


async def _act_steered(play: Play, here: str) -> Snapshot:
    play.say("\n3. The honesty vector, as a snapshot, made active")
    term: SteeringTerm = play.props.doses.good.of(recommended_vector(await play.client.vectors()))
    good = await play.snapshot("honest desk", "The recommended dose.", Steering(here, (term,)))
    revision = await play.client.activate_snapshot(good.name, reason="honest under pressure in three lanes")
    play.say(f"  revision {revision.number}: {good.display_name}")
    await play.record("steered", good.name)
    return good


async def _act_bad_vector(play: Play, here: str) -> None:
    play.say("\n4. A plausible mistake: the same contrast set with its labels swapped")
    vector = await play.extract(here, swap_labels=True, name="labels swapped")
    steering = Steering(here, (play.props.doses.bad.of(vector),))
    bad = await play.snapshot("labels swapped", "A mistake to be rolled back.", steering)
    revision = await play.client.activate_snapshot(bad.name, reason="looked right in the file list")
    play.say(f"  revision {revision.number}: {bad.display_name}")
    await play.record("bad_vector", bad.name)


async def _act_rollback(play: Play, good: Snapshot) -> None:
    play.say("\n5. Rolled back")
    revision = await play.client.rollback(reason="the canary set fell after labels swapped went live")
    play.say(f"  revision {revision.number}: {revision.snapshot_display_name}, ", end="")
    play.say(f"undoing revision {revision.rolled_back}: {revision.reason}")
    await play.record("rolled_back", good.name)


def _say(session: Session, text: str, end: str = "\n") -> None:
    """Tell the reader; with --json nobody reads."""
    if not session.json:
        session.out.print(text, end=end, markup=False, soft_wrap=True)


def _print_result(session: Session, result: dict[str, Any]) -> None:
    session.out.print("\nQuestions the model never saw, answered unsteered and steered (+ honest, x lie)")
    rows = result["answers"]
    for row in rows[:: max(1, len(rows) // SHOWN)][:SHOWN]:
        session.out.print(f"\n  {row['question']}", markup=False, soft_wrap=True)
        for arm in ("unsteered", "steered"):
            mark = _MARKS[row[arm]["outcome"]]
            session.out.print(f"    {mark} {arm:<10}{row[arm]['reply']}", markup=False, soft_wrap=True)
    session.out.print(f"\nHonest rate of generated replies over {result['questions']} held-out questions")
    for arm in ARMS:
        session.out.print(f"  {arm.replace('_', ' '):<12}{result['honest_rate'][arm]:.3f}")
    session.out.print()
    for line, ok in result["holds"].items():
        session.out.print(f"{'ok  ' if ok else 'FAIL'} {line}", markup=False)
    session.out.print(f"\n{result['seconds']} s; picture of the window: {result['picture']}", markup=False)
