"""A hub comes to be known, delivers over mutual TLS, is renewed, revoked, decommissioned."""

import asyncio
import datetime as dt
import random
import shutil
import ssl
import time

import aiohttp
import pytest
from cryptography import x509

from edge_agent.clock import NS_PER_S, SystemClock, VirtualClock
from edge_agent.collector import Collector
from edge_agent.collector.authority import LIFE
from edge_agent.errors import SealError, SyncError
from edge_agent.farewell import Farewell
from edge_agent.model import Boottime
from edge_agent.plan import plan
from edge_agent.records import open_outbox, tls
from edge_agent.store.keys import HubIdentity
from edge_agent.store.outbox import RecordClass
from edge_agent.store.suites import Suite
from edge_agent.sync.client import Uploader
from edge_agent.sync.credentials import Credentials, trust
from edge_agent.sync.enrolment import enrol
from edge_agent.sync.protocol import MEDIA_TYPE, RECORDS_PATH
from edge_agent.sync.renewal import Renewal
from edge_agent.sync.token import Token, TokenError

DAY_S = 86_400.0
HOUR = dt.timedelta(hours=1)
LOCAL = ("127.0.0.1",)
TABLES = {"event": [{"kind": "connected", "sensor": "s", "at_ns": 1, "detail": "{}"}]}
CONFIG = """
[hub]
state_dir = "state"
control_socket = "c.sock"
[subject]
pseudonym = "00112233445566778899aabbccddeeff"
[collector]
url = "https://127.0.0.1:{port}"
suite = "x25519"
"""


def clock_at(days=0.0):
    """A clock that stands, so many days from now: TLS goes by the real time of day."""
    return VirtualClock(time.time_ns() + round(days * DAY_S) * NS_PER_S)


class Site:
    """A collector over TLS, and a hub's folder."""

    def __init__(self, folder):
        self.folder, self.clock, self.state = folder, clock_at(), folder / "state"

    async def open(self, name="collector", names=LOCAL, clock=None):
        self.collector = await Collector.open(
            self.folder / name, suite=Suite.X25519, clock=clock or self.clock
        )
        self.port = await self.collector.start("127.0.0.1", 0, names)
        self.url = f"https://127.0.0.1:{self.port}"

    @property
    def identity(self):
        return HubIdentity.load_or_create(self.state)

    @property
    def credentials(self):
        return Credentials.of(self.state)

    async def enrol(self, token=None, clock=None):
        token = token or self.collector.draw_token()
        return await enrol(self.url, token, self.identity, self.state, clock or self.clock)

    def plan(self):
        (self.folder / "hub.toml").write_text(CONFIG.format(port=self.port))
        return plan(self.folder / "hub.toml")

    async def deliver(self, count=1, until=None):
        """Seal records and have them sent until they are, or ``until``; return the state."""
        planned = self.plan()
        async with await open_outbox(planned, self.identity) as outbox:
            for _ in range(count):
                await outbox.append(RecordClass.EVENT, TABLES, at=Boottime(0))
            context = tls(planned.settings.collector, self.credentials)
            uploader = Uploader(
                outbox, self.url, SystemClock(), random.Random(1), ssl_context=context
            )
            uploader.own_trouble = lambda: self.credentials.trouble(SystemClock())
            running = asyncio.create_task(uploader.run())
            async with asyncio.timeout(30):
                while not (until or (lambda state: state.sent == count))(uploader.state):
                    assert not running.done(), running.exception()
                    await asyncio.sleep(0.005)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return uploader.state

    async def refusal(self):
        """Return why nothing is taken."""
        return (await self.deliver(until=lambda state: state.last_error)).last_error

    async def kept(self):
        return (await self.collector.stats()).kept.stored


@pytest.fixture
async def site(tmp_path):
    site = Site(tmp_path)
    await site.open()
    yield site
    await site.collector.close()


async def test_a_hub_with_a_token_is_known_and_delivers_over_mutual_tls(site):
    credentials = await site.enrol()
    certificate = credentials.certificate()
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= LIFE + HOUR
    await site.deliver(3)
    assert await site.kept() == 3
    assert credentials.hub_file.stat().st_mode & 0o777 == 0o600


