"""The map of what a network has learned: its last features, or the codes of an encoder, flattened to two dimensions.

At once by the two directions of largest spread (principal components); by t-SNE, which keeps neighbours together, in
some seconds more. Distances far apart mean little on a map by t-SNE, and neither do the sizes of its islands.
Paper: van der Maaten, Hinton, "Visualizing Data using t-SNE", 2008; Pearson, "On Lines and Planes of Closest Fit to
Systems of Points in Space", 1901.
"""

from typing import Any

import numpy as np

from evaluation.explain import Found, Tell
from evaluation.explain._case import Case
from evaluation.explain._network import TOGETHER, Network, tensors
from recipes import Refusal, Signature, keras

TITLE = "Map of what it learned"
NAME = "Features by PCA or t-SNE"
SENTENCE = "Each point is an example; near each other lie those that are alike to the network. Click one to see it."
PAPER = "van der Maaten, Hinton: Visualizing Data using t-SNE, 2008; Pearson: On Lines and Planes of Closest Fit, 1901"
SCOPE = "model"
ORDER = 200
CHECKED = False
LOOKS = 1

FEWEST = 5
MOST = 2_000
ENCODED = ("generation", "reconstruction")


def offered(signature: Signature, kinds: frozenset[str]) -> bool:
    """It needs a core that makes features of single examples, or an encoder."""
    if signature.task in ENCODED and signature.data_type in ("image", "tabular", "series"):
        return True  # whether there is an encoder is seen when it is asked for
    return signature.task in ("classification", "regression", "forecasting") and bool(kinds)


def explain(case: Case, network: Network, tell: Tell) -> Found:
    """Return points (x, y) with class and row number; `settings["by"]` is `pca` or `tsne`."""
    part = case.validation
    if len(part) < FEWEST:
        raise Refusal(f"The validation part has {len(part)} rows; a map needs at least {FEWEST}. Add rows.")
    tell(0.05, "Asking the network for its features")
    features = _features(case, network)
    features = features.reshape(len(features), -1).astype(np.float64)
    by_tsne = case.settings.get("by") == "tsne"
    tell(0.3, "Flattening them")
    points, kept = _tsne(features, case.asked.seed) if by_tsne else _pca(features)
    target, classes = case.asked.signature.target, _classes(case)
    truth = np.ravel(part.y) if np.size(part.y) == len(part) else np.zeros(len(part))
    told: dict[str, Any] = {
        "kind": "map", "by": "tsne" if by_tsne else "pca", "x": np.round(points[:, 0], 3).tolist(),
        "y": np.round(points[:, 1], 3).tolist(), "rows": part.rows.tolist(), "classes": classes,
        "labels": truth.astype(int).tolist() if classes else [], "width": features.shape[1], "kept": kept,
        "values": [] if classes else (truth * target.scale + target.mean).round(4).tolist(),
        "target": target.name,
    }  # fmt: skip
    return Found(told)


def _classes(case: Case) -> list[str]:
    """Name the classes of the points: those that are learned, else those that the data set happens to know."""
    learned, dataset, truth = case.asked.signature.target.classes, case.asked.dataset, case.validation.y
    if learned or dataset is None or not np.issubdtype(np.asarray(truth).dtype, np.integer):
        return list(learned)
    known = list(dataset.schema.classes)
    return known if np.size(truth) and 0 <= int(np.min(truth)) <= int(np.max(truth)) < len(known) else []


def _features(case: Case, network: Network) -> np.ndarray:
    part, encoder = case.validation, case.asked.blueprint.deliverables.get("encoder")
    if encoder is not None:
        model = getattr(encoder, "model", encoder)
        return _in_pieces(part.x, lambda some: keras.tree.flatten(model(some, training=False))[0])
    if case.asked.signature.task in ENCODED:
        raise Refusal("This model has no encoder, so there is no map of it. Look at what it makes instead.")
    first = {name: array[:1] for name, array in part.x.items()}
    place = network.last_features(first)

    def look(some: dict[str, Any]) -> Any:
        seen: list[Any] = []

        def remember(value: Any) -> Any:
            seen[:] = [value]
            return value

        network.walk(some, place, remember)
        return seen[0]

    return _in_pieces(part.x, look)


def _in_pieces(x: dict[str, np.ndarray], ask: Any) -> np.ndarray:
    rows = len(next(iter(x.values())))
    pieces = [np.asarray(ask(tensors({name: array[at : at + TOGETHER] for name, array in x.items()})))
              for at in range(0, rows, TOGETHER)]  # fmt: skip
    return np.concatenate(pieces)


def _pca(features: np.ndarray) -> tuple[np.ndarray, float]:
    """Return points (rows, 2) and the share of the spread that they show."""
    centred = features - features.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.pad(left[:, :2] * size[:2], ((0, 0), (0, max(0, 2 - left.shape[1]))))
    return points, float((size[:2] ** 2).sum() / max(float((size**2).sum()), 1e-12))


def _tsne(features: np.ndarray, seed: int) -> tuple[np.ndarray, float | None]:
    from sklearn.manifold import TSNE

    spread = features.std(axis=0)
    even = (features - features.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    perplexity = min(30.0, max(2.0, (len(even) - 1) / 3))
    return TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(even), None
