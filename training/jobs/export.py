"""Write a run's model in another format, and check it in a clean process with that format's own runtime."""

import traceback
from dataclasses import replace
from typing import Any

import exporters
from evaluation.asked import Asked
from exporters import check
from exporters.check.elsewhere import Question, checked
from recipes import Refusal, keras, known
from training import checkpoints
from training.jobs import Job
from training.worker import build, variables_of


def do(job: Job) -> dict[str, Any]:
    """Make `settings["format"]` of `settings["deliverable"]`; returns its entry of `deliverables.json`.

    `settings["model"]` is the hash of the Keras file: a run that was trained on is another question.
    """
    form, name = job.settings["format"], job.settings["deliverable"]
    module = exporters.get(form)
    asked = in_full_precision(job.asked)
    if name not in asked.blueprint.deliverables:
        raise known("deliverable", name, asked.blueprint.deliverables)
    why = module.offered(asked.signature)
    if why:
        raise Refusal(why)
    deliverable = asked.blueprint.deliverables[name]
    job.tell(0.2, f"Writing the {module.TITLE} file")
    file = _written(module, asked, name, deliverable)
    job.tell(0.6, "Asking it in a clean process")
    (entry,) = checked([Question(asked, name, deliverable, form, file)])
    if not entry["checked"]:
        file.unlink(missing_ok=True)
        raise Refusal(entry["sentence"])
    kept = (asked.run.read("deliverables.json") or {}).get(name)
    if kept and "milliseconds" not in kept:
        job.tell(0.9, "Timing the Keras file")
        check.start(asked, asked.run.folder / kept["file"], deliverable).finish()
    return entry


def in_full_precision(asked: Asked) -> Asked:
    """Build a run that was trained with half-size numbers again in float32: other runtimes rarely know the others.

    Its weights are float32 already. The policy stays changed: call it in a process that does not train on.
    """
    if keras.config.dtype_policy().name == "float32":
        return asked
    kept = checkpoints.arrays_of(variables_of(asked.blueprint))
    keras.config.set_dtype_policy("float32")
    blueprint = build(asked.recipe, asked.prepared)
    for stage in blueprint.stages:
        if stage.before:
            stage.before()
    checkpoints.put_back(variables_of(blueprint), kept)
    return replace(asked, blueprint=blueprint)


def _written(module: Any, asked: Any, name: str, deliverable: Any) -> Any:
    """Write the file; a converter that gives up is told in words."""
    try:
        return module.export(asked, name, deliverable)
    except Refusal:
        raise
    except Exception as error:
        traceback.print_exc()  # converters raise almost anything; the person reads one sentence, the log the rest
        raise Refusal(
            f"{module.TITLE} cannot hold a part of this model: its converter gave up. Take another format."
        ) from error
