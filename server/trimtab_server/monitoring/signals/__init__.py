"""The figures a reply leaves behind, one module per idea: what is read, what it can tell and what it cannot."""

from trimtab_server.monitoring.signals.faults import hard_faults
from trimtab_server.monitoring.signals.names import CANARY, FLAGS, Signal
from trimtab_server.monitoring.signals.repeating import loop_tokens, repetition
from trimtab_server.monitoring.signals.reply import reply_signals

__all__ = ["CANARY", "FLAGS", "Signal", "hard_faults", "loop_tokens", "repetition", "reply_signals"]
