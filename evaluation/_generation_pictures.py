"""Generation of pictures: what a decoder or a generator draws, judged by how like real pictures it is and how varied.

Nobody can tell a good drawing by a formula. Three measures stand for it, each named for what it is: the Fréchet
distance between drawings and real pictures in the features of an independent classifier, trained here on the training
part alone (or in principal components where there are no classes); which classes that classifier finds among the
drawings; how near the drawings come to training pictures, so that a copyist is told from an artist.
Fréchet distance of two normal distributions after Dowson, Landau, 1982; between pictures after Heusel and others, 2017.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from builders import Panel, _sheets
from evaluation.asked import Asked, Replying, asking
from recipes import Part, Refusal, Signature, keras

METRICS = {
    "classes_drawn": ("Classes drawn", "The share of the classes that surely appear among 500 drawings.", "up"),
    "distance": (
        "Distance to real pictures",
        "How far 500 drawings lie from the test part: 0 is no difference.",
        "down",
    ),
    "variety": ("Variety", "How different the drawings are from each other; real pictures have 1.", "up"),
    "novelty": ("Novelty", "How far from the nearest training picture; unseen pictures have 1, copies 0.", "up"),
    "sureness": ("Clearness", "How sure an independent classifier is of what a drawing shows, on average.", "up"),
    "obeyed": ("Obeyed", "The share of the drawings that show the class that was asked for.", "up"),
}
DRAWN = 500
LIVE = 192
"""Drawings behind the live distance."""
SHOWN = 8
SURE = 0.9
"""A drawing counts for a class where the classifier is at least so sure of it."""
MOST_REAL = 2_000
COMPONENTS = 24
FRAMES = 12
"""Rows of the film strip; when it is full, every other one is dropped."""
FILM_CHARACTERS = 30_000
MAP_SIDE = 9
COLLAPSED = 0.6
"""Below this variety the drawings look alike. Honest runs on the bundled samples stayed above 0.8."""
JUDGE_STEPS = 600
JUDGE_BATCH = 64
DRAWERS = ("decoder", "generator")


def finish_pictures(signature: Signature, outputs: Any) -> dict[str, Any]:  # noqa: ARG001 - part of the contract
    """Pass an encoder's named answers on, in full precision."""
    return {name: keras.layers.Activation("linear", dtype="float32")(each) for name, each in outputs.items()}


# While it learns


def evidence_pictures(asked: Asked) -> Callable[[], list[Panel]]:
    """Draw from the same seeds again and again; watch the distance to real pictures and the variety."""
    watch = _Watch(asked)

    def look() -> list[Panel]:
        watch.step()
        return [watch.film(), *watch.latent(), *watch.balance(), watch.distances(), watch.varieties()]

    return look


