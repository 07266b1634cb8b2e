import logging

from streams.log_limit import MAX_CHARACTERS, MAX_KIND_CHARACTERS, MAX_KINDS, RepeatLimit


def record(message: str, *args: object, name: str = "aiokafka.client", level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, message, args, None)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_library_says_a_thing_once_in_a_while_and_then_how_often() -> None:
    clock = Clock()
    limit = RepeatLimit(["aiokafka"], every=30, clock=clock)
    assert [limit.filter(record("no broker: %s", number)) for number in range(5)] == [True, False, False, False, False]
    clock.now = 30.0
    late = record("no broker: %s", 5)
    assert limit.filter(late)
    assert late.getMessage() == "no broker: 5 (and 4 more like it since the last)"
    clock.now = 60.0
    last = record("no broker: %s", 6)
    assert limit.filter(last)
    assert last.getMessage() == "no broker: 6"


def test_texts_that_differ_in_their_numbers_alone_are_of_one_kind() -> None:
    limit = RepeatLimit(["aiokafka"], clock=Clock())
    assert limit.filter(record("unable to connect to 127.0.0.1:9092"))
    assert not limit.filter(record("unable to connect to 127.0.0.1:9093"))


def test_other_messages_levels_and_loggers_pass() -> None:
    limit = RepeatLimit(["aiokafka"], clock=Clock())
    assert limit.filter(record("no broker"))
    assert limit.filter(record("no coordinator"))
    assert limit.filter(record("no broker", level=logging.WARNING))
    assert limit.filter(record("no broker", name="aiokafka.consumer"))
    for name in ("streams.worker", "aiokafkaesque"):
        assert limit.filter(record("the same", name=name))
        assert limit.filter(record("the same", name=name))


def test_a_text_with_percent_signs_and_no_arguments_survives_being_counted() -> None:
    clock = Clock()
    limit = RepeatLimit(["aiokafka"], every=30, clock=clock)
    limit.filter(record("100 % full"))
    limit.filter(record("100 % full"))
    clock.now = 31.0
    late = record("100 % full")
    assert limit.filter(late)
    assert late.getMessage() == "100 % full (and 1 more like it since the last)"


def test_what_is_remembered_is_bounded() -> None:
    limit = RepeatLimit(["aiokafka"], clock=Clock())
    for number in range(3 * MAX_KINDS):
        assert limit.filter(record(chr(0x4E00 + number)))
    assert len(limit._kinds) <= MAX_KINDS


def test_a_message_that_holds_a_whole_record_is_cut() -> None:
    limit = RepeatLimit(["faust"], clock=Clock())
    long = record("could not send %s", "x" * 10**6, name="faust.topics")
    assert limit.filter(long)
    assert len(long.getMessage()) < 2 * MAX_CHARACTERS
    assert "1000015 characters" in long.getMessage()


def test_a_kind_is_remembered_by_the_beginning_of_its_text_alone() -> None:
    limit = RepeatLimit(["aiokafka"], every=30, clock=Clock())
    assert [limit.filter(record("x" * 10**6 + end)) for end in "ab"] == [True, False]
    assert all(len(text) <= MAX_KIND_CHARACTERS for _, _, text in limit._kinds)
