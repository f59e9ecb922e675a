"""Watching a fine-tune while it runs, and acting on it only when told to.

- `callback.SteeringCallback(plan.SteeringPlan(...))` goes into any Hugging Face `Trainer`;
- `journal` reads what it wrote, and needs no torch;
- `twins.run_twins` compares a pushed model with an unpushed twin, in any training loop.
"""
