"""How long a worker waits before it is started again."""

from emoscope.streamer.worker.backoff import BACKOFF_S, LASTED_S, RestartBackoff


def test_the_first_restart_is_at_once_and_each_further_one_waits_longer_up_to_a_limit() -> None:
    backoff = RestartBackoff()
    pauses = [backoff.next_pause_s(lifetime_s=1.0) for _ in range(7)]
    assert pauses == [*BACKOFF_S, BACKOFF_S[-1], BACKOFF_S[-1]]
    assert pauses[0] == 0.0 and pauses == sorted(pauses)


def test_a_process_that_lasted_is_restarted_at_once_again() -> None:
    backoff = RestartBackoff()
    for _ in range(4):
        backoff.next_pause_s(lifetime_s=0.1)
    assert backoff.next_pause_s(lifetime_s=LASTED_S + 1) == 0.0
    assert backoff.next_pause_s(lifetime_s=0.1) == BACKOFF_S[1]