class _Watch:
    """What is remembered from epoch to epoch; a resumed run finds it again in the run's folder."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.draw = asked, Drawer(asked.core, _classes(asked.signature))
        self.encode = asking(asked.blueprint.deliverables["encoder"]) if _has(asked, "encoder") else None
        train, self.part = asked.prepared.part("train"), asked.prepared.part("validation")
        self.straight = Straight.of(_pictures(train, MOST_REAL))
        self.real = self.straight(_pictures(train, MOST_REAL))
        self.codes = self.draw.codes(LIVE, asked.seed)
        self.frames: list[dict[str, Any]] = []
        self.points: list[dict[str, float]] = []
        self.losses: list[dict[str, Any]] = []
        self.read_to, self.epoch, self.stride = 0, 0, 1
        for panel in (asked.run.read("evidence.json") or {}).get("panels", ()):
            if panel["kind"] == "film":
                self.frames = panel["frames"]
            if panel.get("name") == "distances":
                self.points = panel["memory"]

    def step(self) -> None:
        """Draw, measure, and take a frame where it is time for one."""
        lines, self.read_to = self.asked.run.lines("metrics", self.read_to)
        self.losses += [line for line in lines if line.get("end")]
        self.epoch = int(self.losses[-1]["epoch"]) if self.losses else self.epoch + 1
        self.frames = [frame for frame in self.frames if frame["epoch"] < self.epoch]
        self.points = [point for point in self.points if point["epoch"] < self.epoch]
        drawings = self.draw(self.codes)
        drawn = self.straight(drawings)
        self.points.append({
            "epoch": self.epoch, "distance": frechet(self.real, drawn), "variety": spread(drawn) / spread(self.real),
        })  # fmt: skip
        if not self.frames or self.epoch - self.frames[-1]["epoch"] >= self.stride:
            self.frames.append({"epoch": self.epoch, "sheet": _sheets.sheet(drawings[:SHOWN], SHOWN, 28)})
        while len(self.frames) > FRAMES or sum(len(frame["sheet"]) for frame in self.frames) > FILM_CHARACTERS:
            self.frames = self.frames[::2] if len(self.frames) > 2 else self.frames[:1]
            self.stride *= 2
        self.now = drawings[:SHOWN]

    def film(self) -> Panel:
        """The same eight seeds, epoch for epoch."""
        now = {"epoch": self.epoch, "sheet": _sheets.sheet(self.now, SHOWN, 28)}
        frames = [frame for frame in self.frames if frame["epoch"] != self.epoch]
        return {
            "kind": "film", "title": "The same seeds, epoch for epoch", "frames": [*frames, now], "columns": SHOWN,
            "sentence": "Each column starts from the same random numbers.",
        }  # fmt: skip

    def latent(self) -> list[Panel]:
        """Where held-out pictures lie on the map, and what each place draws."""
        if self.encode is None:
            return []
        few = {name: np.asarray(array[:LIVE]) for name, array in self.part.x.items()}
        places = self.encode(few)["code"]
        told = [latent_panel(places, np.asarray(self.part.y[:LIVE]), _classes(self.asked.signature))]
        return told + ([map_panel(self.draw)] if places.shape[1] == 2 else [])

    def balance(self) -> list[Panel]:
        """The two losses of a generator and its critic in one picture."""
        rows = [line for line in self.losses if "judging" in line]
        if not rows:
            return []
        series = [
            {"name": "Forger", "values": [line["fooling"] for line in rows]},
            {"name": "Critic", "values": [line["judging"] / 2 for line in rows]},
        ]
        tone, sentence = balance_words(series[0]["values"][-1], series[1]["values"][-1])
        return [
            lines_panel("Balance", "Cost", [line["epoch"] for line in rows], series) | {"tone": tone, "words": sentence}
        ]

    def distances(self) -> Panel:
        """The distance to real pictures, which falls while the drawings get better."""
        epochs = [point["epoch"] for point in self.points]
        series = [{"name": "Drawings", "role": "training", "values": [point["distance"] for point in self.points]}]
        sentence = f"Fréchet distance in {self.straight.size} principal components; it falls towards 0."
        told = lines_panel("Distance to real pictures", "Distance", epochs, series)
        return told | {
            "sentence": sentence,
            "name": "distances",
            "memory": [self.points[place] for place in _places(len(self.points))],
        }

    def varieties(self) -> Panel:
        """How different the drawings are from each other, with an alarm where they look alike."""
        epochs = [point["epoch"] for point in self.points]
        series = [{"name": "Variety", "role": "validation", "values": [point["variety"] for point in self.points]}]
        tone, sentence = variety_words(self.points[-1]["variety"], adversarial=_has(self.asked, "discriminator"))
        return lines_panel("Variety", "Real pictures have 1", epochs, series) | {"tone": tone, "words": sentence}


def balance_words(fooling: float, judging: float) -> tuple[str, str]:
    """Read the two costs: who is ahead."""
    if fooling > 3 and judging < 0.2:
        cure = "Give the critic more dropout or noise."
        return "caution", f"The critic sees through every drawing, so the forger learns little from it. {cure}"
    if judging > 0.9:
        return "caution", "The critic is worse than guessing. This often passes; else lower the learning rate."
    return "good", "Neither runs away from the other; at 0.69 each the critic can only guess."


def variety_words(variety: float, *, adversarial: bool) -> tuple[str, str]:
    """Say whether the drawings look alike."""
    if variety >= COLLAPSED:
        return "good", "The drawings differ from each other about as real pictures do."
    if adversarial:
        cure = "Lower the learning rate, or raise the noise for the critic."
        return "trouble", f"The drawings look alike: the forger repeats one trick (mode collapse). {cure}"
    return "caution", "The drawings still look alike. Train longer, or lower beta."


def lines_panel(title: str, y: str, epochs: list[Any], lines: list[dict[str, Any]]) -> Panel:
    """Return a panel of kind `lines`: values over epochs, thinned so that it stays small."""
    kept = _places(len(epochs))
    thin = [one | {"values": [_short(one["values"][place]) for place in kept]} for one in lines]
    return {
        "kind": "lines", "title": title, "x": [epochs[place] for place in kept], "x_title": "Epochs", "y_title": y,
        "whole": True, "zero": True, "lines": thin,
    }  # fmt: skip


def latent_panel(places: np.ndarray, labels: np.ndarray, classes: list[str]) -> Panel:
    """Return a panel of kind `latent`: the codes of held-out pictures as points, in two axes."""
    flat, how = places, "The two numbers of the code."
    if places.shape[1] > 2:
        centred = places - places.mean(axis=0)
        flat = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
        how = f"The two directions in which the {places.shape[1]} numbers of the code differ most."
    elif places.shape[1] == 1:
        flat, how = np.concatenate([places, np.zeros_like(places)], axis=1), "The one number of the code."
    return {
        "kind": "latent", "title": "Map of the codes", "sentence": f"Held-out pictures, by class. {how}",
        "x": [_short(x) for x in flat[:, 0]], "y": [_short(y) for y in flat[:, 1]], "classes": classes,
        "labels": labels.reshape(-1).tolist() if classes else [],
    }  # fmt: skip


def map_panel(draw: "Drawer", side: int = MAP_SIDE) -> Panel:
    """Return a panel of kind `pictures`: what evenly likely places of a two-number code draw."""
    pictures = draw({"code": grid_codes(side)})
    sentence = "Each place of the map draws one picture; neighbours are alike."
    return _sheets.panel(pictures, side, "What each place draws", sentence)


def grid_codes(side: int) -> np.ndarray:
    """Return (side x side, 2) codes, row by row from the top, at evenly likely places of a normal distribution."""
    from statistics import NormalDist

    at = np.array([NormalDist().inv_cdf((place + 0.5) / side) for place in range(side)], dtype=np.float32)
    x, y = np.meshgrid(at, at[::-1])
    return np.stack([x.ravel(), y.ravel()], axis=1)


# On the sealed test part


def report_pictures(asked: Asked, history: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: ARG001 - part of the contract
    """Judge 500 drawings: against the test part, by an independent classifier, for variety and for copying."""
    signature, seed = asked.signature, asked.seed
    train, validation, test = (asked.prepared.part(name) for name in ("train", "validation", "test"))
    classes = _classes(signature)
    draw = Drawer(asked.core, classes)
    codes = draw.codes(DRAWN, seed + 1)
    drawings = draw(codes)
    judge = Judge.trained(asked) if len(classes) > 1 else None
    yard = _Yard(train, validation, test, judge)
    wanted = codes["class"].ravel() if "class" in codes else None
    judged, drawn = yard.judge(drawings, wanted)
    random = np.random.default_rng(seed)
    baselines = [
        {"name": "each pixel on its own", "metrics": yard.judge(_by_pixel(yard.known, random))[0]},
        {"name": "unseen real pictures", "metrics": yard.judge(yard.unseen)[0]},
    ]
    told = {
        "task": signature.task,
        "target": signature.target.name,
        "rows": len(test),
        "classes": [],
        "metrics": judged,
        "intervals": yard.intervals(drawings, wanted, seed),
        "baselines": baselines,
        "headline": _headline(judged, baselines),
        "sentences": _sentences(judged, drawn, classes, judge, yard),
        "next": _next(judged, adversarial=_has(asked, "discriminator")),
        "panels": _panels(asked, draw, drawings, drawn, yard, classes),
    }
    low_high = told["intervals"].get(told["headline"]["metric"]) or (None, None)
    told["headline"] |= dict(zip(("low", "high"), low_high, strict=True))
    return told


@dataclass(frozen=True)
class Drawer:
    """Draws pictures from codes with a decoder or a generator; `classes` where it is told the class."""

    model: Any
    classes: list[str]

    @cached_property
    def ask(self) -> Callable[[dict[str, np.ndarray]], Any]:
        """What asks the model about codes in batches."""
        return asking(self.model)

    def codes(self, rows: int, seed: int) -> dict[str, np.ndarray]:
        """Return random codes, and where it is told the class, all classes in turn."""
        size = int(self.model.input["code"].shape[-1])
        told = {"code": np.random.default_rng(seed).normal(size=(rows, size)).astype(np.float32)}
        if "class" in self.model.input:
            told["class"] = (np.arange(rows) % len(self.classes)).astype(np.int32)[:, None]
        return told

    def __call__(self, codes: dict[str, np.ndarray]) -> np.ndarray:
        """Return (rows, height, width, channels) from 0 to 255."""
        return self.ask(codes)["picture"]


@dataclass(frozen=True)
class Straight:
    """Principal components of pictures: features that need no training."""

    mean: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, pictures: np.ndarray) -> "Straight":
        """Find the components in which these pictures differ most."""
        from sklearn.decomposition import PCA
        from threadpoolctl import threadpool_limits

        flat = _flat(pictures)
        with threadpool_limits(1):
            found = PCA(min(COMPONENTS, *flat.shape), random_state=0).fit(flat)
        return cls(found.mean_, found.components_)

    @property
    def size(self) -> int:
        """How many components there are."""
        return len(self.axes)

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Return (rows, components)."""
        return (_flat(pictures) - self.mean) @ self.axes.T


