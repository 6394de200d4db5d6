"""Styling: the model paints a picture in the style of another one.

There is one picture only, so nothing is sealed: the report judges the whole picture of which the model saw pieces, and
says so. The scores are shares: of the way from the picture as it was to the painting (style), and of what is shown
(content). Both are told by a frozen network that was trained on a million photos, the same that led the training.
"""

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

import datasets
from builders import Panel
from builders import _seeing as seeing
from evaluation import _rows
from evaluation.asked import Asked, Replying
from recipes import Signature, keras

TITLE = "The picture, painted anew"
SENTENCE = "It paints a picture in the style of another one."
METRICS = {
    "style_taken": (
        "Style taken on",
        "How far colours, strokes and patterns came from the picture (0) to the painting (1).",
        "up",
    ),
    "content_kept": (
        "Content kept",
        "How much of what the picture shows can still be seen: 1 is the picture itself, 0 as unlike as the painting.",
        "up",
    ),
    "style_distance": ("Style distance", "How far the statistics of the style are from those of the painting.", "down"),
    "content_distance": ("Content distance", "How far what is shown is from what the picture shows.", "down"),
}  # fmt: skip
LARGE, MIDDLE, SMALL = 320, 152, 72
"""Longer sides in pixels of the pictures that panels carry, and their widths on the screen."""
MOST_FRAMES = 7
JUDGED_ON = (
    "Judged on the whole picture, of which it saw pieces: with one picture, nothing can be kept back for a test."
)
OTHERS = ("temple-in-swirls", "flower-in-glass", "village-in-waves")
"""Bundled pairs whose pictures show what the painter does with pictures it never saw."""


def finish(signature: Signature, outputs: Any) -> dict[str, Any]:  # noqa: ARG001 - part of the contract
    """Answer the styled picture, 0 to 255, in full precision."""
    return {"styled": keras.layers.Activation("linear", dtype="float32")(outputs["styled"])}


def evidence(asked: Asked) -> Callable[[], list[Panel]]:
    """Paint the whole picture again and again; what it was before stands beside it."""
    content, style = _pair(asked)
    frames = [content]

    def look() -> list[Panel]:
        styled = _painted(asked, content)
        frames.append(styled)
        # From the picture itself to now, evenly thinned out.
        kept = np.unique(np.linspace(0, len(frames) - 1, min(MOST_FRAMES, len(frames))).astype(int))
        told = _pictures([("Painted now", styled)], LARGE)
        told += _pictures([("The picture", content), ("The style", style)], MIDDLE)
        panels = [_panel("The picture forms", "Painted anew after each epoch.", told)]
        strip = [("before" if at == 0 else "now" if at == len(frames) - 1 else "", frames[at]) for at in kept]
        return [*panels, _panel("How it came about", "From the picture itself to now.", _pictures(strip, SMALL))]

    return look


