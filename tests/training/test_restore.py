"""A run from another machine gets its data and its model files back, made anew from its weights."""

import numpy as np

from evaluation import predict
from recipes import Recipe
from records import Run, Workspace, project
from records.job import ask_for
from records.project import Member
from training import jobs, worker
from training.plan import resolve

TABLE = "size,kind\n" + "".join(f"{number % 10},{'big' if number % 10 > 4 else 'small'}\n" for number in range(120))
VALUES = {"size": 8.0}


def test_an_opened_project_answers_as_the_run_did(tmp_path):
    here, there = Workspace(tmp_path / "here"), Workspace(tmp_path / "there")
    file = tmp_path / "sizes.csv"
    file.write_text(TABLE)
    recipe = {"data": {"file": str(file), "target": "kind"}, "training": {"epochs": 3, "seed": 4}}
    run = Run.create(here.new_run_folder(), resolve(Recipe.of(recipe)))
    assert worker.main(run.folder, 1) == worker.FINISHED
    saved = tmp_path / "runs.lwz"
    saved.write_bytes(b"".join(project.zipped([Member(run, "Sizes")])))
    file.unlink()
    (member,) = project.opened(saved, there, "bob")
    place = ask_for(there, member.run, "restore", {})
    assert jobs.main(place.folder) == jobs.FINISHED
    state = place.state
    assert state is not None
    assert state.state == "finished", state.text
    assert place.result["files"][0].startswith("Loaded in a clean Keras")
    one, other = (predict.answer(each, VALUES)["answer"] for each in (run, member.run))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_run_whose_upload_is_gone_says_so(tmp_path):
    space = Workspace(tmp_path / "space")
    run = Run.create(space.new_run_folder(), Recipe.of({"data": {"file": "gone.csv", "type": "tabular"}}))
    place = ask_for(space, run, "restore", {})
    jobs.main(place.folder)
    state = place.state
    assert state is not None
    assert state.state == "failed"
    assert state.text.endswith(".")
