"""Modbus/TCP Security: a real server with certificates made here, and the product's own link."""

import asyncio
import contextlib
import logging
import socket
import ssl

import pytest

from edge_agent.config import TlsSettings
from edge_mocks.modbus import TcpRoomSensor, read_profile, room_values
from tests.certificates import Authority
from tests.room_hub import AIR, at_host, hub, truth_of


@pytest.fixture(autouse=True)
def _quiet_pymodbus():
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "pki")


def served_by(certificate, key, clients=None):
    """Return a server's context; with ``clients``, it wants certificates of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.file)
    return context


def gateway_with(tls):
    return TcpRoomSensor(read_profile("xy-md02"), 1, lambda: room_values(AIR), tls=tls)


def secure(port, **files):
    return at_host(port, "xy-md02", poll_s=0.1, tls=TlsSettings(**files))


async def test_sensor_behind_tls_gives_its_values_and_comes_back(authority):
    server = authority.issue("gateway", address="127.0.0.1")
    room = gateway_with(served_by(*server))
    async with room as gateway, hub(secure(gateway.port, ca=authority.file)) as running:
        await running.until(lambda: running.status().connected, "connected")
        await gateway.stop()
        await running.until(lambda: running.status().failures, "the loss is noticed")
        await gateway.start()
        await running.until(lambda: running.status().connections == 2, "connected anew")
    assert running.told() == truth_of("xy-md02")


async def test_gateway_that_wants_to_know_the_hub_is_shown_its_certificate(authority):
    server, client = authority.issue("gateway", address="127.0.0.1"), authority.issue("hub")
    async with gateway_with(served_by(*server, clients=authority)) as gateway:
        files = {"ca": authority.file, "certificate": client[0], "key": client[1]}
        async with hub(secure(gateway.port, **files)) as running:
            await running.until(running.told, "values")


async def reason_of_failure(settings):
    async with hub(settings) as running:
        await running.until(lambda: running.status().failures, "a failure")
        assert running.told() == {}
        return running.status().last_error


@contextlib.asynccontextmanager
async def refusing(context):
    """Serve TLS with OpenSSL alone, which tells a client why it is refused; asyncio does not."""

    def serve(listener):
        with contextlib.suppress(OSError):  # the listener is closed at the end
            while True:
                client, _ = listener.accept()
                with client, contextlib.suppress(OSError):
                    context.wrap_socket(client, server_side=True).recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(asyncio.to_thread(serve, listener))
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            await serving


async def test_gateway_that_does_not_accept_the_hub_is_explained(authority, tmp_path):
    server = authority.issue("gateway", address="127.0.0.1")
    stranger = Authority(tmp_path / "elsewhere", "stranger").issue("hub")
    async with refusing(served_by(*server, clients=authority)) as port:
        reason = await reason_of_failure(secure(port, ca=authority.file))
        assert "does not accept this hub (tlsv13 alert certificate required)" in reason
        assert "'certificate' and 'key'" in reason
        files = {"ca": authority.file, "certificate": stranger[0], "key": stranger[1]}
        reason = await reason_of_failure(secure(port, **files))
        assert "does not accept this hub (tlsv1 alert unknown ca)" in reason


async def test_gateway_that_hangs_up_without_a_word_is_explained(authority):
    server = authority.issue("gateway", address="127.0.0.1")
    async with gateway_with(served_by(*server, clients=authority)) as gateway:
        reason = await reason_of_failure(secure(gateway.port, ca=authority.file))
    assert "hangs up after the TLS handshake" in reason
    assert "'certificate' and 'key'" in reason


async def test_gateway_of_another_authority_is_refused(authority, tmp_path):
    stranger = Authority(tmp_path / "elsewhere", "stranger")
    server = stranger.issue("gateway", address="127.0.0.1")
    async with gateway_with(served_by(*server)) as gateway:
        reason = await reason_of_failure(secure(gateway.port, ca=authority.file))
        assert "certificate is not accepted: unable to get local issuer" in reason
        assert "'ca' of [sensor.tls]" in reason
        assert "certificate is not accepted" in await reason_of_failure(secure(gateway.port))


async def test_gateway_with_another_name_is_refused(authority):
    server = authority.issue("other-gateway")
    async with gateway_with(served_by(*server)) as gateway:
        reason = await reason_of_failure(secure(gateway.port, ca=authority.file))
    assert "certificate is not accepted: IP address mismatch" in reason
    assert "'host' is a name in the certificate" in reason


async def test_gateway_without_tls_gets_nothing_in_clear_from_a_hub_with_tls(authority):
    heard = bytearray()

    async def listen(reader, writer):
        heard.extend(await reader.read(4096))
        writer.write(b"\x00\x01\x00\x00\x00\x03\x01\x84\x02")
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        reason = await reason_of_failure(secure(port, ca=authority.file))
    assert "no TLS" in reason
    assert heard[:2] == b"\x16\x03"  # a TLS handshake, no Modbus
