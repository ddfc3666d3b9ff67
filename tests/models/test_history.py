"""The history: kept in tags within the limits of Unity Catalog, true after any crash."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickyard.models.history import (
    INTENT,
    Event,
    append,
    live_version,
    previous_version,
    read_events,
    read_intent,
    settle,
    write_intent,
)

NOW = "2025-01-01T00:00:00Z"


def event(number, version, action="promote", previous=None, **more):
    return Event(number, action, version, previous, NOW, "ada@example.com", **more)


def recorded(*events):
    """The tags after the events were appended one by one."""
    tags = {}
    for entry in events:
        changed, gone = append(tags, [entry])
        tags = {key: value for key, value in {**tags, **changed}.items() if key not in gone}
    return tags


texts = st.text(max_size=1500)


@given(by=texts, source=texts, note=texts, count=st.integers(1, 12))
def test_events_fit_the_tags_of_unity_catalog_and_keep_who_and_what(by, source, note, count):
    events = [Event(n, "promote", str(n), None, NOW, by, source, "c" * 40, note) for n in range(1, count + 1)]
    tags = recorded(*events)
    assert all(len(value) <= 1000 for value in tags.values())
    assert not any(character in key for key in tags for character in ".,-=/: ")
    assert [(e.number, e.version, e.at) for e in read_events(tags)] == [(n, str(n), NOW) for n in range(1, count + 1)]


def test_hundreds_of_moves_stay_below_the_limit_on_tags_and_show_that_the_oldest_are_gone():
    tags = recorded(*[event(n, str(n), note="x" * 300) for n in range(1, 201)])
    kept = read_events(tags)
    assert len(tags) <= 35
    assert kept[-1].number == 200
    assert [e.number for e in kept] == list(range(kept[0].number, 201))
    assert kept[0].number > 1


@pytest.mark.parametrize(
    ("intent_written", "alias_moved", "event_written"),
    [(False, False, False), (True, False, False), (True, True, False), (True, True, True)],
)
def test_a_crash_at_any_step_of_a_move_leaves_a_true_history(intent_written, alias_moved, event_written):
    first, second = event(1, "1"), event(2, "2", previous="1")
    tags = recorded(first, second) if event_written else recorded(first)
    if intent_written:
        tags[INTENT] = write_intent(second)
    live = "2" if alias_moved else "1"

    settled = settle(read_events(tags), read_intent(tags), live, NOW)

    assert settled.events == ((first, second) if alias_moved else (first,))
    assert settled.missing == (() if event_written or not alias_moved else (second,))
    assert settled.stale_intent == intent_written


def test_settling_twice_adds_nothing():
    tags = recorded(event(1, "1"))
    once = settle(read_events(tags), None, "7", NOW)
    again = settle(once.events, None, "7", NOW)
    assert again.missing == ()


def test_an_alias_moved_by_other_means_is_shown_as_found():
    settled = settle([event(1, "1")], None, "9", NOW)
    assert [(e.action, e.version, e.previous, e.by) for e in settled.missing] == [("found", "9", "1", "unknown")]


def test_an_intent_of_another_version_does_not_explain_where_the_alias_stands():
    settled = settle([event(1, "1")], event(2, "2"), "3", NOW)
    assert [e.action for e in settled.missing] == ["found"]
    assert settled.stale_intent


def test_a_model_without_alias_and_history_has_nothing_to_settle():
    assert settle([], None, None, NOW).events == ()
    assert live_version([]) is None
    assert previous_version([]) is None


def test_rolling_back_twice_goes_further_back_and_not_forth_again():
    events = [event(1, "1"), event(2, "2"), event(3, "3")]
    assert previous_version(events) == "2"
    events.append(event(4, "2", action="rollback"))
    assert previous_version(events) == "1"
    events.append(event(5, "1", action="rollback"))
    assert previous_version(events) is None
    events.append(event(6, "4"))
    assert previous_version(events) == "1"


moves = st.lists(st.tuples(st.sampled_from(["promote", "rollback"]), st.integers(1, 5)), max_size=30)


@settings(max_examples=200)
@given(moves)
def test_the_version_to_go_back_to_was_live_before_and_is_not_live_now(sequence):
    events = []
    for number, (action, version) in enumerate(sequence, 1):
        if action == "rollback":
            target = previous_version(events)
            if target is None:
                continue
            version = target
        events.append(event(number, str(version), action=action))
    target = previous_version(events)
    if target is not None:
        assert target != live_version(events)
        assert target in {e.version for e in events}


def test_pages_are_plain_json():
    (value,) = recorded(event(1, "1", commit="abc", source="dev")).values()
    assert json.loads(value) == [
        {"n": 1, "a": "promote", "v": "1", "t": NOW, "w": "ada@example.com", "s": "dev", "c": "abc"}
    ]
