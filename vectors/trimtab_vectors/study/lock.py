"""The lock of a study's directory: what it was begun with, and the dose before anything held out is measured.

DIR/lock.json holds the plan and its hash, the hash of every file and stage, the doses chosen on dev items, and the
sessions that worked on it. A study goes on only with exactly what it was begun with.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from trimtab_vectors.evaluation.splits import Choice, DevRecord
from trimtab_vectors.study.cells import write_atomically
from trimtab_vectors.study.choice import ReferenceDose
from trimtab_vectors.study.plan import StudyError
from trimtab_vectors.study.runs import FileHashes
from trimtab_vectors.study.study import Study

_LIBRARIES: Final = ("torch", "transformers", "peft", "numpy", "scipy", "pydantic")


class LockError(StudyError):
    """A study's directory was begun with something else. The message lists what changed."""


@dataclass(frozen=True)
class StudyLock:
    """plan, files, runs: what was locked. choices: architecture -> the dose with the dev items it was chosen on
    and every candidate tried; empty until chosen. sessions: when, where and with which libraries it was worked on."""

    path: Path
    plan_hash: str
    plan: dict[str, Any]
    files: dict[str, str]
    runs: dict[str, Any]
    expected: dict[str, int]
    choices: dict[str, Any] = field(default_factory=dict)
    sessions: tuple[dict[str, Any], ...] = ()

    @classmethod
    def open(cls, study: Study) -> StudyLock:
        """The lock of a new directory, or of one begun with the same.

        Raises:
            LockError: the plan, a file or a stage is not what the directory was begun with.
        """
        fresh = cls(
            path=study.out / "lock.json",
            plan_hash=study.plan.hash,
            plan=study.plan.model_dump(mode="json"),
            files=study.material.files,
            runs={run.name: _run_record(study, index) for index, run in enumerate(study.runs)},
            expected=study.expected,
        )
        if not fresh.path.is_file():
            study.out.mkdir(parents=True, exist_ok=True)
            fresh.write()
            return fresh
        found = read_lock(study.out)
        changed = [
            *_changes("plan", found.plan, fresh.plan),
            *_changes("files", found.files, fresh.files),
            *_changes("runs", found.runs, fresh.runs),
        ]
        if changed:
            shown = "; ".join(changed[:10]) + (f"; and {len(changed) - 10} more" if len(changed) > 10 else "")
            raise LockError(
                f"{study.out} was begun with something else: {shown}. Restore it, or run the changed study in a "
                "new directory"
            )
        return found

    def write(self) -> None:
        record = {
            "plan_hash": self.plan_hash,
            "plan": self.plan,
            "files": self.files,
            "runs": self.runs,
            "expected": self.expected,
            "choices": self.choices,
            "sessions": list(self.sessions),
        }
        write_atomically(self.path, json.dumps(record, ensure_ascii=False, indent=1) + "\n")

    def with_session(self, devices: list[str], workers: int, command: str) -> StudyLock:
        """Written with one session more."""
        session = {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "devices": devices,
            "workers": workers,
            "command": command,
            "versions": library_versions(),
        }
        changed = replace(self, sessions=(*self.sessions, session))
        changed.write()
        return changed

    def with_choices(self, choices: Mapping[str, Any]) -> StudyLock:
        """Written with the chosen doses. Raises LockError where doses are locked already."""
        if self.choices:
            raise LockError(f"{self.path}: doses are chosen already, and are not chosen twice")
        changed = replace(self, choices=dict(choices))
        changed.write()
        return changed

    def doses(self, study: Study) -> dict[str, ReferenceDose]:
        """The dose of each architecture, for held-out items alone.

        Raises LeakError if a held-out fact took part in the choice, LockError before there is one.
        """
        if not self.choices:
            raise LockError(f"{self.path}: no dose is chosen yet; held-out items wait for it")
        held_out = study.material.held_out_items
        return {
            architecture: held_out.reports_on(
                Choice(ReferenceDose.from_dict(choice["dose"]), DevRecord.from_dict(choice["dev"]))
            )
            for architecture, choice in self.choices.items()
        }


def read_lock(out: Path) -> StudyLock:
    """Raises LockError for a directory that is no study."""
    path = out / "lock.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return StudyLock(
            path=path,
            plan_hash=record["plan_hash"],
            plan=record["plan"],
            files=record["files"],
            runs=record["runs"],
            expected=record["expected"],
            choices=record["choices"],
            sessions=tuple(record["sessions"]),
        )
    except FileNotFoundError as error:
        raise LockError(
            f"{out} is no study: it has no lock.json; begin one with `trimtab study run`"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise LockError(f"{path} is damaged ({error}); start over in a new directory") from error


def library_versions() -> dict[str, str]:
    """Versions of what decides figures."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    return versions


def _run_record(study: Study, index: int) -> dict[str, Any]:
    run = study.runs[index]
    return {
        "role": run.role,
        "tokenizer": run.tokenizer,
        "stages": {stage.name: stage.hash for stage in run.stages},
        "twins": None if run.twins is None else FileHashes().of(run.twins),
    }


def _changes(name: str, old: Any, new: Any) -> Iterator[str]:
    """`key: old -> new`, for every leaf that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key not in new:
                yield f"{name}.{key} is gone"
            elif key not in old:
                yield f"{name}.{key} is new"
            else:
                yield from _changes(f"{name}.{key}", old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _changes(f"{name}.{index}", before, after)
    elif old != new:
        yield f"{name}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
