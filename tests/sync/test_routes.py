import pytest

from edge_agent.sync.routes import Route, is_metered, routes

ROUTE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wwan0\t00000000\t0100000A\t0003\t0\t0\t700\t00000000\t0\t0\t0
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
eth1\t00000000\t0101A8C0\t0002\t0\t0\t50\t00000000\t0\t0\t0
"""
ZERO = "0" * 32
IPV6 = f"""\
{ZERO} 00 {ZERO} 00 fe800000000000000000000000000001 00000400 00000001 00000007 00000003     eth0
{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200       lo
"""


@pytest.fixture
def proc_net(tmp_path):
    (tmp_path / "route").write_text(ROUTE)
    (tmp_path / "ipv6_route").write_text(IPV6)
    return tmp_path


def test_routes_that_are_up_are_read_of_both_families(proc_net):
    found = routes(proc_net)
    assert Route("eth0", "00000000/00000000", "0101A8C0", 100, is_default=True) in found
    assert {one.device for one in found} == {"eth0", "wwan0"}
    assert len(found) == 4
    assert sum(one.is_default for one in found) == 3


def test_that_packets_pass_is_no_change_of_the_network(proc_net):
    before = routes(proc_net)
    (proc_net / "ipv6_route").write_text(IPV6.replace("00000007", "0000abcd"))
    assert routes(proc_net) == before
    (proc_net / "route").write_text(ROUTE.replace("0101A8C0", "0101A8C1"))
    assert routes(proc_net) != before


def test_a_link_is_metered_when_the_best_default_route_leaves_by_a_device_that_is(proc_net):
    assert not is_metered(["wwan*"], routes(proc_net))
    assert is_metered(["ppp0", "eth*"], routes(proc_net))
    (proc_net / "route").write_text("".join(ROUTE.splitlines(keepends=True)[:2]))
    (proc_net / "ipv6_route").write_text("")
    assert is_metered(["wwan*"], routes(proc_net))


def test_a_machine_without_routes_or_without_proc_is_not_metered(tmp_path):
    assert routes(tmp_path) == frozenset()
    assert not is_metered(["*"], routes(tmp_path))


def test_the_routes_of_this_machine_can_be_read():
    assert isinstance(routes(), frozenset)
