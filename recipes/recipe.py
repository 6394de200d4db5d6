"""A recipe: everything that one run needs, declared. The same recipe gives the same run."""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field

from recipes.corrections import Corrections
from recipes.settings import Settings, setting
from recipes.words import Refusal, validate

VERSION = 1
LEAST_FOLDS, MOST_FOLDS = 3, 10

DataType = Literal[
    "tabular", "image", "text", "prose", "series", "audio", "video", "boxes", "pairs", "qa", "ratings", "mixed",
    "style",
]  # fmt: skip
Optimizer = Literal[
    "adam", "adamw", "nadam", "adamax", "sgd", "rmsprop", "adagrad", "adadelta", "adafactor", "ftrl", "lamb",
    "lion", "muon", "schedule_free_adam_w",
]  # fmt: skip
Schedule = Literal["constant", "cosine", "step", "exponential", "reduce_on_plateau"]


class _WithSettings(BaseModel):
    """A group whose further keys belong to a plug-in, which checks them with its own `Config`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @property
    def settings(self) -> dict[str, Any]:
        """The plug-in's own settings, unchecked."""
        return dict(self.model_extra or {})


class Shares(Settings):
    """How much of the data is kept back from training."""

    validation: float = setting(
        0.15, "Kept for validation", "Part of the data for watching while training.", gt=0, lt=0.5, step=0.05,
        advanced=True, panel="data",
    )  # fmt: skip
    test: float = setting(
        0.2, "Kept for the test", "Sealed part of the data, looked at once, in the report.", gt=0, lt=0.5, step=0.05,
        advanced=True, panel="data",
    )  # fmt: skip


class Fold(NamedTuple):
    """One part of a cross-validation: what is judged instead of the sealed test part, which stays closed."""

    number: int
    """From 1."""
    of: int


class Data(_WithSettings):
    """Which data: a bundled `sample` or a `file`; what to learn; how much to keep back. Further keys: data type."""

    sample: str = Field("", description="Name of a bundled sample, such as `penguins`.")
    file: str = Field("", description="Path of a file or folder, as seen from the recipe's folder.")
    type: DataType | None = Field(None, description="Data type of the file; found out where it is missing.")
    target: str = Field("", description="Column to be learned; proposed where it is missing.")
    task: str = Field("", description="Such as `classification`; proposed where it is missing.")
    corrections: Corrections | None = Field(None, description="Rows that were left out, labels that were mended.")
    validation: float = Shares.model_fields["validation"]  # ty: ignore[invalid-assignment]
    test: float = Shares.model_fields["test"]  # ty: ignore[invalid-assignment]
    folds: int | None = Field(
        None, ge=LEAST_FOLDS, le=MOST_FOLDS, title="Folds", description="Cross-validation: how many parts take turns."
    )
    fold: int | None = Field(None, ge=1, le=MOST_FOLDS, title="Fold", description="The part that is judged, from 1.")

    @property
    def folded(self) -> Fold | None:
        """The fold that is judged, if this is one run of a cross-validation."""
        return Fold(self.fold, self.folds) if self.fold and self.folds else None


class ModelChoice(_WithSettings):
    """Which architecture; further keys are its settings."""

    architecture: str = Field("mlp", description="One file of `builders/`.")


