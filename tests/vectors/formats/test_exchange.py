"""One door for every format: what a file is, what an importer states, how long written directions are."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from trimtab_vectors.formats.detection import detect_format
from trimtab_vectors.formats.exchange import (
    SUFFIXES,
    WrittenFormat,
    export_vector,
    import_vector,
    model_type_of,
)
from trimtab_vectors.formats.foreign import ForeignDirections, adopt
from trimtab_vectors.formats.safetensors import write_vector
from trimtab_vectors.formats.scale import Scale
from trimtab_vectors.steering_vector import VectorError

from .samples import FINGERPRINT, LAYERS, adoption, sample

FOREIGN: tuple[WrittenFormat, ...] = ("gguf", "svec", "svec_ibm", "layer_pt")
DATA = Path(__file__).parent / "data"


def exported(file_format: WrittenFormat, scale: Scale | None = None, **options: Any) -> bytes:
    scale = scale or Scale.raw_norm()
    return export_vector(sample(), file_format, scale=scale, model_type="llama", **options).content


def field_of(caught: pytest.ExceptionInfo[VectorError]) -> tuple[str, str | None]:
    return caught.value.reason, caught.value.metadata.get("field")


# What a file is --------------------------------------------------------------------------------------------


def test_every_format_is_known_by_its_content() -> None:
    assert detect_format(write_vector(sample())) == "safetensors"
    for file_format in FOREIGN:
        assert detect_format(exported(file_format)) == file_format.removesuffix("_ibm")
    assert detect_format(b' \n{"model_type": "llama"}') == "svec"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "begins with b''"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"\x80\x02}q\x00.", "pickle"),
        (b"\x7fELF" + bytes(40), "begins with"),
        (b"layer,weight\n1,2\n", "begins with"),
    ],
)
def test_another_file_is_refused_with_what_it_is_and_what_is_read(content: bytes, said: str) -> None:
    with pytest.raises(VectorError) as caught:
        detect_format(content)
    assert caught.value.reason == "VECTOR_CORRUPT"
    assert said in str(caught.value) and "GGUF" in str(caught.value)


def test_a_file_that_is_not_what_it_was_said_to_be_is_refused() -> None:
    with pytest.raises(VectorError) as caught:
        import_vector(exported("gguf"), file_format="svec", adoption=lambda found: adoption())
    assert field_of(caught) == ("FIELD_INVALID", "format")


# What an importer states -----------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", FOREIGN)
def test_a_foreign_file_becomes_a_vector_with_what_was_stated(file_format: WrittenFormat) -> None:
    content = exported(file_format)
    imported = import_vector(content, adoption=lambda found: adoption())
    vector, original = imported.vector, sample()
    assert imported.foreign is not None
    assert vector.method == imported.foreign.origin
    assert vector.data_hash == hashlib.sha256(content).hexdigest()
    assert (vector.concept, vector.stage, vector.model) == ("honesty", "stage-07", FINGERPRINT)
    assert (vector.license, vector.display_name, vector.created_by) == (
        "Apache-2.0",
        "brought in",
        "kira@example.com",
    )
    for layer in LAYERS:
        assert float(vector.directions[layer].double().norm()) == pytest.approx(1.0, abs=1e-6)
        torch.testing.assert_close(vector.directions[layer], original.directions[layer], rtol=0, atol=1e-7)
        assert vector.raw_norms[layer] == pytest.approx(original.raw_norms[layer], rel=1e-6)
        assert vector.residual_norms[layer] == 10.0 * (layer + 1)


def test_the_suggested_strength_gives_the_files_own_dose_at_the_middle_layer() -> None:
    vector = import_vector(exported("gguf"), adoption=lambda found: adoption()).vector
    assert vector.suggested is not None
    assert vector.suggested.strength == pytest.approx((0.5 + 3 / 4) / 40.0, rel=1e-6)
    assert (vector.suggested.layers, vector.suggested.positions) == (LAYERS, "all")
    assert vector.suggested.safe_strength is None


def test_no_strength_is_suggested_above_the_cap_or_without_a_unit() -> None:
    small = {layer: 1e-3 for layer in range(12)}
    vector = import_vector(exported("gguf"), adoption=lambda found: adoption(residual_norms=small)).vector
    assert vector.suggested is not None and vector.suggested.strength == 1.0
    zero = dict.fromkeys(range(12), 0.0)
    assert (
        import_vector(exported("gguf"), adoption=lambda found: adoption(residual_norms=zero)).vector.suggested
        is None
    )


def test_a_foreign_file_without_a_statement_is_refused() -> None:
    with pytest.raises(VectorError) as caught:
        import_vector(exported("svec"))
    assert field_of(caught) == ("FIELD_INVALID", "concept")
    for missing in ("concept", "stage"):
        stated = adoption(**{missing: " "})
        with pytest.raises(VectorError) as caught:
            import_vector(exported("svec"), adoption=lambda found, s=stated: s)
        assert field_of(caught) == ("FIELD_INVALID", missing)
    unmeasured = adoption(residual_norms={1: 1.0, 3: 1.0})
    with pytest.raises(VectorError, match=r"layers \[11\]"):
        import_vector(exported("svec"), adoption=lambda found: unmeasured)


def test_nothing_is_asked_for_a_file_that_cannot_be_read() -> None:
    def asked(found: ForeignDirections) -> Any:
        raise AssertionError("a stage would have been measured for nothing")

    with pytest.raises(VectorError):
        import_vector(exported("gguf")[:-40], adoption=asked)
    assert import_vector(write_vector(sample()), adoption=asked).vector == sample()


def test_a_manifest_is_not_contradicted() -> None:
    with pytest.raises(VectorError) as caught:
        import_vector(write_vector(sample()), layer_convention="block_output")
    assert field_of(caught) == ("FIELD_INVALID", "layer_convention")


def test_one_file_under_two_conventions_is_two_vectors() -> None:
    content = (DATA / "repeng-export.gguf").read_bytes()
    as_named, one_before = (
        import_vector(content, layer_convention=convention, adoption=lambda found: adoption()).vector
        for convention in ("block_output", "cvector_generator")
    )
    assert as_named.id != one_before.id
    assert torch.equal(as_named.directions[5], one_before.directions[4])


# How long written directions are ---------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", FOREIGN)
def test_a_scale_has_to_be_said(file_format: WrittenFormat) -> None:
    with pytest.raises(VectorError) as caught:
        export_vector(sample(), file_format, model_type="llama")
    assert field_of(caught) == ("FIELD_INVALID", "scale")


@pytest.mark.parametrize("file_format", FOREIGN)
def test_a_dose_is_written_in_the_models_own_units(file_format: WrittenFormat) -> None:
    content = exported(file_format, Scale.dose(0.35))
    found = import_vector(content, adoption=lambda found: adoption()).vector
    for layer in LAYERS:
        assert found.raw_norms[layer] == pytest.approx(0.35 * 10.0 * (layer + 1), rel=1e-6)


def test_a_negative_dose_turns_the_direction_round() -> None:
    turned = Scale.dose(-0.5).apply(sample())
    for layer, direction in sample().directions.items():
        assert float(turned[layer] @ direction) == pytest.approx(-0.5 * 10.0 * (layer + 1), rel=1e-5)


@pytest.mark.parametrize("strength", [0.0, float("nan"), float("inf")])
def test_a_dose_that_writes_nothing_is_refused(strength: float) -> None:
    with pytest.raises(VectorError) as caught:
        Scale.dose(strength)
    assert field_of(caught) == ("FIELD_INVALID", "strength")


def test_a_strength_without_a_dose_and_an_unknown_scale_are_refused() -> None:
    with pytest.raises(VectorError, match="belongs to the scale"):
        Scale("unit", 0.5)
    with pytest.raises(VectorError, match="unit, raw_norm or dose"):
        Scale("half")  # type: ignore[arg-type]


def test_a_length_that_float32_cannot_hold_is_refused() -> None:
    for norm in (0.0, 1e200):
        vector = sample(raw_norms=dict.fromkeys(LAYERS, norm))
        with pytest.raises(VectorError, match="another scale"):
            Scale.raw_norm().apply(vector)


def test_options_of_one_format_are_refused_by_the_others() -> None:
    with pytest.raises(VectorError) as caught:
        export_vector(sample(), "safetensors", scale=Scale.unit())
    assert field_of(caught) == ("FIELD_INVALID", "scale")
    with pytest.raises(VectorError) as caught:
        exported("layer_pt", drop_layer_zero=True)
    assert field_of(caught) == ("FIELD_INVALID", "drop_layer_zero")
    with pytest.raises(VectorError, match="unknown"):
        export_vector(sample(), "onnx")  # type: ignore[arg-type]


def test_a_dropped_layer_is_reported() -> None:
    vector = sample((0, 2))
    written = export_vector(vector, "gguf", scale=Scale.unit(), model_type="llama", drop_layer_zero=True)
    assert written.dropped_layers == (0,)
    assert export_vector(sample(), "gguf", scale=Scale.unit(), model_type="llama").dropped_layers == ()
    assert set(SUFFIXES) == {"safetensors", *FOREIGN}


def test_a_model_type_is_taken_from_the_class_and_only_from_causal_models() -> None:
    assert model_type_of("LlamaForCausalLM") == "llama"
    assert model_type_of("GPTNeoXForCausalLM") == "gpt_neox"
    for name in ("MyOwnForCausalLM", "os", "pipeline"):
        with pytest.raises(VectorError) as caught:
            model_type_of(name)
        assert field_of(caught) == ("FIELD_INVALID", "model_type")


def test_the_middle_of_an_unmeasured_layer_does_not_hide_that_it_does_not_exist() -> None:
    found = import_vector(exported("svec"), adoption=lambda found: adoption()).foreign
    assert found is not None
    late = ForeignDirections(found.origin, found.content_hash, {40: found.directions[1]}, "block_output")
    with pytest.raises(VectorError) as caught:
        adopt(late, adoption())
    assert caught.value.reason == "LAYER_OUT_OF_RANGE"
