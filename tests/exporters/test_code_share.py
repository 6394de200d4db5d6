"""What a script says of runs on a share of the rows, and of models that came as a file."""

import numpy as np

from exporters import code
from exporters.code import _train
from recipes import Signature, Target, Training


def test_a_share_of_the_training_rows_is_taken_in_the_code_too():
    names = {"np": np, "x": {"train": {"a": np.arange(40)[:, None]}}, "y": {"train": np.arange(40)}}
    exec(_train._share(Training(train_share=0.25, seed=3)), names)  # noqa: S102 - the code under test
    assert len(names["y"]["train"]) == 10
    np.testing.assert_array_equal(names["x"]["train"]["a"][:, 0], names["y"]["train"])
    assert _train._share(Training()) == ""


def test_a_model_that_came_as_a_file_has_no_code_of_its_own():
    signature = Signature(
        data_type="image", task="classification", target=Target(name="kind"), inputs={}, raw=(), rows={"train": 9}
    )
    assert code.offered(signature, "imported") == code.PRETRAINED
