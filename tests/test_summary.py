import json

from edge_agent import codes
from edge_agent.clock import ClockRecord, VirtualClock
from edge_agent.model import (
    Alarm,
    Boottime,
    Event,
    EventKind,
    Evidence,
    Observation,
    Phase,
    Priority,
    State,
)
from edge_agent.summary import (
    EVENTS_PER_SUMMARY,
    STRIP,
    STRIPS_PER_SUMMARY,
    Summary,
    alarm_tables,
)

CLOCK = ClockRecord.take(VirtualClock())


def spo2(at, value, **kwargs):
    return Observation(code=codes.SPO2, value=value, at=Boottime(at), sensor="ox", **kwargs)


def test_live_values_of_a_quantity_become_one_row_of_statistics():
    summary = Summary()
    for at, value in ((1, 96.0), (2, 90.0), (3, 99.0)):
        summary.add(spo2(at, value, quality=0.9 if at == 2 else 1.0))
    (row,) = summary.take(CLOCK)["observation"]
    assert row == {
        "code": "MDC_PULS_OXIM_SAT_O2", "unit": "%", "sensor": "ox", "first_ns": 1, "last_ns": 3,
        "n": 3, "min": 90.0, "mean": 95.0, "max": 99.0, "last": 99.0, "quality": 0.9,
        "state": "measured", "backfilled": False, "device_ns": None,
    }  # fmt: skip


def test_readings_without_a_number_are_told_and_never_averaged():
    summary = Summary()
    summary.add(spo2(1, 96.0))
    summary.add(spo2(2, None, state=State.NOT_ATTACHED))
    (row,) = summary.take(CLOCK)["observation"]
    assert (row["n"], row["mean"], row["last"]) == (1, 96.0, None)
    assert row["state"] == "measured not-attached"


def test_backfilled_values_stay_single_with_their_own_times():
    summary = Summary()
    for at in (10, 20, 30):
        summary.add(spo2(at, 90.0 + at, backfilled=True))
    rows = summary.take(CLOCK)["observation"]
    assert [(row["first_ns"], row["last"], row["backfilled"]) for row in rows] == [
        (10, 100.0, True),
        (20, 110.0, True),
        (30, 120.0, True),
    ]


def test_a_flapping_sensor_can_not_grow_a_summary_without_bound():
    summary = Summary()
    for at in range(EVENTS_PER_SUMMARY + 7):
        summary.add(Event(kind=EventKind.CONNECTED, at=Boottime(at), sensor="ox"))
    events = summary.take(CLOCK)["event"]
    assert len(events) == EVENTS_PER_SUMMARY + 1
    assert json.loads(events[-1]["detail"]) == {"count": 7}


def test_only_so_many_strips_of_ecg_travel_in_one_summary():
    summary = Summary()
    for at in range(STRIPS_PER_SUMMARY + 5):
        detail = {"finding": "pause", STRIP: "1 2 3"}
        summary.add(Event(kind=EventKind.FINDING, at=Boottime(at), sensor="patch", detail=detail))
    details = [json.loads(row["detail"]) for row in summary.take(CLOCK)["event"]]
    assert [one[STRIP] for one in details].count("1 2 3") == STRIPS_PER_SUMMARY
    assert all(one.get("strip_left_out") for one in details[STRIPS_PER_SUMMARY:])
    summary.add(Event(kind=EventKind.FINDING, at=Boottime(99), sensor="patch", detail=detail))
    (row,) = summary.take(CLOCK)["event"]
    assert json.loads(row["detail"]) == detail


def test_taking_a_summary_starts_the_next_one_empty():
    summary = Summary()
    summary.add(spo2(1, 96.0))
    summary.add_forecast(codes.GLUCOSE, Boottime(5), 30.0, 110.0, 90.0, 130.0)
    assert summary.rows == 2
    assert set(summary.take(CLOCK)) == {"clock", "observation", "forecast"}
    assert summary.rows == 0
    assert set(summary.take(CLOCK)) == {"clock"}


def test_an_alarm_is_a_record_of_its_own_with_its_evidence():
    evidence = Evidence(quantity="q", value=85.0, unit="%", sensor="ox", at=Boottime(4), limit=90.0)
    alarm = Alarm(
        rule="spo2-low", episode="spo2-low-4", title="SpO2 low", priority=Priority.HIGH,
        technical=False, phase=Phase.RAISED, at=Boottime(5), evidence=(evidence,),
    )  # fmt: skip
    tables = alarm_tables(alarm, CLOCK)
    (row,) = tables["alarm"]
    assert (row["priority"], row["phase"], row["at_ns"]) == ("high", "raised", 5)
    assert json.loads(row["evidence"])[0]["limit"] == 90.0
    assert tables["clock"][0]["source"] in {"network", "unverified"}
