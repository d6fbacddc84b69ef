"""Sensors that share a port or a gateway, as a configuration file says it."""

import random

import pytest

from edge_agent import config, plan
from edge_agent.buses import bus_of, shared
from edge_agent.clock import SystemClock
from edge_agent.errors import ConfigError
from edge_agent.link.bus import SerialBus, TcpBus
from edge_agent.link.tls import Tls
from edge_agent.wiring import Links
from tests.certificates import Authority

HEAD = '[subject]\npseudonym = "00112233445566778899aabbccddeeff"\n'
RTU = 'driver = "modbus-room"\nport = "/dev/ttyRS485"\n'
TCP = 'driver = "modbus-room"\nprofile = "xy-md02"\nhost = "gateway"\n'


def written(tmp_path, *sensors):
    tables = (f'[[sensor]]\nname = "s{index}"\n{one}' for index, one in enumerate(sensors))
    file = tmp_path / "hub.toml"
    file.write_text(HEAD + "\n".join(tables), encoding="utf-8")
    return file


def problems(tmp_path, *sensors):
    with pytest.raises(ConfigError) as caught:
        plan.plan(written(tmp_path, *sensors))
    return {problem.path: str(problem) for problem in caught.value.problems}


def buses(tmp_path, *sensors):
    planned = plan.plan(written(tmp_path, *sensors)).sensors
    return [bus_of(one.driver.link, one.settings) for one in planned]


def test_sensors_of_one_bus_share_one_task_on_the_line_that_suits_all(tmp_path):
    sensors = (RTU + 'profile = "xy-md02"', RTU + 'profile = "wb-msw"\nunit = 9')
    one, other = buses(tmp_path, *sensors)
    assert (one.line.stopbits, other.line.stopbits) == (1, 2)
    assert shared([one, other]) == shared([other, one]) == other
    planned = plan.plan(written(tmp_path, *sensors)).sensors
    links = Links(planned, [].append, SystemClock(), random.Random(1))
    assert list(links.tasks) == ["s0+s1"]


@pytest.mark.parametrize(
    ("sensors", "path", "complaint"),
    [
        ([RTU + 'profile = "xy-md02"', RTU + 'profile = "jxct-air"'],
         "sensor[1].unit", "unit 1 on /dev/ttyRS485 is also that of sensor[0]"),
        ([TCP + "unit = 3", TCP + "unit = 3"],
         "sensor[1].unit", "unit 3 on gateway:502 is also that of sensor[0]"),
        ([RTU + 'profile = "xy-md02"', RTU + 'profile = "eastron-sdm120"\nunit = 2'],
         "sensor[1]", "is at 2400 baud, parity N, for sensor[0] at 9600 baud, parity N; set"),
        ([RTU + 'profile = "xy-md02"', RTU + 'profile = "xy-md02"\nunit = 2\nparity = "E"'],
         "sensor[1]", "is at 9600 baud, parity E, for sensor[0] at 9600 baud, parity N"),
        ([RTU + 'profile = "xy-md02"', 'driver = "nonin-2"\nport = "/dev/ttyRS485"'],
         "sensor[1].port", "is also the port of sensor[0]; only Modbus sensors can share a port"),
        (['driver = "nonin-2"\nport = "/dev/ttyX"', 'driver = "nonin-2"\nport = "/dev/ttyX"'],
         "sensor[1].port", "/dev/ttyX is also the port of sensor[0]"),
        ([TCP + "tcp_port = 9\nunit = 2", TCP + "tcp_port = 9\n[sensor.tls]"],
         "sensor[1].tls", "gateway:9 has other certificates than for sensor[0]"),
        ([RTU + 'profile = "xy-md02"\n[sensor.tls]'],
         "sensor[0].tls", "only a network host speaks TLS"),
        ([RTU + 'profile = "xy-md02"\ntcp_port = 502'],
         "sensor[0].tcp_port", "is of no use without a host"),
        ([TCP + '[sensor.tls]\nkey = "hub.key"'],
         "sensor[0].tls.key", "is of no use without 'certificate'"),
        ([TCP + '[sensor.tls]\ncertificate = "hub.pem"'],
         "sensor[0].tls.certificate", "is of no use without 'key'"),
        ([TCP + '[sensor.tls]\nca = "absent.pem"'],
         "sensor[0].tls.ca", "absent.pem: no such file or directory; Check the path"),
        ([TCP + '[sensor.tls]\nauthority = "ca.pem"'],
         "sensor[0].tls.authority", "unknown key"),
    ],
)  # fmt: skip
def test_sensors_that_can_t_be_on_one_wire_are_named(tmp_path, sensors, path, complaint):
    found = problems(tmp_path, *sensors)
    assert found.keys() == {path}
    assert complaint in found[path]


def test_lines_that_differ_may_be_made_one_by_the_configuration(tmp_path):
    one, other = buses(
        tmp_path,
        RTU + 'profile = "xy-md02"',
        RTU + 'profile = "eastron-sdm120"\nunit = 2\nbaud = 9600',
    )
    assert one == other == SerialBus("/dev/ttyRS485", one.line)


def test_gateway_is_at_the_port_of_the_protocol_unless_told(tmp_path):
    plain, secure, told = buses(
        tmp_path, TCP, TCP + "[sensor.tls]\n", TCP + "tcp_port = 1502\n[sensor.tls]\n"
    )
    assert plain == TcpBus("gateway", 502)
    assert secure == TcpBus("gateway", 802, Tls())
    assert told == TcpBus("gateway", 1502, Tls())


def test_files_of_tls_are_taken_from_the_folder_of_the_configuration(tmp_path):
    authority = Authority(tmp_path / "pki")
    authority.issue("hub")
    files = 'ca = "pki/authority.pem"\ncertificate = "pki/hub.pem"\nkey = "pki/hub.key"\n'
    (bus,) = buses(tmp_path, TCP + "[sensor.tls]\n" + files)
    assert bus.tls == Tls(
        ca=str(tmp_path / "pki/authority.pem"),
        certificate=str(tmp_path / "pki/hub.pem"),
        key=str(tmp_path / "pki/hub.key"),
    )
    bus.tls.context()


def test_settings_without_a_port_say_which_it_is(tmp_path):
    settings = config.load(written(tmp_path, TCP, TCP + "[sensor.tls]\n")).sensor
    assert [one.network_port for one in settings] == [502, 802]
