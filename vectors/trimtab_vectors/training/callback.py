"""The callback for Hugging Face's Trainer, and so for what is built on it (TRL's trainers, PEFT models)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from trimtab_vectors.training.acting import Acting
from trimtab_vectors.training.actions import CompareTwins, Pause
from trimtab_vectors.training.plan import SteeringPlan
from trimtab_vectors.training.watch import Watch


class SteeringCallback(TrainerCallback):
    """Watches a fine-tune by its plan, and acts only where the plan says so.

        Trainer(..., callbacks=[SteeringCallback(plan)])

    At each of the plan's steps it writes a stage that a server can host, extracts its vector, measures, and
    appends to the journal. Without actions the training is the same to the bit as without the callback. To go
    on after a kill or a pause, call `trainer.train(resume_from_checkpoint=...)` with the same plan.

    tokenizer: the Trainer's `processing_class` if None; it needs a chat template where prompts are messages.

    Where several processes train (DDP), the first one measures while the others wait, and no action is
    possible. Sharded models (DeepSpeed, FSDP) are refused.
    """

    def __init__(self, plan: SteeringPlan, tokenizer: Any = None) -> None:
        self.plan, self.tokenizer = plan, tokenizer
        self._watch: Watch | None = None
        self._acting: Acting | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        tokenizer = self.tokenizer if self.tokenizer is not None else kwargs.get("processing_class")
        self._check(args, kwargs["optimizer"], tokenizer)
        self._watch = self._acting = None
        if not state.is_world_process_zero:
            return
        watch = Watch(self.plan, kwargs["model"], tokenizer, state.max_steps)
        watch.begin(state.global_step)
        self._watch = watch
        self._acting = Acting(watch, kwargs["optimizer"], kwargs["lr_scheduler"], args.max_grad_norm or 0.0)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._acting is not None:
            self._acting.before_step(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        if self._watch is None or self._acting is None:
            return control
        step = state.global_step
        self._watch.stop_training()
        self._acting.step_done(step)
        if step in self._watch.due:
            self._watch.stage(step)
            control.should_save = control.should_save or self.plan.checkpoint_stages
        self._acting.consider(step)
        if self._acting.pausing is not None:
            control.should_save = control.should_training_stop = True
        self._watch.start_training()
        return control

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._watch is None or self._acting is None:
            return
        checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if args.save_only_model or not checkpoint.is_dir():
            return
        records = self._watch.path("checkpoint")
        if not any(record["step"] == state.global_step for record in records):
            self._watch.journal.append(
                "checkpoint", state.global_step, self._watch.branch, path=checkpoint.resolve()
            )
        self._acting.saved(checkpoint.resolve(), state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._watch is None or self._acting is None:
            return
        self._acting.end(state.global_step)
        # Stopped early by someone else: the last state is a stage too, unless another one was loaded since.
        stopped = state.global_step not in self._watch.due and self._acting.pausing is None
        if stopped and not args.load_best_model_at_end:
            self._watch.stage(state.global_step)

    def _check(self, args: Any, optimizer: Any, tokenizer: Any) -> None:
        """Raises ValueError for a set-up in which the plan cannot be kept."""
        if tokenizer is None:
            raise ValueError(
                "there is no tokenizer; give the Trainer a processing_class, or the callback one"
            )
        if args.deepspeed or args.fsdp:
            raise ValueError("the model is sharded (DeepSpeed or FSDP), so no process can measure it alone")
        actions = self.plan.actions
        if actions and (args.world_size > 1 or args.n_gpu > 1):
            raise ValueError("actions need one process and one device; plan this run without them")
        if (
            any(isinstance(a, CompareTwins) for a in actions)
            and getattr(optimizer, "scaler", None) is not None
        ):
            raise ValueError("twins cannot be compared under fp16 loss scaling; train in bf16 or fp32")
        needs_checkpoint = self.plan.checkpoint_stages or any(isinstance(a, Pause) for a in actions)
        if needs_checkpoint and args.save_only_model:
            raise ValueError("save_only_model leaves nothing to resume from; a pause needs whole checkpoints")
