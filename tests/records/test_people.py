"""Sessions that can be ended, words that open a workspace, and how often one may guess."""

import json
import sqlite3

import pytest

from recipes import Refusal
from records import Workspace, audit, people
from records.people import People


@pytest.fixture
def known(tmp_path):
    return People(Workspace(tmp_path))


def test_a_session_is_its_own_owner_until_something_else_is_said(known):
    assert known.session("abc") == ("abc", "browser")


def test_an_ended_session_opens_nothing_for_good(known):
    known.end("abc")
    assert known.owner("abc") is None
    known.begin("abc", "somebody", "words")
    assert known.owner("abc") is None


def test_signing_out_elsewhere_leaves_this_browser_alone(known):
    """Also the browser in which the workspace began, which has no row of its own, is one of the others."""
    for session in ("phone", "library"):
        known.begin(session, "abc", "words")
    known.begin("stranger", "xyz", "words")
    known.end_others("abc", "phone")
    assert [known.owner(name) for name in ("phone", "library", "abc", "stranger")] == ["abc", None, None, "xyz"]


def test_words_open_the_workspace_in_any_spelling(known):
    words = known.make_words("abc")
    assert len(words.split()) == 6
    assert known.owner_of_words(f"  {words.upper()} ".replace(" ", "  "), "here") == "abc"
    assert known.has_words("abc")


def test_new_words_take_the_place_of_the_old_ones(known):
    former = known.make_words("abc")
    known.make_words("abc")
    with pytest.raises(Refusal) as refused:
        known.owner_of_words(former, "here")
    assert str(refused.value) == "These words open no workspace here. Check each word and their order."


def test_only_hashes_are_stored(known, tmp_path):
    words = known.make_words("abc")
    with sqlite3.connect(tmp_path / "catalogue.db") as opened:
        stored = json.dumps([list(row) for row in opened.execute("SELECT * FROM recovery")])
    opened.close()
    assert all(word not in stored.split('"') for word in words.split())
    assert (tmp_path / "words.salt").stat().st_mode & 0o777 == 0o600


def test_ten_wrong_tries_a_minute_and_right_ones_count_nothing(known, monkeypatch):
    """The right words are refused too after that: or guessing would go on behind the refusals."""
    monkeypatch.setattr(People, "_hashed", lambda _self, text: text)  # slow on purpose
    words = known.make_words("abc")
    for _ in range(12):
        assert known.owner_of_words(words, "here") == "abc"
    for number in range(people.TRIES):
        with pytest.raises(Refusal, match="open no workspace"):
            known.owner_of_words(f"wrong {number}", "here")
    with pytest.raises(Refusal) as refused:
        known.owner_of_words(words, "here")
    assert str(refused.value) == "That were too many wrong tries. Wait a minute, then try again."
    assert known.owner_of_words(words, "elsewhere") == "abc"
    later = people.time.time() + 61
    monkeypatch.setattr(people.time, "time", lambda: later)
    assert known.owner_of_words(words, "here") == "abc"


def test_the_list_has_a_thousand_different_plain_words():
    words = people.LIST.read_text().split()
    assert len(words) == len(set(words)) > 1_000
    assert all(word.isascii() and word.islower() and word.isalpha() and 3 <= len(word) <= 9 for word in words)


def test_forgetting_takes_words_and_other_sessions(known):
    known.make_words("abc")
    known.begin("phone", "abc", "words")
    known.forget("abc")
    assert not known.has_words("abc")
    assert known.owner("phone") == "phone"


def test_the_audit_log_says_who_did_what_without_naming_anybody_in_full(tmp_path):
    owner = "0123456789abcdef" * 4
    audit.note(Workspace(tmp_path), owner, "joined", classroom="abc")
    file = tmp_path / "log" / "audit.jsonl"
    (line,) = map(json.loads, file.read_text().splitlines())
    assert (line["who"], line["what"], line["classroom"]) == ("0123456789ab", "joined", "abc")
    assert owner not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_full_audit_log_makes_room(tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "LARGEST", 50)
    for number in range(3):
        audit.note(Workspace(tmp_path), "abc", f"deed {number}")
    told = [json.loads((tmp_path / "log" / name).read_text())["what"] for name in ("audit.1.jsonl", "audit.jsonl")]
    assert told == ["deed 1", "deed 2"]
