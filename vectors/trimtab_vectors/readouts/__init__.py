"""Read-outs that mean something: live readings independent of the injected vector, judged before they may watch."""

from trimtab_vectors.readouts.discrimination import Discrimination, GuardrailRule, discriminate
from trimtab_vectors.readouts.fitting import fitted_direction, removed_basis
from trimtab_vectors.readouts.probe import Probe, ProbeError
from trimtab_vectors.readouts.reply_states import LIVE_PLACES, PLACES, ReplyStates, replies_with_states
from trimtab_vectors.readouts.report import FAMILIES, ReadoutReport, fit_readouts
from trimtab_vectors.readouts.shadow import shadow_scores, shadow_tokens
from trimtab_vectors.readouts.steering_settings import GoodSetting, steering_settings
from trimtab_vectors.readouts.token_reading import ReadToken, read_tokens

__all__ = [
    "FAMILIES",
    "LIVE_PLACES",
    "PLACES",
    "Discrimination",
    "GoodSetting",
    "GuardrailRule",
    "Probe",
    "ProbeError",
    "ReadToken",
    "ReadoutReport",
    "ReplyStates",
    "discriminate",
    "fit_readouts",
    "fitted_direction",
    "read_tokens",
    "removed_basis",
    "replies_with_states",
    "shadow_scores",
    "shadow_tokens",
    "steering_settings",
]