async def test_the_token_of_another_collector_is_never_shown_to_this_one(site, tmp_path):
    other = await Collector.open(tmp_path / "other", suite=Suite.X25519, clock=site.clock)
    token = other.draw_token()
    await other.close()
    with pytest.raises(TokenError, match="another collector"):
        await site.enrol(token)
    assert site.credentials is None


async def test_a_token_is_refused_when_used_by_another_hub_expired_or_made_up(site, tmp_path):
    token = site.collector.draw_token()
    await site.enrol(token)
    await site.enrol(token)  # the answer may have been lost
    shutil.rmtree(site.state)
    with pytest.raises(
        SyncError, match=r"403: token: used by another hub already.*collector enroll"
    ):
        await site.enrol(token)
    late = site.collector.draw_token()
    await site.clock.advance(15 * 60)
    with pytest.raises(SyncError, match="403: token: expired"):
        await site.enrol(late, clock_at())
    with pytest.raises(SyncError, match="403: token: not known"):
        await site.enrol(Token.draw(site.collector.authority().der), clock_at())


@pytest.mark.parametrize("days", [-3650, 3650])
async def test_a_hub_whose_clock_is_wrong_is_told_so_and_nothing_is_used_up(site, days):
    token = site.collector.draw_token()
    with pytest.raises(SyncError, match=r"this hub's clock says .*timedatectl"):
        await site.enrol(token, clock_at(days))
    await site.enrol(token)


async def test_who_has_no_certificate_of_a_hub_brings_nothing(site):
    await site.enrol()
    context = trust(str(site.credentials.authority_file))
    async with aiohttp.ClientSession() as session:
        headers = {"Content-Type": MEDIA_TYPE}
        url = site.url + RECORDS_PATH
        async with session.post(url, data=b"x", headers=headers, ssl=context) as response:
            assert response.status == 401
            assert "enrol" in (await response.json())["error"]


async def test_tls_1_2_is_refused(site):
    await site.enrol()
    context = site.credentials.context()
    _, writer = await asyncio.open_connection("127.0.0.1", site.port, ssl=context)
    assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    writer.close()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", site.port, ssl=context)


async def test_a_record_of_another_hub_than_the_certificates_is_refused(site, tmp_path):
    await site.enrol()
    mine = site.state
    site.state = tmp_path / "thief"
    await site.enrol()
    shutil.rmtree(site.state / "collector")
    shutil.copytree(mine / "collector", site.state / "collector")
    assert "of another hub" in await site.refusal()
    assert await site.kept() == 0


async def test_a_revoked_hub_brings_nothing_renews_nothing_and_keeps_its_records(site):
    await site.enrol()
    await site.deliver()
    site.collector.revoke(site.identity.hub_id, "stolen")
    assert "403: this hub is revoked: stolen" in await site.refusal()
    assert await site.kept() == 1
    with pytest.raises(SyncError, match="revoked"):
        await site.enrol()
    renewal = renewal_of(site, site.credentials.context(), clock_at(61))
    before = site.credentials.hub_file.read_bytes()
    assert await renewal.look() <= 60
    assert site.credentials.hub_file.read_bytes() == before


def renewal_of(site, context, clock):
    rng = random.Random(1)
    return Renewal(site.url, site.credentials, site.identity, context, clock, rng)


async def test_a_certificate_is_renewed_at_two_thirds_of_its_life_and_shown_from_then_on(site):
    await site.enrol()
    context = site.credentials.context()
    before = site.credentials.certificate()
    assert await renewal_of(site, context, clock_at(59)).look() == 3600
    assert site.credentials.certificate() == before
    await renewal_of(site, context, clock_at(61)).look()
    after = site.credentials.certificate()
    assert after.public_key() != before.public_key()
    await site.deliver()
    assert await site.kept() == 1


async def test_the_last_hour_before_renewal_is_not_slept_over(site):
    await site.enrol()
    clock = clock_at()
    left = site.credentials.due().timestamp() - clock.utc_ns() / 1e9
    await clock.advance(left - 100)
    seconds = await renewal_of(site, site.credentials.context(), clock).look()
    assert 98 < seconds < 102


