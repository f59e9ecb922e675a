"""The vectors dock: doses, warnings, and what is pending against what is active."""

from __future__ import annotations

from driven_client import Client
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from scripted_server import FOREIGN, HONESTY, STAGE, SWAPPED, ScriptedServer
from trimtab_client.to_protobuf import steering_term
from trimtab_gui.views.strength_slider import StrengthSlider
from trimtab_protos.v1 import snapshot_pb2, steering_pb2


def texts(client: Client, name: str) -> str:
    from PySide6.QtWidgets import QLabel

    return " ".join(label.text() for label in client.window.chat.dock.row(name).findChildren(QLabel))


def test_the_first_vector_with_a_suggestion_is_on_when_nothing_is_released(connected: Client) -> None:
    steering = connected.workspace.steering
    assert steering.enabled_names() == (HONESTY,)
    assert steering.draft(HONESTY).strength == 0.54


def test_slider_and_spin_box_are_one(connected: Client) -> None:
    row = connected.window.chat.dock.row(HONESTY)
    row.editor.slider.setValue(30)
    assert row.editor.spin.value() == 0.30
    row.editor.spin.setValue(0.42)
    assert row.editor.slider.value() == 42
    assert connected.workspace.steering.draft(HONESTY).strength == 0.42


def test_double_click_goes_back_to_the_suggested_strength(connected: Client) -> None:
    row = connected.window.chat.dock.row(HONESTY)
    row.editor.slider.setValue(-20)
    QTest.mouseDClick(row.editor.slider, Qt.MouseButton.LeftButton)
    assert connected.workspace.steering.draft(HONESTY).strength == 0.54


def test_dragging_near_zero_snaps_to_zero_while_the_keyboard_reaches_every_step(connected: Client) -> None:
    slider: StrengthSlider = connected.window.chat.dock.row(HONESTY).editor.slider
    middle = QPoint(slider.width() // 2 + 1, slider.height() // 2)
    QTest.mouseClick(slider, Qt.MouseButton.LeftButton, pos=middle)
    assert slider.value() == 0
    QTest.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value() == 1


def test_a_dose_above_the_safe_range_is_called_out(connected: Client) -> None:
    connected.workspace.steering.set_strength(HONESTY, 0.9)
    assert "Above the safe range (up to 0.70)" in texts(connected, HONESTY)
    connected.workspace.steering.set_strength(HONESTY, 0.5)
    assert "Above" not in texts(connected, HONESTY)


def test_a_vector_of_another_model_is_off_until_forced(connected: Client) -> None:
    row = connected.window.chat.dock.row(FOREIGN)
    assert not row.switch.isEnabled() and "another model" in texts(connected, FOREIGN)
    row.force.setChecked(True)
    assert row.switch.isEnabled()
    row.switch.setChecked(True)
    connected.workspace.steering.set_strength(FOREIGN, 0.1)
    term = next(t for t in connected.workspace.steering.steering().terms if t.vector == FOREIGN)
    assert term.force


def test_another_stage_is_loaded_and_marks_vectors_of_the_first(connected: Client) -> None:
    dock = connected.window.chat.dock
    index = dock.stage_choice.findText("stage-03", Qt.MatchFlag.MatchStartsWith)
    dock.stage_choice.activated.emit(index)
    steering = connected.workspace.steering
    assert steering.stage.endswith("stage-03")
    assert "another stage" in texts(connected, HONESTY)
    connected.wait(lambda: "not loaded" not in dock.stage_choice.currentText())


def test_what_is_active_and_what_is_only_set_here_are_told_apart(
    connected: Client, scripted: ScriptedServer
) -> None:
    name = scripted.add_snapshot("honest", _steering(0.54))
    scripted.activate(name, snapshot_pb2.REVISION_KIND_ACTIVATE, "other", "test")
    steering = connected.workspace.steering
    connected.wait(lambda: steering.active is not None and steering.active.display_name == "honest")
    assert "Active: 0.54" in texts(connected, HONESTY)
    assert not steering.differs_from_active
    steering.set_strength(HONESTY, 0.3)
    assert steering.differs_from_active
    assert "Here: 0.30, not released" in texts(connected, HONESTY)
    QTest.mouseClick(connected.window.chat.dock.revert_button, Qt.MouseButton.LeftButton)
    assert steering.draft(HONESTY).strength == 0.54 and not steering.differs_from_active


def test_how_a_snapshot_steers_is_kept_when_only_its_strength_is_changed_here(
    connected: Client, scripted: ScriptedServer
) -> None:
    clamp = steering_pb2.SteeringTerm(
        vector=HONESTY,
        strength=0.5,
        layers=[3],
        operator=steering_pb2.OPERATOR_CLAMP,
        positions=steering_pb2.POSITIONS_REPLY,
        level=0.75,
        bound=steering_pb2.BOUND_AT_LEAST,
        preserve_state_norm=steering_pb2.PRESERVE_STATE_NORM_GROWN,
        condition=steering_pb2.Condition(
            vector=SWAPPED, layer=1, threshold=0.25, opens=steering_pb2.OPENS_SCORE_BELOW
        ),
    )
    name = scripted.add_snapshot("clamped", steering_pb2.Steering(stage=STAGE, terms=[clamp]))
    scripted.activate(name, snapshot_pb2.REVISION_KIND_ACTIVATE, "other", "test")
    steering = connected.workspace.steering
    connected.wait(lambda: steering.active is not None and steering.active.display_name == "clamped")
    assert steering.differs_from_active
    steering.reset_to_active()
    assert not steering.differs_from_active
    steering.set_strength(HONESTY, 0.25)
    (term,) = steering.steering().terms
    clamp.strength = 0.25
    assert steering_term(term) == clamp


def test_a_swapped_vector_may_be_used_like_any_other(connected: Client) -> None:
    connected.workspace.steering.set_strength(SWAPPED, 0.2)
    assert set(connected.workspace.steering.enabled_names()) == {HONESTY, SWAPPED}


def _steering(strength: float) -> object:
    return steering_pb2.Steering(
        stage=STAGE,
        terms=[
            steering_pb2.SteeringTerm(
                vector=HONESTY,
                strength=strength,
                layers=[3],
                operator=steering_pb2.OPERATOR_ADD,
                positions=steering_pb2.POSITIONS_ALL,
            )
        ],
    )
