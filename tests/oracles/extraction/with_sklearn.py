"""Writes activations.npz, and sklearn.json: what scikit-learn makes of them. See README.md."""

import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).parent


def make_activations():
    rng = np.random.default_rng(20240607)
    layers, pairs, width = 2, 24, 16
    topics = rng.normal(0, 5, (layers, pairs, width))
    sizes = np.geomspace(0.2, 3.0, width)
    positive = topics + rng.normal(0, 1, topics.shape) * sizes
    negative = topics + rng.normal(0, 1, topics.shape) * sizes
    positive[0, :, 3] += 2.5
    positive[1, :, 12] -= 6.0
    return positive.astype(np.float32), negative.astype(np.float32)


def logistic(positive, negative, penalty):
    middle = (positive + negative) / 2
    rows = np.concatenate([positive - middle, negative - middle])
    labels = np.repeat([1, 0], len(positive))
    scale = np.sqrt((rows**2).sum(1).mean())
    probe = LogisticRegression(
        C=penalty, fit_intercept=False, solver="newton-cholesky", tol=1e-12, max_iter=10_000
    )
    probe.fit(rows / scale, labels)
    return (probe.coef_[0] / scale).tolist()


def main():
    positive, negative = make_activations()
    np.savez(HERE / "activations.npz", positive=positive, negative=negative)
    layers = []
    for p, n in zip(positive.astype(np.float64), negative.astype(np.float64), strict=True):
        difference = p - n
        paired = PCA(n_components=1).fit(np.concatenate([difference, -difference]))
        layers.append(
            {
                "pca_of_both_signs": paired.components_[0].tolist(),
                "explained_variance_ratio": float(paired.explained_variance_ratio_[0]),
                "logistic": {str(c): logistic(p, n, c) for c in (1.0, 20.0)},
            }
        )
    record = {"sklearn": sklearn.__version__, "layers": layers}
    (HERE / "sklearn.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