async def test_a_hub_whose_certificate_expired_in_a_drawer_says_so_and_renews_by_its_identity(
    site, tmp_path
):
    await site.collector.close()
    await site.open(clock=clock_at(-91))
    await site.enrol(clock=clock_at())
    await site.collector.close()
    await site.open()
    assert "this hub's certificate has expired" in await site.refusal()
    context = site.credentials.context()
    await renewal_of(site, context, clock_at()).look()
    state = await site.deliver(1, until=lambda state: state.sent == 2)
    assert state.last_error == ""
    assert await site.kept() == 2


async def test_a_collector_that_moved_to_another_authority_is_not_trusted(site):
    await site.enrol()
    await site.collector.close()
    await site.open("impostor")
    assert "not by the authority that this hub was enrolled with" in await site.refusal()


async def test_a_collector_under_another_name_is_told_how_to_mend_it(site):
    await site.enrol()
    await site.collector.close()
    await site.open(names=("collector.clinic.example",))
    refusal = await site.refusal()
    assert "for another name or address" in refusal
    assert "--name" in refusal


async def test_a_collectors_certificate_of_the_future_blames_the_clock(site):
    await site.enrol()
    await site.collector.close()
    (site.folder / "collector" / "authority" / "server.pem").unlink()
    await site.open(clock=clock_at(30))
    refusal = await site.refusal()
    assert "not valid yet" in refusal
    assert "timedatectl" in refusal


async def test_the_collector_renews_its_own_certificate_while_it_serves(site):
    file = site.folder / "collector" / "authority" / "server.pem"
    before = x509.load_pem_x509_certificate(file.read_bytes())
    await site.enrol()
    site.clock.step_utc(61 * DAY_S)
    await site.clock.advance(3601)
    async with asyncio.timeout(20):
        while x509.load_pem_x509_certificate(file.read_bytes()) == before:
            await asyncio.sleep(0.01)
    names = site.collector.authority()
    assert names.renew_server(LOCAL) is False


async def test_enrolment_is_not_offered_in_the_clear(site):
    await site.collector.close()
    await site.open(names=())
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{site.port}/v1/authority") as response,
    ):
        assert response.status == 404


async def test_a_decommissioned_hub_has_delivered_is_unknown_and_leaves_no_key_behind(site):
    await site.enrol()
    planned = site.plan()
    async with await open_outbox(planned, site.identity) as outbox:
        await outbox.append(RecordClass.ALARM, TABLES, at=Boottime(0))
    hub_id = site.identity.hub_id
    secrets = [site.credentials.hub_file.read_bytes(), (site.state / "identity.pem").read_bytes()]
    farewell = Farewell(planned, SystemClock())
    waiting = await farewell.deliver(20)
    assert (waiting.records, await site.kept()) == (0, 1)
    assert await farewell.tell()
    farewell.wipe()
    assert list(site.state.rglob("*")) == []
    for file in site.folder.rglob("*"):
        assert file.is_dir() or not any(one in file.read_bytes() for one in secrets)
    assert site.collector._enrolment.why_revoked(hub_id) == "decommissioned"
    with pytest.raises(Exception, match="holds no hub"):
        Farewell(planned, SystemClock())
    await site.enrol()  # the box is a new hub
    assert site.identity.hub_id != hub_id


async def test_what_can_not_be_delivered_is_counted_before_anything_is_wiped(site):
    await site.enrol()
    planned = site.plan()
    async with await open_outbox(planned, site.identity) as outbox:
        for record_class in (RecordClass.ALARM, RecordClass.SUMMARY):
            await outbox.append(record_class, TABLES, at=Boottime(0))
    await site.collector.close()
    farewell = Farewell(planned, SystemClock())
    waiting = await farewell.deliver(0.5)
    assert (waiting.records, waiting.alarms) == (2, 1)
    assert "no answer" in waiting.reason
    with pytest.raises(SyncError):
        await farewell.tell()
    assert (site.state / "identity.pem").exists()


async def test_an_authority_whose_key_was_lost_is_not_silently_replaced(site):
    (site.folder / "collector" / "authority" / "authority.key").unlink()
    with pytest.raises(SealError, match="authority"):
        site.collector.authority()