class Training(Settings):
    """How the model is fitted. Names and meanings are Keras's own."""

    epochs: int = setting(
        30, "Epochs", "How often the model sees the whole training part.", ge=1, le=10_000, panel="training"
    )
    batch_size: int = setting(
        32, "Batch size", "How many examples make one step.", ge=1, le=8192, log=True, panel="training"
    )
    learning_rate: float = setting(
        0.001, "Learning rate", "How far one step goes. Too high: the loss jumps or becomes NaN. Too low: it creeps.",
        gt=0, le=10, log=True, panel="training",
    )  # fmt: skip
    optimizer: Optimizer = setting(
        "adam", "Optimizer", "The rule that turns errors into steps. Adam suits most.", advanced=True, panel="training"
    )
    momentum: float = setting(
        0.9, "Momentum", "How much of the last step is kept (only SGD and RMSprop).", ge=0, lt=1, advanced=True,
        panel="training",
    )  # fmt: skip
    weight_decay: float = setting(
        0.0, "Weight decay", "Pulls weights towards zero at each step (decoupled).", ge=0, le=1, advanced=True,
        log=True, panel="training",
    )  # fmt: skip
    schedule: Schedule = setting(
        "constant", "Learning rate over time", "How the learning rate changes while training.", advanced=True,
        panel="training",
    )  # fmt: skip
    warmup_epochs: int = setting(
        0, "Warm-up epochs", "The rate rises from near zero during these epochs.", ge=0, le=1000, advanced=True,
        panel="training",
    )  # fmt: skip
    decay_every: int = setting(
        10, "Step every", "Epochs between two cuts (step), or without progress (reduce on plateau).", ge=1, le=1000,
        advanced=True, panel="training",
    )  # fmt: skip
    decay_factor: float = setting(
        0.5, "Cut to", "What remains of the rate after a cut, or at the end of exponential decay.", gt=0, lt=1,
        advanced=True, panel="training",
    )  # fmt: skip
    early_stopping: bool = setting(
        True, "Stop early", "Stop when the validation loss has not improved for a while.", panel="training"
    )
    patience: int = setting(
        10, "Patience", "How many epochs without improvement to wait.", ge=1, le=1000, advanced=True, panel="training"
    )
    restore_best: bool = setting(
        True, "Keep the best epoch", "Finish with the weights of the best validation loss.", advanced=True,
        panel="training",
    )  # fmt: skip
    gradient_clipping: float = setting(
        0.0, "Gradient clipping", "Longest step allowed (norm of all gradients); 0 means none.", ge=0, le=100,
        advanced=True, panel="training",
    )  # fmt: skip
    class_weights: Literal["none", "balanced"] = setting(
        "none", "Class weights", "`balanced` makes rare classes count as much as frequent ones.", advanced=True,
        panel="training",
    )  # fmt: skip
    mixed_precision: Literal["auto", "on", "off"] = setting(
        "auto", "Mixed precision", "Half-size numbers where the device gains from them (GPU).", advanced=True,
        panel="training",
    )  # fmt: skip
    train_share: float = setting(
        1.0, "Share of the training rows", "Learn from this share of the training part only: a line through several "
        "shares tells whether more data would help.", ge=0.01, le=1, step=0.05, advanced=True, panel="training",
    )  # fmt: skip
    seed: int = setting(
        1, "Seed", "Fixes all that is random: the split, the first weights, the order.", ge=0, le=2**31 - 1,
        advanced=True, panel="training",
    )  # fmt: skip


class Recipe(BaseModel):
    """Data, model, training. `training` keeps only what was said: a family's own defaults fill the rest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = VERSION
    name: str = Field("", max_length=120, description="A title for people.")
    data: Data
    model: ModelChoice = ModelChoice()
    training: dict[str, Any] = Field({}, description="Settings of `Training`.")

    @classmethod
    def parse(cls, text: str) -> "Recipe":
        """Read a recipe from YAML or JSON text; every mistake is refused in words."""
        try:
            values = yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" in line {mark.line + 1}" if mark else ""
            raise Refusal(f"The recipe is not valid YAML{where}. Check the indentation and the colons.") from None
        return cls.of(values)

    @classmethod
    def of(cls, values: Any) -> "Recipe":
        """Check plain values (a dictionary as read from YAML or JSON)."""
        recipe = validate(cls, values)
        if bool(recipe.data.sample) == bool(recipe.data.file):
            raise Refusal("`data` needs either `sample: NAME` or `file: PATH`, and not both.")
        folds, fold = recipe.data.folds, recipe.data.fold
        if (folds is None) != (fold is None) or (fold or 0) > (folds or 0):
            raise Refusal("A fold needs both: `data.folds`, how many there are, and `data.fold`, one of them.")
        validate(Training, recipe.training, "training")
        return recipe

    @classmethod
    def load(cls, path: Path) -> "Recipe":
        """Read a recipe file; a relative `data.file` is taken from the recipe's folder."""
        try:
            recipe = cls.parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            raise Refusal(f"The recipe '{path}' cannot be read. Check the path.") from None
        if recipe.data.file and not Path(recipe.data.file).is_absolute():
            file = str((path.parent / recipe.data.file).resolve())
            recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"file": file})})
        return recipe

    def portable(self) -> "Recipe":
        """Return the recipe as it leaves this machine: a file by its name alone, to lie beside the recipe."""
        if not self.data.file:
            return self
        return self.model_copy(update={"data": self.data.model_copy(update={"file": Path(self.data.file).name})})

    def plain(self) -> dict[str, Any]:
        """Return the recipe as plain values, without what was not said."""
        told = json.loads(self.model_dump_json(exclude_unset=True)) | {"version": self.version}
        told["data"].pop("corrections", None)
        if self.data.corrections is not None and self.data.corrections.rows:
            told["data"]["corrections"] = self.data.corrections.plain()
        return told

    def yaml(self) -> str:
        """Return the recipe as YAML, in the order of reading."""
        return yaml.safe_dump(self.plain(), sort_keys=False, allow_unicode=True)
