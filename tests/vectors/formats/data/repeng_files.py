"""Made repeng-export.gguf and repeng-read.json beside it, with repeng 0.4.0 in an environment of its own.

    python -m venv repeng && repeng/bin/pip install torch==2.13.0 repeng==0.4.0
    repeng/bin/python repeng_files.py

`repeng-export.gguf` is what repeng's ControlVector.export_gguf writes of the directions below, and
`repeng-read.json` what its import_gguf finds in `trimtab.gguf`, which a test writes again to the byte.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from repeng import ControlVector

HERE = Path(__file__).parent


def exported() -> None:
    rng = np.random.default_rng(2026)
    # repeng runs through the layers from the last to the second, and writes them in that order.
    directions = {layer: rng.standard_normal(10).astype(np.float32) for layer in range(11, 0, -1)}
    ControlVector("llama", directions).export_gguf(HERE / "repeng-export.gguf")


def read() -> None:
    found = ControlVector.import_gguf(HERE / "trimtab.gguf")
    record = {
        "versions": {name: version(name) for name in ("repeng", "gguf", "numpy", "torch")},
        "model_type": found.model_type,
        "directions": {str(layer): np.asarray(d).tolist() for layer, d in found.directions.items()},
        "dtypes": sorted({str(d.dtype) for d in found.directions.values()}),
    }
    (HERE / "repeng-read.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    exported()
    read()
