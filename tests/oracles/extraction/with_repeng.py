"""Writes repeng.json: the directions of repeng's `read_representations`, mode pca_center. See README.md.

repeng gets its states from a model; here they come from activations.npz, and nothing else of it is changed.
"""

import importlib.metadata
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import repeng.extract as extract
from repeng import DatasetEntry

HERE = Path(__file__).parent


def main():
    stored = np.load(HERE / "activations.npz", allow_pickle=False)
    positive, negative = stored["positive"], stored["negative"]
    layers, pairs, width = positive.shape
    interleaved = {
        layer: np.stack([positive[layer], negative[layer]], axis=1).reshape(2 * pairs, width)
        for layer in range(layers)
    }
    extract.model_layer_list = lambda model: [None] * layers
    extract.batched_get_hiddens = lambda *arguments: {k: v.copy() for k, v in interleaved.items()}
    directions = extract.read_representations(
        SimpleNamespace(config=SimpleNamespace(num_hidden_layers=layers)),
        None,
        [DatasetEntry(positive="", negative="")] * pairs,
        hidden_layers=list(range(layers)),
        method="pca_center",
    )
    record = {
        "repeng": importlib.metadata.version("repeng"),
        "numpy": np.__version__,
        "pca_center": [directions[layer].tolist() for layer in range(layers)],
    }
    (HERE / "repeng.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
