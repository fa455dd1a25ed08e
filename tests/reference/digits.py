"""Makes src/data/digits.bin from scikit-learn's copy of the UCI digits (CC BY 4.0), and
digits.json beside this script: numbers that numpy computes of digits and wine.

    pip install scikit-learn
    python tests/reference/digits.py
"""

import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits, load_wine
from sklearn.preprocessing import StandardScaler

here = Path(__file__).parent
digits = load_digits()
pixels = digits.data.astype(np.uint8)
assert pixels.shape == (1797, 64) and (pixels == digits.data).all() and pixels.max() == 16
labels = digits.target.astype(np.uint8)
(here / "../../src/data/digits.bin").write_bytes(pixels.tobytes() + labels.tobytes())

scaled = digits.data / 16
wine = load_wine()
scaler = StandardScaler().fit(wine.data)
numbers = {
    "digits": {
        "class_counts": np.bincount(labels).tolist(),
        "mean": scaled.mean(),
        "std": scaled.std(),
        "last_image": pixels[-1].tolist(),
        "last_label": int(labels[-1]),
    },
    "wine": {
        "columns": list(wine.feature_names),
        "mean": scaler.mean_.tolist(),
        "std": scaler.scale_.tolist(),
        "first_row": scaler.transform(wine.data)[0].tolist(),
        "last_row": scaler.transform(wine.data)[-1].tolist(),
    },
}
(here / "digits.json").write_text(json.dumps(numbers, indent=1) + "\n")
