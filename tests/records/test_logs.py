"""Logs say what happened and where, never what people brought, and no secret."""

import logging

import pytest

from records import Workspace, logs


@pytest.fixture
def kept(tmp_path):
    """A log of this test's own; afterwards logging is as it was."""
    factory, logger = logging.getLogRecordFactory(), logging.getLogger("layerwise")
    before = list(logger.handlers), logger.level
    handler = logs.keep(Workspace(tmp_path), "server")
    yield logger, tmp_path / "log" / "server.log"
    handler.close()
    logger.handlers, logger.level = before
    logging.setLogRecordFactory(factory)


def test_an_error_is_its_kind_and_its_places_without_its_message(kept):
    logger, file = kept
    try:
        {"a": 1}["CANARY value of a cell"]
    except KeyError:
        logger.exception("A table could not be read.")
    text = file.read_text()
    assert "ERROR layerwise: A table could not be read.\nbuiltins.KeyError\n" in text
    assert "test_logs.py:" in text
    assert "CANARY" not in text


def test_what_caused_an_error_is_named_too(kept):
    logger, file = kept
    try:
        try:
            int("CANARY")
        except ValueError as error:
            raise RuntimeError("CANARY") from error
    except RuntimeError:
        logger.exception("It broke.")
    text = file.read_text()
    assert "builtins.ValueError\n" in text
    assert "led to builtins.RuntimeError\n" in text
    assert "CANARY" not in text


def test_details_are_there_where_they_are_wished(kept, monkeypatch):
    logger, file = kept
    monkeypatch.setenv("LAYERWISE_LOG_DETAILS", "true")
    try:
        int("a word")
    except ValueError:
        logger.exception("It broke.")
    assert "invalid literal for int() with base 10: 'a word'" in file.read_text()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("cookie: layerwise=CANARY; theme=dark", "cookie: (hidden)"),
        ("layerwise=CANARY", "layerwise=(hidden)"),
        ("Authorization: Bearer CANARY", "Authorization: Bearer (hidden)"),
        ("postgresql+psycopg://ada:CANARY@db/layerwise", "postgresql+psycopg://ada:(hidden)@db/layerwise"),
        ("{'x-upload-token': 'CANARY'}", "{'x-upload-token': '(hidden)'}"),
        ("client_secret=CANARY", "client_secret=(hidden)"),
    ],
)
def test_no_secret_is_written(kept, line, shown):
    logger, file = kept
    logger.warning("It said %s", line)
    assert "CANARY" not in file.read_text()
    assert shown in file.read_text()


def test_nobody_writes_a_line_of_their_own(kept):
    logger, file = kept
    logger.warning("Run %s is odd.", "a\n2026-01-01 ERROR layerwise: all is lost")
    assert len(file.read_text().splitlines()) == 1


def test_an_old_log_makes_room(kept, monkeypatch):
    logger, file = kept
    monkeypatch.setattr(logger.handlers[-1], "maxBytes", 2_000)
    for number in range(200):
        logger.warning("Line %s.", number)
    sizes = {each.name: each.stat().st_size for each in file.parent.iterdir()}
    assert sorted(sizes) == ["server.log", "server.log.1", "server.log.2", "server.log.3"]
    assert max(sizes.values()) <= 2_000
    assert "Line 199." in file.read_text()
