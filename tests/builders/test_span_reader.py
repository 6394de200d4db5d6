"""The text reader: padding is never an answer, hidden words, what text and question share."""

import numpy as np

from builders import span_reader
from recipes import keras
from tests.builders.smallest import build, examples, signature_of


def test_padding_is_never_the_answer():
    """However short a text is, both ends are words of it."""
    core = build("span_reader", "qa", "answering").core
    x = examples(signature_of("qa", "answering"), 4).x
    x["context"][:, 3:] = 0
    assert np.asarray(core(x)).argmax(axis=-1).max() < 3


def test_words_are_hidden_while_training_only():
    """Asked, it reads every word; while training some become unknown, in text and question alike."""
    text, question = (keras.Input((length,), dtype="int32") for length in (6, 4))
    model = keras.Model([text, question], span_reader._partly_hidden(text, question, 50, 0.5))
    given = [np.tile([[2, 3, 4, 5, 0, 0]], (40, 1)), np.tile([[3, 4, 0, 0]], (40, 1))]
    for one, other in zip(given, model(given, training=False), strict=True):
        np.testing.assert_array_equal(one, other)
    texts, questions = map(np.asarray, model(given, training=True))
    hidden = texts[:, :4] == 1
    assert 0.3 < hidden.mean() < 0.7
    np.testing.assert_array_equal(texts[:, 4:], 0)
    np.testing.assert_array_equal(texts[:, 1:3], questions[:, :2])  # a word is hidden in both or in none


def test_knows_which_words_stand_in_both():
    """Padding does not count as shared."""
    text, question = np.array([[2, 3, 3, 0]]), np.array([[3, 9, 0]])
    of_text, of_question = span_reader._shared(keras.ops.convert_to_tensor(text), keras.ops.convert_to_tensor(question))
    assert np.asarray(of_text).tolist() == [[0, 1, 1, 0]]
    assert np.asarray(of_question).tolist() == [[1, 0, 0]]
