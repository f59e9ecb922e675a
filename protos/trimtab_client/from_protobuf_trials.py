"""From protobuf messages to `trimtab_client.trial_types`."""

from __future__ import annotations

from google.protobuf.message import Message
from trimtab_protos.v1 import trial_pb2

from trimtab_client import trial_types as types
from trimtab_client.from_protobuf import enum_value, optional, time
from trimtab_client.from_protobuf_rollouts import verdict


def _count(message: Message, field: str) -> int | None:
    """A proto3 optional whole number."""
    return int(getattr(message, field)) if message.HasField(field) else None


def prompt_file(message: trial_pb2.PromptFile) -> types.PromptFile:
    return types.PromptFile(message.name, message.content)


def criteria_file(message: trial_pb2.CriteriaFile) -> types.CriteriaFile:
    return types.CriteriaFile(message.text, message.format)


def draft(message: trial_pb2.TrialDraft) -> types.TrialDraft:
    return types.TrialDraft(
        prompts=prompt_file(message.prompts),
        criteria=criteria_file(message.criteria),
        lanes=tuple(message.lanes),
        snapshot=message.snapshot,
        repeats=message.repeats,
        display_name=message.display_name,
        deployment=message.deployment,
    )


def line(message: trial_pb2.TrialPromptLine) -> types.TrialPromptLine:
    return types.TrialPromptLine(message.language, message.text, message.position)


def lane(message: trial_pb2.TrialLane) -> types.TrialLane:
    return types.TrialLane(
        name=message.name,
        kind=message.kind,
        snapshot=message.snapshot,
        stage=message.stage,
        lines=tuple(line(one) for one in message.lines),
        steering=tuple(message.steering),
    )


def prompt(message: trial_pb2.TrialPrompt) -> types.TrialPrompt:
    return types.TrialPrompt(
        id=message.id,
        prompt=message.prompt,
        system=message.system,
        gold=tuple(message.gold),
        dishonest=tuple(message.dishonest),
        evasions=tuple(message.evasions),
        belief_probes=tuple(message.belief_probes),
        pressure=message.pressure,
        language=message.language,
        group=message.group,
    )


def lock(message: trial_pb2.TrialLock) -> types.TrialLock:
    return types.TrialLock(
        hash=message.hash,
        criteria_hash=message.criteria_hash,
        prompts_hash=message.prompts_hash,
        lanes_hash=message.lanes_hash,
        criteria_json=message.criteria_json,
    )


def lane_progress(message: trial_pb2.LaneProgress) -> types.LaneProgress:
    return types.LaneProgress(
        message.lane, message.rows, dict(message.outcomes), optional(message, "mean_score")
    )


def progress(message: trial_pb2.TrialProgress) -> types.TrialProgress:
    return types.TrialProgress(
        done=message.done,
        planned=message.planned,
        errors=message.errors,
        seconds_left=optional(message, "seconds_left"),
        seconds=message.seconds,
        lanes=tuple(lane_progress(one) for one in message.lanes),
    )


def estimate(message: trial_pb2.TrialEstimate) -> types.TrialEstimate:
    return types.TrialEstimate(
        value=optional(message, "value"),
        low=optional(message, "low"),
        high=optional(message, "high"),
        confidence=message.confidence,
        p=optional(message, "p"),
        prompts=message.prompts,
        groups=message.groups,
        method=message.method,
        note=message.note,
    )


def lane_figures(message: trial_pb2.TrialLaneFigures) -> types.TrialLaneFigures:
    by_bootstrap = message.gain_by_bootstrap if message.HasField("gain_by_bootstrap") else None
    return types.TrialLaneFigures(
        lane=message.lane,
        kind=message.kind,
        prompts=message.prompts,
        honest=optional(message, "honest"),
        lie=optional(message, "lie"),
        evade=optional(message, "evade"),
        no_belief=optional(message, "no_belief"),
        level=estimate(message.level),
        gain=estimate(message.gain) if message.HasField("gain") else None,
        gain_by_bootstrap=None if by_bootstrap is None else estimate(by_bootstrap),
        p=optional(message, "p"),
        tokens=message.tokens,
        prompt_tokens=message.prompt_tokens,
        seconds=message.seconds,
    )


