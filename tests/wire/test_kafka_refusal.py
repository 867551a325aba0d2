"""What is told of a right that is missing: which, on what, and nothing that a library says."""

from __future__ import annotations

import pytest
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from stream.ops import log
from stream.ports import BrokerUnavailable, NoRight
from stream.wire.kafka_refusal import said, unavailable, written


@pytest.mark.parametrize(
    ("error", "right"),
    [
        (TopicAuthorizationFailedError("clips.raw"), "Read on topic clips.raw"),
        (TopicAuthorizationFailedError({"clips.raw"}), "Read on topic clips.raw"),
        (TopicAuthorizationFailedError(), "Read on topic asked"),
        (GroupAuthorizationFailedError("clipveil"), "Read on group clipveil"),
        (TransactionalIdAuthorizationFailed("clipveil-raw-0"), "Write on transactional-id clipveil-raw-0"),
        (ClusterAuthorizationFailedError(), "Write on topic asked"),
        (TopicAuthorizationFailedError({"clips.raw", "clips.audit"}), "Read on topic clips.audit, clips.raw"),
    ],
)
def test_a_right_that_is_missing_is_named(error: KafkaError, right: str) -> None:
    """By operation and resource, as kafka-acls.sh calls them; the log knows it again."""
    told = unavailable(error, "asked")
    assert (NoRight, f"{type(error).__name__} ({right})") == (type(told), str(told))
    assert {"right": right} == log.missing(told)
    assert log.KEYS["right"](right)


def test_a_right_whose_place_nobody_names_is_told_all_the_same() -> None:
    """Neither the library nor whoever asked: the log does not drop what is left to say."""
    told = unavailable(GroupAuthorizationFailedError())
    assert {"right": "Read on a group"} == log.missing(told)
    assert log.KEYS["right"]("Read on a group")


def test_whoever_writes_lacks_the_right_to_write() -> None:
    """Or what the error itself is about."""
    assert "TopicAuthorizationFailedError (Write on topic clips.raw)" == written(
        TopicAuthorizationFailedError("clips.raw")
    )
    assert "GroupAuthorizationFailedError (Read on group g)" == written(GroupAuthorizationFailedError("g"))


def test_nothing_that_a_library_says_is_told() -> None:
    """Messages can quote what was sent, and what is no name is left out."""
    assert (BrokerUnavailable, "KafkaError") == (type(told := unavailable(KafkaError("canary"))), str(told))
    assert "canary" not in said(TopicAuthorizationFailedError("canary said: my card is"), "clips.raw")
    assert {} == log.missing(told)
    assert not log.KEYS["right"]("Read on topic my card is")