def report(asked: Asked, history: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: ARG001 - part of the contract
    """Judge the painted picture beside the picture as it was and as it is in the painting's colours.

    Also writes `predictions.npz` and `styled.png`.
    """
    signature, test = asked.signature, asked.prepared.part("test")
    content, style = _pair(asked)
    styled = _painted(asked, content)
    Image.fromarray(styled).save(asked.run.folder / "styled.png")
    _rows.write_predictions(asked.run, test.rows, test.y, styled[None])
    coloured = in_colours_of(content, style)
    found = _judged(content, style, {"model": styled, "untouched": content, "coloured": coloured})
    report_ = {
        "task": signature.task,
        "target": signature.target.name,
        "rows": len(test),
        "judged_on": JUDGED_ON,
        "classes": [],
        "metrics": found["model"],
        "intervals": dict.fromkeys(METRICS),
        "baselines": [
            {"name": "colours of the style alone", "metrics": found["coloured"]},
            {"name": "picture untouched", "metrics": found["untouched"]},
        ],
        "panels": _panels(asked, content, style, styled, coloured),
    }
    report_["headline"] = _headline(report_)
    report_["sentences"] = _sentences(report_)
    report_["next"] = _next(report_)
    return report_


def reply(replying: Replying) -> dict[str, Any]:
    """Paint one picture: {"picture", "styled": base64 PNG, "width", "height"}.

    `{"own": true}` in the values stands for the picture of the run itself.
    """
    if replying.values.get("own"):
        row = {"picture": np.asarray(replying.prepared.part("test").x["picture"], dtype=np.float32)}
    else:
        row = replying.row()
    styled = _bytes(replying.answers(row)["styled"][0])
    told = {"picture": _encoded(_bytes(row["picture"][0]), "PNG"), "styled": _encoded(styled, "PNG")}
    return told | {"width": styled.shape[1], "height": styled.shape[0]}


def usage(signature: Signature) -> str:  # noqa: ARG001 - part of the contract
    """Write a few lines of plain Keras that paint a picture and save it."""
    lines = [
        "import keras",
        "import numpy as np",
        "from PIL import Image",
        "",
        'model = keras.saving.load_model("model.keras")',
        'picture = np.array(Image.open("picture.png").convert("RGB"), "float32")[None]',
        'styled = np.asarray(model.predict_on_batch({"picture": picture})["styled"])[0]',
        'Image.fromarray(styled.round().astype("uint8")).save("styled.png")',
    ]
    return "\n".join(lines)


def in_colours_of(content: np.ndarray, style: np.ndarray) -> np.ndarray:
    """Give a picture the mean and the covariance of another's colours, by the one straight map that moves least.

    Both (height, width, 3) uint8. Pitié, Kokaram, "The linear Monge-Kantorovitch linear colour mapping for
    example-based colour transfer", 2007.
    """
    one, other = (each.reshape(-1, 3).astype(np.float64) for each in (content, style))
    spread, wanted = (np.cov(each.T) + np.eye(3) for each in (one, other))
    root = _root(spread)
    back = np.linalg.inv(root)
    mapping = back @ _root(root @ wanted @ root) @ back
    moved = (one - one.mean(axis=0)) @ mapping + other.mean(axis=0)
    return _bytes(moved.reshape(content.shape))


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def _pair(asked: Asked) -> tuple[np.ndarray, np.ndarray]:
    """Return the whole picture and the painting, (height, width, 3) uint8."""
    part = asked.prepared.part("validation")
    return np.asarray(part.x["picture"][0]), np.asarray(part.x["style"][0])


def _painted(asked: Asked, picture: np.ndarray) -> np.ndarray:
    return _bytes(asked.ask_core({"picture": picture[None]})["styled"][0])


def _judged(content: np.ndarray, style: np.ndarray, pictures: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Score pictures of the content's size; shares are of the way between the content and the style."""
    eyes = seeing.eyes()
    wanted = seeing.statistics_of_all(eyes, style[None])
    shown = _shown(eyes, content)

    def style_of(picture: np.ndarray) -> float:
        found = seeing.statistics_of_all(eyes, picture[None])
        distances = [float(each) for each in seeing.style_distances(found, wanted)]
        return sum(distances) / len(distances)

    def content_of(picture: np.ndarray) -> float:
        return float(seeing.content_distance(_shown(eyes, picture), shown))

    unlike = content_of(_as_large(style, content))
    untouched = style_of(content)
    told = {}
    for name, picture in pictures.items():
        style_distance, content_distance = style_of(picture), content_of(picture)
        told[name] = {
            "style_taken": 1 - style_distance / untouched if untouched else 0.0,
            "content_kept": 1 - content_distance / unlike if unlike else 0.0,
            "style_distance": style_distance,
            "content_distance": content_distance,
        }
    return told


def _shown(eyes: Any, picture: np.ndarray) -> Any:
    return seeing.shown_in(eyes(keras.ops.convert_to_tensor(picture[None].astype(np.float32))))


def _as_large(picture: np.ndarray, other: np.ndarray) -> np.ndarray:
    size = (other.shape[1], other.shape[0])
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def _panels(
    asked: Asked, content: np.ndarray, style: np.ndarray, styled: np.ndarray, coloured: np.ndarray
) -> list[Panel]:
    seen = [("The picture", content), ("Painted", styled), ("The style", style)]
    panels = [_panel("The painted picture", "Also in the run's folder, as styled.png.", _pictures(seen, LARGE))]
    others = [(name, _painted(asked, picture)) for name, picture in _others(asked, content)]
    if others:
        sentence = "Pictures that it never saw. It learned from yours alone, so they may suit it less."
        panels.append(_panel("What it makes of other pictures", sentence, _pictures(others, LARGE)))
    sentence = "The yardstick: what is reached by moving the colours only, without a network."
    panels.append(_panel("The colours alone", sentence, _pictures([("Colours of the style", coloured)], LARGE)))
    return panels


def _others(asked: Asked, content: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Return pictures of bundled pairs other than the one it learned from, (height, width, 3)."""
    kind: Any = datasets.get("style")
    own = asked.signature.details["names"]
    side = max(content.shape[:2])
    return [
        (name.capitalize(), np.asarray(kind.sized(Image.fromarray(picture), side)))
        for name, picture in (kind.sample_picture(sample) for sample in OTHERS)
        if name not in own
    ]


def _panel(title: str, sentence: str, pictures: list[dict[str, Any]]) -> Panel:
    return {"kind": "paintings", "title": title, "sentence": sentence, "pictures": pictures}


def _pictures(pictures: list[tuple[str, np.ndarray]], side: int) -> list[dict[str, Any]]:
    return [
        {"caption": caption, "picture": _encoded(picture, "JPEG", side), "width": side} for caption, picture in pictures
    ]


def _encoded(picture: np.ndarray, form: str, side: int = 0) -> str:
    """Return a picture as base64 PNG or JPEG, with at most `side` pixels on its longer side."""
    image = Image.fromarray(picture)
    if side and max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, form, **({"quality": 80} if form == "JPEG" else {}))
    return base64.b64encode(buffer.getvalue()).decode()


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def _headline(report_: dict[str, Any]) -> dict[str, Any]:
    first = report_["baselines"][0]
    return {
        "metric": "style_taken",
        "title": METRICS["style_taken"][0],
        "value": report_["metrics"]["style_taken"],
        "low": None,
        "high": None,
        "baseline": first["name"],
        "baseline_value": first["metrics"]["style_taken"],
        "better": "up",
    }


def _sentences(report_: dict[str, Any]) -> list[str]:
    scores, colours = report_["metrics"], report_["baselines"][0]["metrics"]
    taken, moved = _share(scores["style_taken"]), _share(colours["style_taken"])
    style = f"Colours, strokes and patterns came {taken} of the way to the painting; the colours alone come {moved}."
    content = f"Of what the picture shows, {_share(scores['content_kept'])} can still be seen."
    return [style, content, report_["judged_on"]]


def _share(value: float) -> str:
    return f"{100 * max(0.0, value):.0f}\u00a0%"


def _next(report_: dict[str, Any]) -> str:
    scores = report_["metrics"]
    if scores["style_taken"] <= report_["baselines"][0]["metrics"]["style_taken"]:
        return "It does no better than moving the colours. Train longer, or let the style count more."
    if scores["content_kept"] < 0.25:
        return "Little is left of what the picture shows. Let the content count more."
    if scores["style_taken"] < 0.6:
        return "The strokes are faint still. Train longer, or let the style count more."
    return "Try it on pictures of your own: any picture is painted in one go."
