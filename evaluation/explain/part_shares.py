"""Each part's share: a part of a mixed row (picture, numbers, text) is replaced by those of other rows.

What the answer loses on average is what the part said; parts may say the same, so the shares need not add up.
Paper: Štrumbelj, Kononenko, "Explaining prediction models and individual predictions with feature contributions", 2014,
section 3, for whole parts.
"""

import numpy as np

from evaluation.explain import Found, Tell
from evaluation.explain._case import Case
from evaluation.explain._network import Network
from recipes import Signature

TITLE = "Part by part"
NAME = "Replacing a part"
SENTENCE = "Each part is replaced by those of other rows. Blue: without its own part the answer loses ground."
PAPER = "Štrumbelj, Kononenko: Explaining prediction models and individual predictions, 2014"
SCOPE = "example"
ORDER = 5
CHECKED = True
LOOKS = 100

OTHERS = 32
NAMES = {"picture": "Picture", "features": "Numbers and words", "tokens": "Text", "series": "Series"}


def offered(signature: Signature, kinds: frozenset[str]) -> bool:  # noqa: ARG001 - it only asks
    """It needs several inputs."""
    return signature.data_type == "mixed" and len(signature.inputs) > 1


def explain(case: Case, network: Network, tell: Tell) -> Found:
    """Return how much the answer loses by each part."""
    part = case.validation
    kept = np.random.default_rng(case.asked.seed).permutation(len(part))[:OTHERS]
    told, names = [], list(case.inputs)
    columns = case.asked.signature.details.get("parts", {})
    for number, name in enumerate(names):
        tell(number / len(names), f"Replacing {NAMES.get(name, name).lower()}")
        rows = {key: part.x[key][kept] if key == name else np.repeat(array, len(kept), axis=0)
                for key, array in case.inputs.items()}  # fmt: skip
        said = network.answers(rows)
        said = said.mean(axis=1) if case.answer is None else said[:, case.answer]
        own = float(np.mean(case.said) if case.answer is None else _own(case, network)[case.answer])
        told.append(
            {"name": NAMES.get(name, name), "columns": columns.get(name, []), "value": own - float(said.mean())}
        )
    return Found({"kind": "parts", "parts": told}, np.asarray([each["value"] for each in told]))


def _own(case: Case, network: Network) -> np.ndarray:
    return network.answers(case.inputs)[0]