def answer(message: trial_pb2.TrialAnswer) -> types.TrialAnswer:
    return types.TrialAnswer(
        question=message.question,
        lane=message.lane,
        against=message.against,
        estimate=estimate(message.estimate),
        threshold=message.threshold,
        standing=message.standing,
        more_prompts=_count(message, "more_prompts"),
        pressures=tuple(message.pressures),
    )


def part(message: trial_pb2.TrialPart) -> types.TrialPart:
    return types.TrialPart(
        pressure=message.pressure,
        language=message.language,
        lanes=tuple(lane_figures(one) for one in message.lanes),
        verdict=verdict(message.verdict),
        recommendation=message.recommendation,
        reason=message.reason,
        reason_ja=message.reason_ja,
    )


def result(message: trial_pb2.TrialResult) -> types.TrialResult:
    return types.TrialResult(
        verdict=verdict(message.verdict),
        recommendation=message.recommendation,
        reason=message.reason,
        reason_ja=message.reason_ja,
        more_prompts_needed=_count(message, "more_prompts_needed"),
        lane=message.lane,
        lanes=tuple(lane_figures(one) for one in message.lanes),
        answers=tuple(answer(one) for one in message.answers),
        parts=tuple(part(one) for one in message.parts),
        belief=estimate(message.belief) if message.HasField("belief") else None,
        json=message.json,
    )


def agreement(message: trial_pb2.RatingAgreement) -> types.RatingAgreement:
    return types.RatingAgreement(
        alpha=optional(message, "alpha"),
        low=optional(message, "low"),
        high=optional(message, "high"),
        equal=optional(message, "equal"),
        replies=message.replies,
    )


def rating_progress(message: trial_pb2.RatingProgress) -> types.RatingProgress:
    return types.RatingProgress(
        done=message.done,
        planned=message.planned,
        raters=message.raters,
        rated=message.rated,
        agreement=agreement(message.agreement),
        finished=message.finished,
    )


def rating_reply(message: trial_pb2.RatingReply) -> types.RatingReply:
    return types.RatingReply(message.key, message.reply, message.grade)


def rating_sheet(message: trial_pb2.RatingSheet) -> types.RatingSheet:
    return types.RatingSheet(
        prompt=prompt(message.prompt) if message.HasField("prompt") else None,
        replies=tuple(rating_reply(one) for one in message.replies),
        scale=message.scale,
        rubric=message.rubric,
        progress=rating_progress(message.progress),
    )


def trial(message: trial_pb2.Trial) -> types.Trial:
    return types.Trial(
        name=message.name,
        display_name=message.display_name,
        goal=message.goal,
        state=enum_value(types.TrialState, trial_pb2.TrialState.Name, "TRIAL_STATE_", message.state),
        reason=message.reason,
        lock=lock(message.lock),
        lanes=tuple(lane(one) for one in message.lanes),
        prompt_count=message.prompt_count,
        repeats=message.repeats,
        scorer=message.scorer,
        measure=message.measure,
        progress=progress(message.progress),
        result=result(message.result) if message.HasField("result") else None,
        rating=rating_progress(message.rating) if message.HasField("rating") else None,
        created_by=message.created_by,
        changed_by=message.changed_by,
        create_time=time(message, "create_time"),
        start_time=time(message, "start_time"),
        end_time=time(message, "end_time"),
        expire_time=time(message, "expire_time"),
        lane=message.lane,
        pressures=tuple(message.pressures),
        margin=message.margin,
        prompt_margin=message.prompt_margin,
    )


def row(message: trial_pb2.TrialRow) -> types.TrialRow:
    return types.TrialRow(
        number=message.number,
        prompt_id=message.prompt_id,
        lane=message.lane,
        repeat=message.repeat,
        probe=message.probe,
        reply=message.reply,
        outcome=message.outcome,
        score=optional(message, "score"),
        seed=message.seed,
        prompt_tokens=message.prompt_tokens,
        tokens=message.tokens,
        seconds=message.seconds,
        finish_reason=message.finish_reason,
        measures=dict(message.measures),
        error=message.error,
        key=message.key,
    )


