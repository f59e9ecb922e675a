"""What the models have to tell, and what they leave to the strip below the bar."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from PySide6.QtCore import QObject, Signal

from trimtab_gui.bridge import Failure


def worth_telling(failure: Failure | None) -> Failure | None:
    """The failure; None where the connection has ended, which is shown once, for the whole window."""
    return None if failure is None or failure.means_connection_ended else failure


OUTCOME_UNKNOWN: Final = "OUTCOME_UNKNOWN"


class TellingModel(QObject):
    """A model whose calls can be refused. `tell` is its only way to `failed`."""

    # Failure, for whoever shows it.
    failed = Signal(object)

    def tell(self, failure: Failure) -> None:
        """Tells of a failure that is worth telling."""
        told = worth_telling(failure)
        if told is not None:
            self.failed.emit(told)

    def tell_of_change(self, failure: Failure) -> None:
        """Tells that something could not be changed; where the connection broke, that nobody knows whether it was."""
        if failure.means_unreachable:
            failure = replace(
                failure,
                reason=OUTCOME_UNKNOWN,
                message="The connection broke before the answer came. Whether it was done shows once it is back.",
            )
        self.tell(failure)
