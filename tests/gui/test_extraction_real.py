"""The wizard against the real server process on the shipped model: from a table of pairs to a steered reply."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from real_server import running_server
from trimtab_gui.models.conversation import LaneKind
from trimtab_gui.models.extraction_template import template
from trimtab_gui.models.measurements import Scope

# Looked for, not imported: the client's process stays free of torch.
pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="the server is not installed here")


def test_a_vector_is_made_measured_and_used_without_a_terminal(client: Client, tmp_path: Path) -> None:
    pairs = tmp_path / "own.csv"
    pairs.write_bytes(template())
    with running_server(tmp_path) as server:
        client.connect(*server)
        client.workspace.commands.run("vectors.extract")
        wizard = client.window.vector_actions.wizard
        assert wizard is not None
        client.wait(lambda: len(wizard.model.sets) == 3, timeout=60_000)
        wizard.model.take_file(pairs)
        client.wait(lambda: wizard.model.review is not None, timeout=60_000)
        # What the template holds, read by the server the way it is extracted from.
        assert "12 pairs about 6 statements" in wizard.concept.summary.text()
        QTest.keyClicks(wizard.concept.concept_field, "honesty")
        for _ in range(3):
            QTest.keyClick(wizard, Qt.Key.Key_Return)
        assert wizard.page is wizard.run
        wizard.run.start_button.click()
        client.wait(lambda: wizard.model.vector is not None, timeout=120_000)
        vector = wizard.model.vector
        assert vector is not None and vector.layers == (0, 1, 2, 3, 4, 5)
        assert "pairs were held out" in wizard.run.findings.text, "two or so held-out pairs show nothing"
        wizard.go_on()
        panel = wizard.sweep.panel
        panel.scope_choice.setCurrentIndex(panel.scope_choice.findData(Scope.GLANCE))
        panel.measure()
        client.wait(lambda: panel.measurement is not None, timeout=180_000)
        measured = panel.measurement
        assert measured is not None and measured.question_count == 48
        assert len(measured.curves) == 1 and measured.curves[0].points[0].strength == 0.1
        assert measured.recommended is None, "48 questions cannot show that a strength is safe"
        assert "Too few questions" in panel.sweep.findings.text
        assert measured.card is not None and wizard.model.review is not None
        assert measured.card.contexts == 2 * wizard.model.review.dev_count, "both sides of what was held out"
        wizard.go_on()
        client.wait(lambda: wizard.done_page.use_button.isEnabled())
        wizard.done_page.use_button.click()
        wizard.close()
        conversation = client.workspace.conversation
        conversation.send("Is the warranty five years?")
        client.wait(lambda: not conversation.is_busy, timeout=60_000)
        steered = next(lane for lane in conversation.lanes if lane.setup.kind is LaneKind.STEERED)
        started = steered.turns[-1].started
        assert started is not None, steered.turns[-1].failure
        (term,) = client.workspace.steering.steering().terms
        assert term.vector == vector.name and term.strength == 0.2
        client.window.close()