def row_page(message: trial_pb2.ListTrialRowsResponse) -> types.TrialRowPage:
    return types.TrialRowPage(tuple(row(one) for one in message.rows), message.next_page_token, message.total)


def check(message: trial_pb2.CheckTrialResponse) -> types.TrialCheck:
    return types.TrialCheck(
        lock=lock(message.lock),
        lanes=tuple(lane(one) for one in message.lanes),
        prompt_count=message.prompt_count,
        group_count=message.group_count,
        pressures=dict(message.pressures),
        languages=dict(message.languages),
        rows=message.rows,
        seconds=optional(message, "seconds"),
        prompts=tuple(prompt(one) for one in message.prompts),
        remarks=tuple(message.remarks),
        scorer=message.scorer,
        repeats=message.repeats,
    )


def sample(message: trial_pb2.TrialSample) -> types.TrialSample:
    return types.TrialSample(prompt_file(message.prompts), criteria_file(message.criteria))


def event(message: trial_pb2.WatchTrialResponse) -> types.TrialEvent | None:
    match message.WhichOneof("event"):
        case "trial":
            return trial(message.trial)
        case "progress":
            return progress(message.progress)
        case "rows":
            return tuple(row(one) for one in message.rows.rows)
        case _:
            return None


def data(message: trial_pb2.ExportTrialResponse) -> bytes:
    return message.data


def cost_work(message: trial_pb2.CostWork) -> types.CostWork:
    return types.CostWork(message.hours, message.money, message.monthly)


def fine_tune_figures(message: trial_pb2.FineTuneFigures) -> types.FineTuneFigures:
    return types.FineTuneFigures(
        work=cost_work(message.work),
        gpu_hours=message.gpu_hours,
        gpu_hourly_rate=message.gpu_hourly_rate,
        examples=message.examples,
        price_per_example=message.price_per_example,
        bad_rate=optional(message, "bad_rate"),
    )


def cost_figures(message: trial_pb2.CostFigures) -> types.CostFigures:
    return types.CostFigures(
        currency=message.currency,
        prompt_token_price=message.prompt_token_price,
        reply_token_price=message.reply_token_price,
        hourly_rate=message.hourly_rate,
        concurrency=optional(message, "concurrency"),
        monthly_replies=message.monthly_replies,
        exposed_share=optional(message, "exposed_share"),
        incident_share=optional(message, "incident_share"),
        incident_cost=message.incident_cost,
        wage=message.wage,
        months=_count(message, "months"),
        prompt_work=cost_work(message.prompt_work) if message.HasField("prompt_work") else None,
        steering_work=cost_work(message.steering_work) if message.HasField("steering_work") else None,
        fine_tune=fine_tune_figures(message.fine_tune) if message.HasField("fine_tune") else None,
    )


def cost_range(message: trial_pb2.CostRange) -> types.CostRange:
    return types.CostRange(message.value, message.low, message.high)


def cost_option(message: trial_pb2.CostOption) -> types.CostOption:
    return types.CostOption(
        name=message.name,
        bad_rate=message.bad_rate,
        setup=message.setup,
        running=message.running,
        prevented=cost_range(message.prevented),
        saved=cost_range(message.saved),
        net=cost_range(message.net),
        horizon=cost_range(message.horizon),
        payback_months=optional(message, "payback_months"),
        slowest_payback_months=optional(message, "slowest_payback_months"),
        break_even_incident_cost=optional(message, "break_even_incident_cost"),
        break_even_replies=optional(message, "break_even_replies"),
        assumed=message.assumed,
        dominated_by=message.dominated_by,
    )


def cost_increment(message: trial_pb2.CostIncrement) -> types.CostIncrement:
    return types.CostIncrement(
        option=message.option,
        against=message.against,
        extra_cost=message.extra_cost,
        extra_effect=estimate(message.extra_effect),
        cost_per_prevented=estimate(message.cost_per_prevented),
        dominated=message.dominated,
    )


def cost(message: trial_pb2.TrialCost) -> types.TrialCost:
    return types.TrialCost(
        currency=message.currency,
        months=message.months,
        base_rate=message.base_rate,
        best=message.best,
        options=tuple(cost_option(one) for one in message.options),
        increments=tuple(cost_increment(one) for one in message.increments),
    )
