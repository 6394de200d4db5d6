"""Because of earlier ratings: what somebody rated before, and how alike that is to what the model is asked about.

Two items are alike to the model if it expects the same people to like them: the correlation of its answers over many
users, after the general level of each user is taken out. An earlier rating speaks for a high answer where the item is
alike and was rated above that user's mean. Works for every recommender, as it only asks.
Paper: Herlocker, Konstan, Riedl, "Explaining collaborative filtering recommendations", 2000.
"""

import numpy as np

from evaluation.explain import Found, Tell
from evaluation.explain._case import Case
from evaluation.explain._network import Network
from recipes import Refusal, Signature

TITLE = "Because of earlier ones"
NAME = "Alike in the model's eyes"
SENTENCE = (
    "Blue: it is alike and was liked, so it speaks for a high rating. Orange: alike but disliked, or the opposite."
)
PAPER = "Herlocker, Konstan, Riedl: Explaining collaborative filtering recommendations, 2000"
SCOPE = "example"
ORDER = 10
CHECKED = True
LOOKS = 4_000
USERS = 64
"""Users over whose expected ratings two items are compared."""
OTHERS = 24
"""Items at random beside the rated ones: they show what each user likes in general."""
MOST = 24
"""Earlier ratings that are asked about, the strongest opinions first."""
SHOWN = 10


def offered(signature: Signature, kinds: frozenset[str]) -> bool:
    """It needs ratings."""
    return signature.task == "recommendation" and bool(kinds)


def explain(case: Case, network: Network, tell: Tell) -> Found:
    """Return for each earlier rating its likeness to the item, times how far it was above the user's mean."""
    user, item = (int(case.inputs[name].ravel()[0]) for name in ("user", "item"))
    earlier, opinions, mean = _earlier(case, user, item)
    tell(0.2, "Asking how other people would rate the same")
    random = np.random.default_rng(case.asked.seed)
    users, items = (int(case.asked.signature.details[name]) for name in ("users", "items"))
    others = 1 + random.permutation(items)[:OTHERS]
    asked = np.concatenate([[item], earlier, others])
    people = 1 + random.permutation(users)[:USERS]
    expected = _expected(case, network, people, asked)
    expected = expected - expected.mean(axis=1, keepdims=True)
    expected = expected - expected.mean(axis=0, keepdims=True)
    norms = np.linalg.norm(expected, axis=0)
    alike = expected[:, 0] @ expected / np.maximum(norms * norms[0], 1e-12)
    alike = alike[1 : 1 + len(earlier)]
    weights = alike * (opinions - mean)
    names = case.asked.encoding.get("items", ())
    order = np.argsort(-np.abs(weights))[:SHOWN]
    rows = [
        {"name": names[number - 1] if 0 < (number := int(earlier[place])) <= len(names) else f"No. {number}",
         "rating": round(float(opinions[place]), 2), "alike": round(float(alike[place]), 3),
         "value": round(float(weights[place]), 4)}
        for place in order
    ]  # fmt: skip
    about = names[item - 1] if 0 < item <= len(names) else ""
    return Found({"kind": "earlier", "rows": rows, "mean": round(mean, 2), "about": about}, weights)


def _earlier(case: Case, user: int, item: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the items that this user rated in the training part, the ratings, and their mean."""
    train, target = case.asked.prepared.part("train"), case.asked.signature.target
    rows = np.flatnonzero((np.asarray(train.x["user"]).ravel() == user) & (np.asarray(train.x["item"]).ravel() != item))
    if user == 0 or len(rows) < 2:
        raise Refusal(
            "This user rated fewer than two other things in the training part, so there is nothing earlier to lean on. "
            "Choose another example."
        )
    items = np.asarray(train.x["item"]).ravel()[rows]
    ratings = np.asarray(train.y[rows], dtype=np.float64).ravel() * target.scale + target.mean
    mean = float(ratings.mean())
    strongest = np.sort(np.argsort(-np.abs(ratings - mean), kind="stable")[:MOST])
    return items[strongest], ratings[strongest], mean


def _expected(case: Case, network: Network, people: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Return how each of these users would rate each of these items: (users, items)."""
    inputs = {
        "user": np.repeat(people, len(items)).astype("int32"),
        "item": np.tile(items, len(people)).astype("int32"),
    }
    shapes = {name: np.asarray(array).shape[1:] for name, array in case.inputs.items()}
    inputs = {name: array.reshape(len(array), *shapes[name]) for name, array in inputs.items()}
    if "features" in case.inputs:
        inputs["features"] = np.array(case.asked.encoding["features"]["table"], dtype=np.float32)[
            inputs["item"].ravel()
        ]
    return network.outputs(inputs).reshape(len(people), len(items)).astype(np.float64)