@dataclass(frozen=True)
class Judge:
    """A small classifier of its own, trained on the training part alone; it has never met the model that it judges."""

    ask: Callable[[dict[str, np.ndarray]], Any]
    accuracy: float
    """On the test part's real pictures."""

    @classmethod
    def trained(cls, asked: Asked) -> "Judge":
        """Train it for a few hundred steps."""
        name, spec = next(iter(asked.signature.inputs.items()))
        model = _judge_model(name, spec.shape, len(_classes(asked.signature)), asked.seed)
        train, test = asked.prepared.part("train"), asked.prepared.part("test")
        rows = np.random.default_rng(asked.seed).integers(0, len(train), JUDGE_STEPS * JUDGE_BATCH)
        model.compile(
            keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.003, JUDGE_STEPS)),
            loss={"features": None, "logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True)},
            jit_compile=False, steps_per_execution=20,
        )  # fmt: skip
        labels = np.asarray(train.y).reshape(len(train))
        model.fit(_batches(name, np.asarray(train.x[name]), labels, rows), epochs=1, verbose=0)
        ask = asking(model)
        said = ask(test.x)["logits"].argmax(axis=1)
        return cls(ask, float((said == np.asarray(test.y).reshape(len(test))).mean()))

    def features(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return features (rows, units) and probabilities (rows, classes)."""
        told = self.ask({"picture": pictures.astype(np.float32)})
        powers = np.exp(told["logits"] - told["logits"].max(axis=1, keepdims=True))
        return told["features"], powers / powers.sum(axis=1, keepdims=True)


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    """Return the squared Fréchet distance of two normal distributions fitted to (rows, features) each."""
    one, other = np.atleast_2d(np.cov(first.T)), np.atleast_2d(np.cov(second.T))
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ other @ root), 0)).sum()
    apart = ((first.mean(axis=0) - second.mean(axis=0)) ** 2).sum()
    return float(max(0.0, apart + np.trace(one) + np.trace(other) - 2 * shared))


def spread(features: np.ndarray) -> float:
    """Return how far rows lie from their middle on average; never 0, so that it can divide."""
    return float(np.linalg.norm(features - features.mean(axis=0), axis=1).mean()) + 1e-12


def nearest(pictures: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each picture the distance to the nearest known one, and which it is."""
    flat, base = _flat(pictures), _flat(known)
    squares = (flat**2).sum(axis=1)[:, None] - 2 * flat @ base.T + (base**2).sum(axis=1)
    which = squares.argmin(axis=1)
    return np.sqrt(np.maximum(squares[np.arange(len(flat)), which], 0)), which


class _Yard:
    """All that drawings are held against: known (training), unseen (validation) and real (test) pictures."""

    def __init__(self, train: Part, validation: Part, test: Part, judge: Judge | None) -> None:
        self.known, self.unseen, self.real = (_pictures(part, MOST_REAL) for part in (train, validation, test))
        self.judge_, self.straight = judge, Straight.of(self.known)
        self.against = self._features(self.real)[0]
        self.usual_variety = spread(self.straight(self.known))
        self.usual_novelty = float(nearest(self.unseen, self.known)[0].mean()) + 1e-12

    def _features(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        return self.judge_.features(pictures) if self.judge_ else (self.straight(pictures), None)

    def judge(self, pictures: np.ndarray, wanted: np.ndarray | None = None) -> tuple[dict[str, Any], np.ndarray | None]:
        """Score pictures; also returns how many of each class the classifier surely sees."""
        features, shares = self._features(pictures)
        told: dict[str, Any] = {
            "distance": frechet(self.against, features),
            "variety": spread(self.straight(pictures)) / self.usual_variety,
            "novelty": float(nearest(pictures, self.known)[0].mean()) / self.usual_novelty,
        }
        if shares is None:
            return told, None
        said = shares.argmax(axis=1)
        counts = np.bincount(said[shares.max(axis=1) >= SURE], minlength=shares.shape[1])
        told = {"classes_drawn": float((counts > 0).mean())} | told | {"sureness": float(shares.max(axis=1).mean())}
        if wanted is not None:
            told["obeyed"] = float((said == wanted).mean())
        return told, counts

    def intervals(self, drawings: np.ndarray, wanted: np.ndarray | None, seed: int) -> dict[str, Any]:
        """Draw the drawings anew from themselves, 100 times; None where nothing varies."""
        features, shares = self._features(drawings)
        flat, near = self.straight(drawings), nearest(drawings, self.known)[0]
        random = np.random.default_rng(seed)
        found: dict[str, list[float]] = {"distance": [], "variety": [], "novelty": [], "sureness": [], "obeyed": []}
        for _ in range(100):
            rows = random.integers(0, len(drawings), len(drawings))
            found["distance"].append(frechet(self.against, features[rows]))
            found["variety"].append(spread(flat[rows]) / self.usual_variety)
            found["novelty"].append(float(near[rows].mean()) / self.usual_novelty)
            if shares is not None:
                found["sureness"].append(float(shares[rows].max(axis=1).mean()))
                if wanted is not None:
                    found["obeyed"].append(float((shares[rows].argmax(axis=1) == wanted[rows]).mean()))
        told = {
            name: [float(each) for each in np.percentile(values, (2.5, 97.5))]
            for name, values in found.items()
            if values
        }
        return told | ({"classes_drawn": None} if shares is not None else {})


def _judge_model(name: str, shape: tuple[int | None, ...], classes: int, seed: int) -> Any:
    layers = keras.layers
    begin = partial(keras.initializers.HeNormal)
    picture = keras.Input(shape, name=name)
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(picture)
    for step, filters in enumerate((16, 32, 48)):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer=begin(seed=seed + step))(x)
        if min(x.shape[1:3]) >= 4:
            x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x) if x.shape[1] * x.shape[2] <= 64 else layers.GlobalAveragePooling2D()(x)
    features = layers.Dense(32, activation="relu", kernel_initializer=begin(seed=seed + 3), name="features")(x)
    kept = layers.Dropout(0.2, seed=seed)(features)
    logits = layers.Dense(classes, kernel_initializer=begin(seed=seed + 4), name="logits")(kept)
    return keras.Model({name: picture}, {"features": features, "logits": logits})


