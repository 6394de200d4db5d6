"""Make smaller versions of a run's model: each is judged on the validation rows and asked in a clean process.

The result: {"points": [point, ...], "left_out": [{"title", "sentence"}], "sentence"}; the first point is the run's own
file, the others are those of `evaluation/compress.py` with `front`. Versions are deliverables of the run: they stay,
also where somebody stops the job, and are not made twice.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import exporters
from evaluation import compress
from evaluation.asked import Asked
from evaluation.compress import Point
from evaluation.words import percent
from exporters import check, keras_file
from recipes import Part, Refusal, keras
from training.compress import copied, distil, formats, lighter, prune, untrainable
from training.fit import NotFiniteError
from training.jobs import Job, Stopped
from training.jobs.export import in_full_precision
from training.plan import training_of
from training.worker import trainings_of

FORMAT = "keras_smaller"
"""The `format` of their entries in `deliverables.json`."""
SHARES = (0.5, 0.8, 0.9)
STUDENTS = {"student_half": ("half as wide", 2), "student_quarter": ("a quarter as wide", 4)}
DIVERGED = "Its loss became no number while it learned. Train the run with a lower learning rate."
PARTS = {"packed": 0.02, "float16": 0.08, "int8": 0.14, "pruned": 0.22, "student_half": 0.55, "student_quarter": 0.75,
         "formats": 0.93}  # fmt: skip
"""Where in the whole each part of the work begins."""


def do(job: Job) -> dict[str, Any]:
    """Make every version that fits this run's model.

    `settings` are the hashes of the Keras file (`model`) and of the other `formats` that are there: a run that was
    trained on, and a file made since, are another question.
    """
    if why := compress.unfit(job.asked.signature):
        raise Refusal(why)
    asked = in_full_precision(job.asked)
    name, core = next(iter(asked.blueprint.deliverables.items()))
    kept = (job.run.read("deliverables.json") or {}).get(name)
    if kept is None or not kept["checked"]:
        raise Refusal("The model of this run has not passed its check, so there is nothing to make smaller.")
    bench = Bench(job, asked, name, core)
    bench.measure_own(kept)
    bench.make_lighter()
    if why := untrainable(asked):
        bench.left_out.append({"title": "Pruning and students", "sentence": why})
    else:
        bench.make_pruned()
        bench.make_students()
    bench.ask_formats()
    points = compress.with_front(bench.points)
    return {"points": points, "left_out": bench.left_out, "sentence": compress.conclusion(points)}


@dataclass
class Bench:
    """The versions that are made so far, and what was left out."""

    job: Job
    asked: Asked
    name: str
    core: Any
    points: list[Point] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)

    @cached_property
    def own(self) -> Any:
        """What the run's own model answers."""
        return compress.answered(self.asked, self.core)

    def measure_own(self, kept: dict[str, Any]) -> None:
        """Begin with the run's own file."""
        self.job.tell(0.0, "Judging the run's own file")
        if "milliseconds" not in kept:
            kept = check.start(self.asked, self.job.run.folder / kept["file"], self.core).finish()
        words = {"name": compress.OWN, "title": "The run's file", "noun": "The run's own file",
                 "about": "As it was trained."}  # fmt: skip
        self.points.append(words | compress.judged(self.asked, self.own, self.own) | _measured(kept))

    def make_lighter(self) -> None:
        """Pack tighter, and take fewer bits."""
        self.take(
            "packed", "Packed", "The packed file", "The same numbers in a tighter zip: every answer stays as it is.",
            lambda: self.core, "It could not be packed.",
        )  # fmt: skip
        self.take(
            "float16", "16 bits", "The version in 16 bits",
            "Weights are rounded to 16 bits; where every layer can, the numbers inside are too.",
            lambda: lighter.in_16_bits(self.asked), "It could not be rounded to 16 bits.",
        )  # fmt: skip
        if not lighter.quantisable(self.core):
            self._leave_out("8 bits", "Keras holds dense layers and embeddings in 8 bits, and this model has none.")
            return
        share = lighter.quantisable(self.core)
        self.take(
            "int8", "8 bits", "The version in 8 bits",
            f"Dense layers and embeddings, {percent(share)} of its weights, have 8 bits (Keras's own quantisation).",
            lambda: lighter.in_8_bits(self.asked), "A layer of this model does not load in 8 bits.",
        )  # fmt: skip

    def make_pruned(self) -> None:
        """Cut half of the weights, then more and more."""
        names = {share: f"pruned{round(100 * share)}" for share in SHARES}
        is_made = all(self._kept(name) for name in names.values())
        pruned = Pruned(self.asked, self.tell)
        for share, name in names.items():
            zeros = percent(share)
            self.take(
                name, f"{zeros} pruned", f"The pruned version ({zeros} zeros)",
                f"{zeros} of each kernel's weights, the smallest, are zero; the rest learned to do without them. "
                "It is smaller, not faster.",
                lambda share=share: pruned.cut_to(share), "It could not be pruned.",
                again=not is_made,
            )  # fmt: skip

    def make_students(self) -> None:
        """Let narrower models of the same family learn from this one."""
        recipe, training = self.asked.recipe, training_of(self.asked.recipe)
        settings = trainings_of(self.asked.blueprint, training)[0]
        for name, (words, times) in STUDENTS.items():
            try:
                config, changed = distil.narrowed(recipe.model.architecture, recipe.model.settings, times)
            except Refusal as refusal:
                self._leave_out("Students", str(refusal))
                return
            self.take(
                name, f"Student, {words}", f"The student that is {words}",
                f"A smaller model of the same family ({changed}) that learned from this one's soft answers and from "
                "the labels.",
                lambda config=config, name=name: distil.distil(
                    self.asked, config, training=settings, seed=self.asked.seed,
                    between=lambda done: self.tell(name, done),
                ),
                "It could not be taught.",
            )  # fmt: skip

    def ask_formats(self) -> None:
        """Judge the files of other formats that are there."""
        self.job.tell(PARTS["formats"], "Asking other formats")
        for entry in compress.of_other_formats(self.job.run.read("deliverables.json") or {}, self.name):
            self.job.tell(PARTS["formats"], f"Asking the {exporters.get(entry['format']).TITLE} file")
            title = exporters.get(entry["format"]).TITLE
            try:
                told = formats.answers(self.asked, self.core, self.job.run.folder / entry["file"])
                judged = compress.judged(self.asked, self.own, compress.as_answers(self.asked, told))
            except (RuntimeError, KeyError, ValueError):
                traceback.print_exc()
                self._leave_out(title, f"The {title} file gave no answer to the validation rows.")
                continue
            words = {"name": entry["format"], "title": title, "noun": f"The {title} file",
                     "about": exporters.get(entry["format"]).SUMMARY}  # fmt: skip
            self.points.append(words | judged | _measured(entry))

    def take(
        self, name: str, title: str, noun: str, about: str, make: Callable[[], Any], why: str, *, again: bool = False
    ) -> None:
        """Make a version unless it is there; offered is what a clean process answers as it does here."""
        if not again and (kept := self._kept(name)):
            self.points.append(kept["point"] | _measured(kept))
            return
        self.tell(name, 0.0)
        words = {"name": name, "title": title, "noun": noun, "about": about}
        try:
            core = make()
            self.job.tell(self._place(name, 0.8), f"Checking: {title}")
            point = words | compress.judged(self.asked, self.own, compress.answered(self.asked, core))
            entry = self._enter(name, core, point)
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - one version that fails must not take the others with it
            traceback.print_exc()
            self._leave_out(title, DIVERGED if isinstance(error, NotFiniteError) else why)
            return
        if entry["checked"]:
            self.points.append(point | _measured(entry))
        else:
            self._leave_out(title, entry["sentence"])

    def tell(self, name: str, done: float) -> None:
        """Say how far a part of the work is."""
        words = {"pruned": "Pruning", "student": "Teaching a student"}
        kind = next((text for start, text in words.items() if name.startswith(start)), "Making it lighter")
        self.job.tell(self._place(name, 0.8 * done), kind)

    def _place(self, name: str, done: float) -> float:
        """Return where in the whole a version stands that is so far done."""
        if name.startswith("pruned"):
            step = (PARTS["student_half"] - PARTS["pruned"]) / len(SHARES)
            order = [f"pruned{round(100 * share)}" for share in SHARES].index(name)
            return PARTS["pruned"] + step * (order + done)
        following = list(PARTS.values())[list(PARTS).index(name) + 1]
        return PARTS[name] + done * (following - PARTS[name])

    def _enter(self, name: str, core: Any, point: Point) -> dict[str, Any]:
        """Save a version, ask it in a clean process, and enter it among the deliverables; a refused one is removed."""
        folder = self.job.run.folder / "deliverables"
        file = folder / (f"{name}.keras" if name in STUDENTS else f"{self.name}.{name}.keras")
        temporary = folder / f"{file.stem}.tmp.keras"
        keras_file.whole(core, self.asked.prepared).save(temporary)
        lighter.pack(temporary)
        temporary.rename(file)
        also = {"format": FORMAT, "variant": name, "variant_of": self.name, "model": self._own_hash, "point": point,
                "title": point["title"], "about": point["about"]}  # fmt: skip
        entry = check.start(self.asked, file, core, also).finish()
        if not entry["checked"]:
            file.unlink()
        return entry

    def _kept(self, name: str) -> dict[str, Any] | None:
        """Return the entry of a version that was made of this very model before."""
        for each in (self.job.run.read("deliverables.json") or {}).values():
            is_it = each.get("variant") == name and each["model"] == self._own_hash and each["checked"]
            if is_it and (self.job.run.folder / each["file"]).exists():
                return each
        return None

    @property
    def _own_hash(self) -> str:
        return (self.job.run.read("deliverables.json") or {})[self.name]["sha256"]

    def _leave_out(self, title: str, sentence: str) -> None:
        self.left_out.append({"title": title, "sentence": sentence})


class Pruned:
    """A copy of the run's model that loses more and more of its weights."""

    def __init__(self, asked: Asked, tell: Callable[[str, float], None]) -> None:
        self.asked, self.tell, self.share = asked, tell, 0.0
        self.training = trainings_of(asked.blueprint, training_of(asked.recipe))[0]

    @cached_property
    def blueprint(self) -> Any:
        """The copy, made when the first weight is cut."""
        copy = copied(self.asked)
        keras.utils.set_random_seed(self.asked.seed)
        return copy

    def cut_to(self, share: float) -> Any:
        """Go on until this share of each kernel is zero; returns the core."""
        stage, name = self.blueprint.stages[0], f"pruned{round(100 * share)}"
        train, validation = (self._part(stage, part) for part in ("train", "validation"))
        prune.prune(
            stage, train, validation, training=self.training, shares=(self.share, share),
            between=lambda done: self.tell(name, done),
        )  # fmt: skip
        self.share = share
        return next(iter(self.blueprint.deliverables.values()))

    def _part(self, stage: Any, name: Any) -> Part:
        part = self.asked.prepared.part(name)
        return stage.select(part) if stage.select else part


def _measured(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in ("file", "bytes", "milliseconds")}
