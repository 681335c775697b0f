from forgelm.base.events import Event
from forgelm.run.heartbeat import Heartbeat


def test_it_beats_with_the_first_event_after_the_interval_and_never_between():
    now, beats = [0.0], []
    heartbeat = Heartbeat(lambda: beats.append(now[0]), every_seconds=10, clock=lambda: now[0])
    for second in range(0, 36, 3):
        now[0] = float(second)
        heartbeat(Event.PROGRESS, step=second)
    assert beats == [12.0, 24.0]
    now[0] = 100.0
    heartbeat(Event.STAGE, name="x")
    assert beats == [12.0, 24.0, 100.0]