def _batches(name: str, pictures: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> Any:
    class Batches(keras.utils.PyDataset):
        """So many random batches; read by one process."""

        def __len__(self) -> int:
            return len(rows) // JUDGE_BATCH

        def __getitem__(self, index: int) -> Any:
            here = rows[index * JUDGE_BATCH : (index + 1) * JUDGE_BATCH]
            return {name: pictures[here]}, {"logits": labels[here]}

    return Batches()


def _by_pixel(known: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw each pixel on its own from the training pictures: right colours, no shapes."""
    rows = random.integers(0, len(known), (DRAWN, *known.shape[1:]))
    return np.take_along_axis(known, rows, axis=0).astype(np.float32)


def _headline(judged: dict[str, Any], baselines: list[dict[str, Any]]) -> dict[str, Any]:
    metric = "distance"
    return {
        "metric": metric,
        "title": METRICS[metric][0],
        "value": judged[metric],
        "baseline": baselines[0]["name"],
        "baseline_value": baselines[0]["metrics"][metric],
        "better": METRICS[metric][2],
    }


def _sentences(
    judged: dict[str, Any], drawn: np.ndarray | None, classes: list[str], judge: Judge | None, yard: _Yard
) -> list[str]:
    told = []
    if judge is not None and drawn is not None:
        lacking = [name for name, count in zip(classes, drawn, strict=True) if not count]
        what = (
            "all classes appear"
            if not lacking
            else f"{_listed(lacking)} never appear{'s' if len(lacking) == 1 else ''}"
        )
        told.append(
            f"Among {DRAWN} drawings {what}, says a classifier of its own that gets {judge.accuracy:.0%} of the real "
            "test pictures right."
        )
    if "obeyed" in judged:
        told.append(f"Asked for a class, it draws that class in {judged['obeyed']:.0%} of the cases.")
    where = "the features of that classifier" if judge else f"{yard.straight.size} principal components"
    told.append(f"The distance is a Fréchet distance in {where}; two sets of real pictures are not at 0 either.")
    if judged["novelty"] < 0.5:
        told.append("Many drawings are near copies of training pictures.")
    else:
        told.append(
            "The drawings are no copies: the nearest training picture is about as far as from an unseen real one."
        )
    return told


def _next(judged: dict[str, Any], *, adversarial: bool) -> str:
    if judged["variety"] < COLLAPSED:
        return variety_words(judged["variety"], adversarial=adversarial)[1]
    if judged.get("classes_drawn", 1.0) < 1:
        return "Train longer, so that the rare kinds of pictures are drawn too."
    if adversarial:
        return "Train longer if the drawings still have stray pixels; switch on `conditional` to ask for a class."
    return "For sharper drawings try more numbers in the code, a lower beta, or a generative adversarial network."


def _panels(
    asked: Asked, draw: Drawer, drawings: np.ndarray, drawn: np.ndarray | None, yard: _Yard, classes: list[str]
) -> list[Panel]:
    panels = [_sheets.panel(drawings[:48], 12, "Drawn anew", "The first 48 of 500, none chosen by hand.")]
    if drawn is not None:
        told = {
            "kind": "bars",
            "title": "What it draws",
            "sentence": f"{DRAWN} drawings, where the classifier is sure.",
        }
        panels.append(told | {"names": classes, "values": drawn.tolist()})
    distances, which = nearest(drawings[:DRAWN], yard.known)
    closest = np.argsort(distances, kind="stable")[:SHOWN]
    pictures, columns = _sheets.paired(drawings[closest], yard.known[which[closest]].astype(np.float32))
    sentence = "The drawings that come nearest to a training picture, and that picture below."
    panels.append(_sheets.panel(pictures, columns, "Copied?", sentence, ("Drawn", "Training")))
    if _has(asked, "encoder"):
        test = asked.prepared.part("test")
        places = asking(asked.blueprint.deliverables["encoder"])(test.x)["code"][:400]
        panels.append(latent_panel(places, np.asarray(test.y[:400]), classes))
        if places.shape[1] == 2:
            panels.append(map_panel(draw, 14))
    film = [panel for panel in (asked.run.read("evidence.json") or {}).get("panels", ()) if panel["kind"] == "film"]
    return panels + film


# What a person asks for


def reply_pictures(replying: Replying) -> dict[str, Any]:
    """Draw what a person asks for; {"sheet", "columns"}, and with `ask: about` what can be asked.

    `ask` is `about`, `draw` (`count`, `seed`, `class`), `point` (`code`) or `between` (`first`, `second`: places in
    the test part; `steps`).
    """
    asks = {"about": _about, "draw": _drawn_anew, "point": _at_point, "between": _between}
    asked_for = str(replying.values.get("ask", "draw"))
    if asked_for not in asks:
        raise Refusal(f"Nothing can be drawn for '{asked_for}'. Ask for one of: {', '.join(asks)}.")
    return asks[asked_for](replying)


def _drawer_of(replying: Replying) -> Any:
    there = [name for name in DRAWERS if (replying.run.folder / "deliverables" / f"{name}.keras").exists()]
    return replying.model(there[0] if there else DRAWERS[0])


def _about(replying: Replying) -> dict[str, Any]:
    model = _drawer_of(replying)
    return {
        "code": int(model.input["code"].shape[-1]),
        "classes": _classes(replying.signature) if "class" in model.input else [],
        "encodes": (replying.run.folder / "deliverables" / "encoder.keras").exists(),
        "test_rows": replying.signature.rows["test"],
    }


def _drawn_anew(replying: Replying) -> dict[str, Any]:
    model, values = _drawer_of(replying), replying.values
    draw = Drawer(model, _classes(replying.signature))
    codes = draw.codes(max(1, min(64, int(values.get("count", 16)))), int(values.get("seed", 0)))
    wanted = values.get("class")
    if wanted is not None and "class" in codes:
        if wanted not in draw.classes:
            raise Refusal(f"There is no class '{wanted}'. Choose one of: {', '.join(draw.classes)}.")
        codes["class"][:] = draw.classes.index(wanted)
    return {"sheet": _sheets.sheet(_told(model, codes), 8, 64), "columns": 8}


def _at_point(replying: Replying) -> dict[str, Any]:
    model = _drawer_of(replying)
    code = np.asarray(replying.values.get("code", ()), dtype=np.float32).reshape(1, -1)
    size = int(model.input["code"].shape[-1])
    if code.shape[1] != size or not np.isfinite(code).all():
        raise Refusal(f"The code needs {size} numbers. Move the sliders once more.")
    codes = {"code": code}
    if "class" in model.input:
        codes["class"] = np.zeros((1, 1), np.int32)
    return {"sheet": _sheets.sheet(_told(model, codes), 1, 128), "columns": 1}


def _between(replying: Replying) -> dict[str, Any]:
    model, part = _drawer_of(replying), replying.prepared.part("test")
    rows = [int(replying.values.get(name, 0)) % len(part) for name in ("first", "second")]
    steps = max(2, min(16, int(replying.values.get("steps", 8))))
    ends = np.asarray(part.x["picture"])[rows]
    codes = np.concatenate([
        replying.answers({"picture": end[None].astype(np.float32)}, "encoder")["code"] for end in ends
    ])  # fmt: skip
    shares = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    drawn = _told(model, {"code": codes[:1] * (1 - shares) + codes[1:] * shares})
    pictures = np.concatenate([ends[:1], drawn, ends[1:]]).astype(np.float32)
    return {"sheet": _sheets.sheet(pictures, steps + 2, 64), "columns": steps + 2}


def _told(model: Any, codes: dict[str, np.ndarray]) -> np.ndarray:
    return np.asarray(model.predict_on_batch(codes)["picture"])


# Small things


def _classes(signature: Signature) -> list[str]:
    return list(signature.details.get("classes", ()))


def _has(asked: Asked, name: str) -> bool:
    return name in asked.blueprint.deliverables


def _pictures(part: Part, most: int) -> np.ndarray:
    array = next(iter(part.x.values()))
    rows = np.sort(np.random.default_rng(0).permutation(len(array))[:most])
    return np.asarray(array[rows])


def _flat(pictures: np.ndarray) -> np.ndarray:
    return np.asarray(pictures, dtype=np.float32).reshape(len(pictures), -1) / 255.0


def _listed(names: list[str]) -> str:
    quoted = [f"'{name}'" for name in names[:5]]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _places(count: int, most: int = 60) -> list[int]:
    """Choose at most 60 places of a list, the last among them."""
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))


def _short(value: float) -> float:
    return float(f"{value:.4g}")
