from edge_agent import codes
from edge_agent.model import Boottime, Observation, State
from edge_agent.twin.state import FRESH_FOR_S, Domain, Twin

S = 1_000_000_000


def one(code, value, at_s, sensor="a", **kwargs):
    return Observation(code=code, value=value, at=Boottime(at_s * S), sensor=sensor, **kwargs)


def test_a_variable_has_value_unit_age_and_quality():
    twin = Twin()
    twin.assimilate(one(codes.SPO2, 97, 10, quality=0.8))
    variable = twin.variable(codes.SPO2, Boottime(14 * S))
    assert (variable.value, variable.code.unit, variable.age_s, variable.quality) == (
        97,
        "%",
        4,
        0.8,
    )
    assert not variable.is_stale


def test_a_variable_says_when_it_is_stale():
    twin = Twin()
    twin.assimilate(one(codes.SPO2, 97, 0))
    limit_s = FRESH_FOR_S[codes.SPO2]
    assert not twin.variable(codes.SPO2, Boottime(round(limit_s * S))).is_stale
    assert twin.variable(codes.SPO2, Boottime(round((limit_s + 1) * S))).is_stale


def test_an_older_value_changes_nothing():
    twin = Twin()
    twin.assimilate(one(codes.GLUCOSE, 120, 100))
    twin.assimilate(one(codes.GLUCOSE, 90, 50, backfilled=True))
    assert twin.variable(codes.GLUCOSE, Boottime(100 * S)).value == 120


def test_of_two_sensors_the_fresh_and_usable_one_wins():
    twin, now = Twin(), Boottime(20 * S)
    twin.assimilate(one(codes.HEART_RATE, 70, 18, "strap"))
    twin.assimilate(one(codes.HEART_RATE, None, 19, "patch", state=State.NOT_ATTACHED))
    assert twin.variable(codes.HEART_RATE, now).sensor == "strap"
    twin.assimilate(one(codes.HEART_RATE, 72, 19, "patch"))
    assert twin.variable(codes.HEART_RATE, now).sensor == "patch"
    assert twin.variable(codes.HEART_RATE, Boottime(300 * S)).is_stale


def test_devices_keep_their_own_state_apart():
    twin = Twin()
    twin.assimilate(one(codes.BATTERY, 80, 1, "strap"))
    twin.assimilate(one(codes.BATTERY, 30, 2, "patch"))
    twin.assimilate(one(codes.ROOM_CO2, 900, 2, "room"))
    shown = twin.snapshot(Boottime(3 * S))
    assert {(v.sensor, v.domain) for v in shown if v.code == codes.BATTERY} == {
        ("strap", Domain.DEVICE),
        ("patch", Domain.DEVICE),
    }
    assert [v.domain for v in shown if v.code == codes.ROOM_CO2] == [Domain.ROOM]


def test_what_was_never_measured_is_absent():
    assert Twin().variable(codes.SPO2, Boottime(0)) is None
    assert Twin().snapshot(Boottime(0)) == ()
