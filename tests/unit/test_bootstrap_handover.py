from aether.bootstrap.handover import pause_before_handover


def test_an_entry_that_no_worker_knows_comes_back_less_and_less_often() -> None:
    pauses = [pause_before_handover(attempt).total_seconds() for attempt in (1, 2, 3, 5, 6, 7, 1_000_000)]

    assert pauses == [1, 2, 4, 16, 32, 32, 32]
