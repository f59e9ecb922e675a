"""What the dock says of a vector: its sweep with the safe range, its card, its file."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from scripted_measurements import MADE, measurement
from scripted_server import FOREIGN, HONESTY, SWAPPED, ScriptedServer
from trimtab_client import Progress
from trimtab_client.types import Vector
from trimtab_gui.models.extraction_words import phase_text, quality, spans
from trimtab_gui.models.measurements import Scope, layers_of
from trimtab_gui.models.vector_files import FORMATS
from trimtab_gui.views.vector_row import VectorDetails
from trimtab_protos.v1 import vector_pb2


def details(client: Client, name: str) -> VectorDetails:
    row = client.window.chat.dock.row(name)
    row.details_button.setChecked(True)
    assert row.details is not None
    return row.details


def sent(server: ScriptedServer, kind: type) -> list:
    return [own for own in server.vectors.requests if isinstance(own, kind)]


def test_an_unmeasured_vector_says_so_and_is_measured_from_there(
    connected: Client, scripted: ScriptedServer
) -> None:
    panel = details(connected, HONESTY).panel
    connected.wait(lambda: connected.workspace.measurements.is_known(HONESTY))
    assert panel.empty.isVisible() and "Not measured yet" in panel.empty.text()
    assert not panel.tabs.isVisible()
    scripted.vectors.hold.clear()
    QTest.mouseClick(panel.measure_button, Qt.MouseButton.LeftButton)
    connected.wait(lambda: "2 of 8" in panel.progress.text)
    assert "about 30 s left" in panel.progress.text
    scripted.vectors.hold.set()
    connected.wait(lambda: panel.tabs.isVisible())
    assert not panel.progress.isVisible() and not panel.empty.isVisible()
    (request,) = sent(scripted, vector_pb2.MeasureVectorRequest)
    # Held-out pairs are told apart best at layer 3.
    assert [list(group.layers) for group in request.layers] == [[3], [2, 3], [3, 4]]
    assert request.questions_per_kind == 0


def test_a_measured_vector_shows_its_curve_with_the_safe_range_and_what_is_recommended(
    connected: Client, scripted: ScriptedServer
) -> None:
    scripted.vectors.measured[HONESTY] = measurement(HONESTY)
    panel = details(connected, HONESTY).panel
    connected.wait(lambda: panel.measurement is not None)
    sweep = panel.sweep
    assert "✓ Recommended: strength 0.35 at layers 2–3; safe up to 0.35." in sweep.findings.text
    assert "88% instead of 2%" in sweep.findings.text
    assert sweep.curve is not None and sweep.curve.layers == (2, 3)
    assert sweep.plot.safe_range == (0.0, 0.35) and sweep.plot.recommended == 0.35
    assert [sweep.table.model().index(row, 0).data() for row in range(4)] == ["0.10", "0.20", "0.35", "0.50"]
    assert sweep.table.model().index(3, 4).data() == "loss of knowledge"
    sweep.layer_choice.setCurrentIndex(0)
    assert sweep.plot.safe_range == (0.0, 0.2) and sweep.plot.recommended is None
    assert "2" in sweep.plot.accessibleName()


def test_a_point_of_the_curve_is_used_where_it_was_measured(
    connected: Client, scripted: ScriptedServer
) -> None:
    scripted.vectors.measured[HONESTY] = measurement(HONESTY)
    panel = details(connected, HONESTY).panel
    connected.wait(lambda: panel.measurement is not None)
    assert not panel.sweep.use_button.isEnabled()
    panel.sweep.table.selectRow(1)
    assert panel.sweep.use_button.text() == "Use strength 0.20"
    QTest.mouseClick(panel.sweep.use_button, Qt.MouseButton.LeftButton)
    draft = connected.workspace.steering.draft(HONESTY)
    assert (draft.enabled, draft.strength, draft.layers) == (True, 0.2, (2, 3))


def test_the_card_says_what_a_vector_resembles_and_what_it_moves(
    connected: Client, scripted: ScriptedServer
) -> None:
    scripted.vectors.measured[HONESTY] = measurement(HONESTY)
    panel = details(connected, HONESTY).panel
    connected.wait(lambda: panel.measurement is not None)
    card = panel.card
    assert "changes on 9% of 128 prompts" in card.findings.text
    # Beyond chance and not weak: length alone.
    assert "length −0.30" in card.findings.text and "refusal" not in card.findings.text
    assert "“760”" in card.raised.text() and "“never”" in card.lowered.text()
    assert "the side to steer towards" in card.texts.text()
    verdicts = {
        card.table.model().index(row, 0).data(): card.table.model().index(row, 3).data() for row in range(3)
    }
    assert verdicts == {
        "length": "⚠ beyond chance",
        "refusal": "no clear direction here",
        "language": "✓ as by chance",
    }


def test_where_nothing_is_recommended_it_says_why(connected: Client, scripted: ScriptedServer) -> None:
    scripted.vectors.measured[HONESTY] = measurement(HONESTY, recommended=False)
    panel = details(connected, HONESTY).panel
    connected.wait(lambda: panel.measurement is not None)
    assert "Nothing is recommended" in panel.sweep.findings.text
    assert "loss of knowledge" in panel.sweep.findings.text
    assert "Measure with all of them" in panel.sweep.findings.text
    assert panel.sweep.plot.safe_range is None


def test_one_vector_is_measured_at_a_time_and_it_can_be_stopped(
    connected: Client, scripted: ScriptedServer
) -> None:
    first, second = details(connected, HONESTY).panel, details(connected, SWAPPED).panel
    scripted.vectors.hold.clear()
    first.measure_button.click()
    connected.wait(lambda: connected.workspace.measurements.progress is not None)
    assert not second.measure_button.isEnabled() and "Another" in second.measure_button.toolTip()
    first.cancel_button.click()
    connected.wait(lambda: scripted.vectors.cancelled == ["MeasureVector"])
    assert second.measure_button.isEnabled() and first.empty.isVisible()


def test_a_refused_measurement_is_told_in_words(connected: Client, scripted: ScriptedServer) -> None:
    scripted.vectors.refuse = "QUESTIONS_MISSING"
    panel = details(connected, HONESTY).panel
    panel.measure_button.click()
    connected.wait(lambda: panel.fault.isVisible())
    assert "no questions with known answers" in panel.fault.text()


def test_a_vector_of_another_model_is_not_measured(connected: Client, scripted: ScriptedServer) -> None:
    panel = details(connected, FOREIGN).panel
    assert not panel.measure_button.isEnabled()
    assert not connected.workspace.measurements.is_known(FOREIGN)


# Files --------------------------------------------------------------------------------------------------------


def test_our_own_file_is_imported_at_once(
    connected: Client, scripted: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "v.safetensors"
    path.write_bytes(b"weights")
    importer = connected.window.chat.dock.importer
    importer.take(str(path))
    connected.wait(lambda: connected.workspace.steering.vector(MADE) is not None)
    assert "✓ Imported" in importer.message.text()
    (request,) = sent(scripted, vector_pb2.ImportVectorRequest)
    assert (request.content, request.format, request.stage) == (b"weights", "safetensors", "")


def test_another_tools_file_is_imported_once_the_rest_is_said(
    connected: Client, scripted: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "honest.gguf"
    path.write_bytes(b"GGUF")
    importer = connected.window.chat.dock.importer
    importer.take(str(path))
    assert importer.concept_field.isVisible() and importer.convention_choice.isVisible()
    assert not importer.import_button.isEnabled()
    QTest.keyClicks(importer.concept_field, "honesty")
    importer.convention_choice.setCurrentIndex(2)
    QTest.mouseClick(importer.import_button, Qt.MouseButton.LeftButton)
    connected.wait(lambda: connected.workspace.steering.vector(MADE) is not None)
    (request,) = sent(scripted, vector_pb2.ImportVectorRequest)
    assert (request.format, request.concept, request.layer_convention) == (
        "gguf",
        "honesty",
        "cvector_generator",
    )
    assert request.stage == connected.workspace.steering.stage
    assert not importer.concept_field.isVisible()


def test_a_layer_file_is_sent_as_the_archive_that_the_server_takes(
    connected: Client, scripted: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "layer_3.pt"
    path.write_bytes(b"tensor")
    importer = connected.window.chat.dock.importer
    importer.take(str(path))
    assert not importer.convention_choice.isVisible()
    QTest.keyClicks(importer.concept_field, "calm")
    importer.submit()
    connected.wait(lambda: bool(sent(scripted, vector_pb2.ImportVectorRequest)))
    (request,) = sent(scripted, vector_pb2.ImportVectorRequest)
    with zipfile.ZipFile(io.BytesIO(request.content)) as archive:
        assert archive.namelist() == ["layer_3.pt"] and archive.read("layer_3.pt") == b"tensor"


def test_a_file_that_cannot_be_imported_says_what_is_wrong(
    connected: Client, scripted: ScriptedServer, tmp_path: Path
) -> None:
    importer = connected.window.chat.dock.importer
    for name, content, says in (
        ("v.pickle", b"x", ".safetensors, .gguf"),
        ("v.safetensors", b"broken", "the header is cut off"),
        ("missing.gguf", None, "missing.gguf"),
    ):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        importer.take(str(path))
        connected.wait(lambda says=says: says in importer.message.text())
        assert importer.message.text().startswith("✗ ")
    assert len(sent(scripted, vector_pb2.ImportVectorRequest)) == 1, "the others never reached the server"


def test_a_vector_is_exported_in_the_format_of_the_suffix(
    connected: Client, scripted: ScriptedServer, tmp_path: Path
) -> None:
    own = details(connected, HONESTY)
    message = connected.window.chat.dock.importer.message
    for suffix, form in FORMATS.items():
        if suffix == ".pt":
            continue
        path = tmp_path / f"honest{suffix}"
        own.export(str(path))
        connected.wait(lambda path=path: str(path) in message.text())
        assert path.read_bytes() == b"vector as " + form.encode()
        request = sent(scripted, vector_pb2.ExportVectorRequest)[-1]
        assert request.scale == ("" if form == "safetensors" else "raw_norm")
        assert ("layer 0" in message.text()) == (form == "gguf")


# Words --------------------------------------------------------------------------------------------------------


def a_vector(**figures: tuple[float, ...]) -> Vector:
    return Vector(
        name=HONESTY,
        display_name="honesty",
        concept="honesty",
        stage="stage-11",
        model_fingerprint="",
        method="diff_mean",
        data_hash="",
        hidden_size=4,
        layers=(1, 2),
        raw_norms=(),
        residual_norms=(),
        pair_accuracies=figures.get("pair_accuracies", ()),
        created_by="",
        create_time=None,
        license="",
        compatible=True,
        suggested_strength=0.0,
        suggested_layers=(),
        safe_strength=0.0,
        snapshot_count=0,
        noise_ceilings=figures.get("noise_ceilings", ()),
        separations=figures.get("separations", ()),
    )


def test_figures_are_put_into_words_at_the_layer_that_reads_best(qapp: object) -> None:
    good, ceiling = quality(
        a_vector(separations=(1.0, 3.0), pair_accuracies=(0.99, 0.93), noise_ceilings=(0.9, 0.4)), 128
    )[:2]
    assert (good.text, good.tone) == (
        "Separates the two sides in 93 of 100 held-out pairs (layer 2).",
        "good",
    )
    assert ceiling.tone == "warning" and "0.40" in ceiling.text
    few = quality(a_vector(pair_accuracies=(0.8, 0.8)), 12)
    assert [own.tone for own in few] == ["warning", "warning"] and "Only 12 pairs" in few[1].text
    none = quality(a_vector(), 0)
    assert "No pairs were held out" in none[0].text


def test_places_to_measure_lie_around_the_layer_that_reads_best() -> None:
    vector = a_vector(separations=(1.0, 3.0))
    assert layers_of(vector, Scope.USUAL) == ((2,), (1, 2))
    assert layers_of(vector, Scope.GLANCE) == ((1, 2),)
    assert layers_of(vector, Scope.THOROUGH) == ()


def test_layers_are_written_as_people_write_them(qapp: object) -> None:
    assert spans((4, 1, 2, 3, 7)) == "1–4, 7"


def test_an_unknown_phase_is_shown_as_the_server_calls_it(qapp: object) -> None:
    assert phase_text(Progress(1, 2, "polishing")) == "polishing"
