"""A recipe says everything that a run needs, and every mistake in it is refused in one readable sentence."""

import pytest

import recipes
from recipes import Recipe, Refusal, Training

SMALLEST = """
data: {sample: penguins}
model: {architecture: mlp, width: 32}
training: {epochs: 20, batch_size: 32, learning_rate: 0.001, seed: 1}
"""


def test_reads_the_smallest_recipe():
    recipe = Recipe.parse(SMALLEST)
    assert recipe.data.sample == "penguins"
    assert recipe.model.settings == {"width": 32}
    assert recipe.training == {"epochs": 20, "batch_size": 32, "learning_rate": 0.001, "seed": 1}


def test_yaml_reads_back_as_the_same_recipe():
    recipe = Recipe.parse(SMALLEST)
    assert Recipe.parse(recipe.yaml()) == recipe


def test_json_is_read_too():
    assert Recipe.parse('{"version": 1, "data": {"sample": "penguins"}}').model.architecture == "mlp"


def test_a_relative_file_is_taken_from_the_recipes_folder(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("data: {file: rows.csv}")
    assert Recipe.load(path).data.file == str(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "data: {sample: a}\ntrainin: {}",
            "There is no setting `trainin`. Did you mean `training`? Known here: version, name, data, model, training.",
        ),
        (
            "data: {sample: a}\ntraining: {epochs: 0}",
            "`training.epochs` must be between 1 and 10000, but got 0.",
        ),
        (
            "data: {sample: a}\ntraining: {learning_rate: 0}",
            "`training.learning_rate` must be more than 0 and at most 10, but got 0.",
        ),
        (
            "data: {sample: a, test: 0.9}",
            "`data.test` must be more than 0 and less than 0.5, but got 0.9.",
        ),
        (
            "data: {sample: a}\ntraining: {early_stopping: perhaps}",
            "`training.early_stopping`: input should be a valid boolean, unable to interpret input, but got 'perhaps'.",
        ),
        (
            "data: {sample: a}\ntraining: {schedule: cosin}",
            (
                "`training.schedule` must be one of 'constant', 'cosine', 'step', 'exponential' or "
                "'reduce_on_plateau', but got 'cosin'."
            ),
        ),
        ("data: {}", "`data` needs either `sample: NAME` or `file: PATH`, and not both."),
        ("model: {architecture: mlp}", "`data` is missing. Add it to the recipe."),
        ("[1, 2]", "`recipe` must be a group of settings such as `name: value`, but got [1, 2]."),
        ("data: {sample: a\nmodel", "The recipe is not valid YAML in line 2. Check the indentation and the colons."),
        ("version: 2\ndata: {sample: a}", "`version` must be one of 1, but got 2."),
    ],
)
def test_refuses_in_words(text, sentence):
    with pytest.raises(Refusal) as refused:
        Recipe.parse(text)
    assert str(refused.value) == sentence


def test_an_unknown_training_setting_names_the_known_ones():
    with pytest.raises(Refusal) as refused:
        Recipe.parse("data: {sample: a}\ntraining: {epoch: 3}")
    known = ", ".join(Training.model_fields)
    assert str(refused.value) == (f"There is no setting `training.epoch`. Did you mean `epochs`? Known here: {known}.")


def test_a_missing_recipe_file_is_refused_in_words(tmp_path):
    with pytest.raises(Refusal, match=r"^The recipe '.*nowhere\.yaml' cannot be read\. Check the path\.$"):
        Recipe.load(tmp_path / "nowhere.yaml")


def test_an_unknown_name_lists_the_known_ones():
    text = str(recipes.known("architecture", "mpl", ["mlp", "cnn"]))
    assert text == "There is no architecture 'mpl'. Did you mean 'mlp'? Available: cnn, mlp."


def test_every_training_setting_has_title_help_and_a_column():
    for name, field in Training.model_fields.items():
        assert field.title, name
        assert field.description, name
        assert dict(field.json_schema_extra)["panel"] == "training", name  # ty: ignore[no-matching-overload]
