"""The zip of a run holds what another person can use, and nothing of this machine."""

import io
import zipfile

from recipes import Recipe
from records import Run
from records.archive import zipped


def test_holds_the_run_without_what_only_this_machine_can_use(tmp_path):
    run = Run.create(tmp_path / "abcdef0123456789", Recipe.parse("data: {sample: penguins}"))
    run.append("metrics", {"epoch": 1, "loss": 0.5})
    for name in ("checkpoints/LATEST", "deliverables/model.keras", "log.txt", "catalogue.json", "state.json.7.tmp"):
        file = run.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(name, encoding="utf-8")
    (run.folder / "predictions.npz").write_bytes(bytes(3_000_000))
    with zipfile.ZipFile(io.BytesIO(b"".join(zipped(run)))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "run-abcdef01/recipe.yaml", "run-abcdef01/deliverables/model.keras", "run-abcdef01/metrics.jsonl",
            "run-abcdef01/predictions.npz", "run-abcdef01/state.json",
        ]  # fmt: skip
        assert archive.read("run-abcdef01/predictions.npz") == bytes(3_000_000)
        assert archive.read("run-abcdef01/deliverables/model.keras") == b"deliverables/model.keras"


def test_the_recipe_names_no_place_of_this_machine(tmp_path):
    """A file goes by its name: laid beside the recipe, it is found again."""
    run = Run.create(tmp_path / "abcdef0123456789", Recipe.parse("data: {file: /somewhere/private/rows.csv}"))
    with zipfile.ZipFile(io.BytesIO(b"".join(zipped(run)))) as archive:
        assert b"private" not in archive.read("run-abcdef01/recipe.yaml")
        assert Recipe.parse(archive.read("run-abcdef01/recipe.yaml").decode()).data.file == "rows.csv"
