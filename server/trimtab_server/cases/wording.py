"""What a step says, in English and in Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ROLE: Final = {
    "small_trial": ("small trial", "小規模な試験"),
    "confirmation": ("confirmation", "確認試験"),
}
#: Codes with a sentence of its own for each role.
_BY_ROLE: Final = frozenset({"trial_missing", "trial_not_enough"})
#: Code -> the sentence in English and in Japanese. `{what}` is the role of the trial.
SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "goal_written": ("The goal is written.", "目標は記入済みです。"),
    "goal_missing": (
        "Write what shall be reached, and for whom.",
        "何を、誰のために達成したいのかを記入してください。",
    ),
    "goal_first": ("Write the goal first.", "先に目標を記入してください。"),
    "criteria_missing": (
        "There are no criteria yet: write them, or start from a template.",
        "判定基準がまだありません。記入するか、ひな形から始めてください。",
    ),
    "criteria_invalid": ("The criteria cannot be locked: {fault}", "この判定基準は固定できません：{fault}"),
    "criteria_open": (
        "Lock the criteria; no trial can be a part of the case before.",
        "判定基準を固定してください。固定するまで、試験をこの案件に加えることはできません。",
    ),
    "criteria_locked": ("The criteria are locked as {hash}.", "判定基準は {hash} として固定されています。"),
    "criteria_first": ("Lock the criteria first.", "先に判定基準を固定してください。"),
    "trial_missing_small": (
        "Create a small trial by the locked criteria, on prompts of your own.",
        "固定した判定基準で、自社のプロンプトによる小規模な試験を作成してください。",
    ),
    "trial_missing_confirmation": (
        "Create a trial by the same criteria on fresh prompts: none of them may occur in the small trial.",
        "同じ判定基準で、新しいプロンプトによる試験を作成してください。"
        "小規模な試験と同じプロンプトは使えません。",
    ),
    "trial_created": ("The {what} is locked; start it.", "{what}は固定済みです。開始してください。"),
    "trial_running": (
        "The {what} is running: {done} of {planned} replies.",
        "{what}を実行中です（応答 {planned} 件中 {done} 件）。",
    ),
    "trial_paused": (
        "The {what} is paused at {done} of {planned} replies; resume it.",
        "{what}は応答 {planned} 件中 {done} 件で一時停止中です。再開してください。",
    ),
    "trial_rating": (
        "Every reply of the {what} is there; people grade them next.",
        "{what}の応答はそろいました。次は人による評価です。",
    ),
    "trial_lost": (
        "The prompts of the {what} were deleted before it had a verdict; create another one.",
        "{what}のプロンプトは、判定が出る前に削除されました。新しい試験を作成してください。",
    ),
    "trial_passed": ("The {what} passed: {reason}", "{what}は合格です。{reason_ja}"),
    "trial_prompt_enough": (
        "The {what} passed, and a prompt is enough: {reason}",
        "{what}は合格で、プロンプトで十分です。{reason_ja}",
    ),
    "trial_failed": (
        "The {what} failed, which leads to stop: {reason}",
        "{what}は不合格でした。この案件は停止に向かいます。{reason_ja}",
    ),
    "trial_undecidable": (
        "The {what} decided nothing, and no number of prompts within reach would: {reason}",
        "{what}では判定できず、現実的な件数のプロンプトを足しても決まりません。{reason_ja}",
    ),
    "trial_not_enough_small": (
        "The small trial needs about {more} more prompts; create a larger one by the same criteria.",
        "小規模な試験にはあと約 {more} 件のプロンプトが必要です。"
        "同じ判定基準で、より大きな試験を作成してください。",
    ),
    "trial_not_enough_confirmation": (
        "The confirmation needs about {more} more prompts; create a larger one by the same criteria, all of its "
        "prompts fresh again.",
        "確認試験にはあと約 {more} 件のプロンプトが必要です。同じ判定基準で、より大きな試験を、"
        "すべて新しいプロンプトで作成してください。",
    ),
    "trial_error": (
        "Replies of the {what} failed; resume it, so that they are asked again: {reason}",
        "{what}の一部の応答が失敗しました。再開すると、もう一度実行されます。{reason_ja}",
    ),
    "small_trial_first": ("The small trial comes first.", "先に小規模な試験が必要です。"),
    "small_trial_failed": (
        "The small trial did not pass, so there is nothing to confirm.",
        "小規模な試験が合格しなかったため、確認するものがありません。",
    ),
    "confirmation_first": ("The confirmation comes first.", "先に確認試験が必要です。"),
    "confirmation_failed": (
        "The confirmation did not pass, so there is nothing to release.",
        "確認試験が合格しなかったため、リリースするものがありません。",
    ),
    "candidate_unknown": (
        "Which lane the confirmation recommends cannot be told any more ({lane}).",
        "確認試験がどのレーンを推奨したか（{lane}）を特定できません。",
    ),
    "snapshot_missing": (
        "Create a snapshot of lane {lane}, then a rollout of it.",
        "レーン「{lane}」のスナップショットを作成し、そのロールアウトを始めてください。",
    ),
    "snapshot_missing_prompt": (
        "A prompt is enough: create a snapshot with the prompt of lane {lane} and no vectors, and release that one; "
        "or stop.",
        "プロンプトで十分です。レーン「{lane}」のプロンプトだけを持ち、ベクトルのないスナップショットを作成して"
        "リリースするか、案件を停止してください。",
    ),
    "rollout_missing": (
        "Create a rollout of the snapshot of lane {lane}.",
        "レーン「{lane}」のスナップショットのロールアウトを作成してください。",
    ),
    "rollout_missing_prompt": (
        "A prompt is enough: release the snapshot with the prompt of lane {lane} and no vectors, or stop.",
        "プロンプトで十分です。レーン「{lane}」のプロンプトだけを持つスナップショットをリリースするか、"
        "案件を停止してください。",
    ),
    "rollout_created": (
        "The rollout is planned; start it.",
        "ロールアウトは計画済みです。開始してください。",
    ),
    "rollout_running": (
        "The rollout is at step {step}, with {weight}% of the sessions.",
        "ロールアウトは段階 {step} で、セッションの {weight}% に提供しています。",
    ),
    "rollout_paused": (
        "The rollout is paused at step {step} and waits for a person: {reason}",
        "ロールアウトは段階 {step} で一時停止し、人の判断を待っています：{reason}",
    ),
    "rollout_promoted": (
        "The candidate was promoted and is active, as revision {revision}.",
        "候補は昇格し、リビジョン {revision} として適用中です。",
    ),
    "rollout_superseded": (
        "The candidate was promoted as revision {revision}, and something else was made active since: this leads to "
        "stop.",
        "候補はリビジョン {revision} として昇格しましたが、その後ほかのスナップショットが適用されました。"
        "この案件は停止に向かいます。",
    ),
    "rollout_aborted": (
        "The rollout was aborted: {reason}. Stop, or attach its retry.",
        "ロールアウトは中止されました：{reason}。案件を停止するか、やり直したロールアウトを加えてください。",
    ),
    "rollout_failed": (
        "A guardrail stopped the rollout: {reason}. Stop, or attach its retry.",
        "ガードレールがロールアウトを止めました：{reason}。"
        "案件を停止するか、やり直したロールアウトを加えてください。",
    ),
    "too_early": (
        "Scaling is decided once the candidate was promoted; to stop is possible at any time.",
        "拡大は候補の昇格後に決定できます。停止はいつでも決定できます。",
    ),
    "decision_due": (
        "Decide to scale or to stop, and say why.",
        "拡大か停止かを決定し、理由を記入してください。",
    ),
    "stop_due": (
        "A step did not succeed: decide to stop, and say why.",
        "成功しなかった段階があります。停止を決定し、理由を記入してください。",
    ),
    "decided_scale": ("Decided by {by}: scale. {reason}", "決定：拡大（{by}）。{reason}"),
    "decided_stop": ("Decided by {by}: stop. {reason}", "決定：停止（{by}）。{reason}"),
    "case_closed": ("The case was decided before.", "この段階に進む前に、案件の決定が下されました。"),
}


def sentence(kind: str, code: str, facts: Mapping[str, str], language: str) -> str:
    """Of a step. Raises KeyError for a code that there is no sentence of."""
    japanese = language == "ja"
    if code in _BY_ROLE:
        code = f"{code}_{'small' if kind == 'small_trial' else kind}"
    slots = {"what": _ROLE[kind][japanese], **facts} if kind in _ROLE else facts
    # Reasons are written by others, with or without their last stop.
    given = {
        name: value.rstrip(".。") if name == "reason" and _stops(code) else value
        for name, value in slots.items()
    }
    return SENTENCES[code][japanese].format_map(given)


def _stops(code: str) -> bool:
    """Whether the sentence goes on after the reason."""
    return code in ("rollout_aborted", "rollout_failed")
