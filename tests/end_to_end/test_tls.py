"""Delivery over HTTPS, with a private certificate authority made for the test."""

import asyncio
import datetime as dt
import ipaddress
import random
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from edge_agent.agent import Agent
from edge_agent.clock import SystemClock
from edge_agent.collector import Collector
from edge_agent.errors import ConfigError
from edge_agent.model import Event, EventKind
from edge_agent.plan import plan
from edge_agent.store.keys import CARD_FILE, HubIdentity

CONFIG = """
[hub]
state_dir = "state"
control_socket = "c.sock"
summary_interval_s = 1
[subject]
pseudonym = "00112233445566778899aabbccddeeff"
[collector]
url = "https://127.0.0.1:{port}"
recipient = "collector/recipient.json"
ca = "{ca}"
"""


def make_certificate(folder, name):
    """Write a self-signed certificate for 127.0.0.1 and its key; return both paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


@pytest.fixture
async def collector(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(*make_certificate(tmp_path, "clinic"))
    make_certificate(tmp_path, "stranger")
    collector = await Collector.open(tmp_path / "collector")
    HubIdentity.load_or_create(tmp_path / "state")
    collector.enrol(tmp_path / "state" / CARD_FILE)
    collector.port = await collector.start("127.0.0.1", 0, context)
    yield collector
    await collector.close()


async def run_hub(tmp_path, port, ca, until):
    config = tmp_path / "hub.toml"
    config.write_text(CONFIG.format(port=port, ca=ca))
    agent, stop = Agent(plan(config), SystemClock(), random.Random(1)), asyncio.Event()
    running = asyncio.create_task(agent.run(stop))
    at = agent.clock.boottime()
    agent.receive(Event(kind=EventKind.CONNECTED, at=at, sensor="s"))
    async with asyncio.timeout(20):
        while agent.records.uploader is None or not until(agent.records.uploader.state):
            await asyncio.sleep(0.01)
    stop.set()
    await running
    return agent


async def test_records_go_over_https_to_a_collector_of_the_right_authority(tmp_path, collector):
    await run_hub(tmp_path, collector.port, "clinic.pem", lambda state: state.sent)
    assert (await collector.stats()).kept.stored == 1


async def test_a_collector_with_a_stranger_s_certificate_gets_nothing(tmp_path, collector):
    agent = await run_hub(tmp_path, collector.port, "stranger.pem", lambda state: state.last_error)
    assert "certificate" in agent.records.uploader.state.last_error.lower()
    assert (await collector.stats()).kept.stored == 0


async def test_an_authority_that_can_not_be_used_is_found_before_the_start(tmp_path, collector):
    config = tmp_path / "hub.toml"
    config.write_text(CONFIG.format(port=collector.port, ca="absent.pem"))
    with pytest.raises(ConfigError, match=r"collector\.ca"):
        plan(config)
