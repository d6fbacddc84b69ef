"""How a Modbus bus is opened: RTU on a serial port, TCP, or TCP under TLS, with pymodbus.

TLS is that of the Modbus/TCP Security protocol (MB-TCP-Security, modbus.org): the frames of
Modbus/TCP unchanged inside TLS, port 802, the server verified and the client too if it asks.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import termios
from collections.abc import Awaitable, Callable

from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient, AsyncModbusTlsClient
from pymodbus.pdu import ModbusPDU

from edge_agent.driver import RegisterBlock
from edge_agent.errors import LinkError
from edge_agent.link.bus import Bus, SerialBus, TcpBus
from edge_agent.link.serial import open_port

_CONNECT_S = 5.0
_REFUSAL_S = 1.0
_EXCEPTION = 0x80
_OWN_CERTIFICATE = "Give 'certificate' and 'key' that the gateway trusts in [sensor.tls]"

Client = AsyncModbusSerialClient | AsyncModbusTcpClient


async def connect(bus: Bus, timeout_s: float) -> Client:
    """Open ``bus``; a request on it ends by itself after ``timeout_s`` at the earliest.

    :raises LinkError: says why it can't be opened, and what to do.
    """
    client = _client(bus, max(_CONNECT_S, timeout_s))
    try:
        if await client.connect():
            return client
    except (ValueError, termios.error):
        pass  # the port does not take the settings: the next line says so
    client.close()
    raise await why_not(bus) or LinkError(
        f"bus {bus}", "could not be opened", "It is tried again by itself"
    )


def _client(bus: Bus, timeout_s: float) -> Client:
    if isinstance(bus, SerialBus):
        return AsyncModbusSerialClient(
            bus.port,
            framer=FramerType.RTU,
            baudrate=bus.line.baud,
            bytesize=bus.line.bytesize,
            parity=bus.line.parity,
            stopbits=bus.line.stopbits,
            timeout=timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=Hearing(),
        )
    if bus.tls is not None:
        return AsyncModbusTlsClient(
            bus.host,
            port=bus.port,
            sslctx=bus.tls.context(),
            timeout=timeout_s,
            retries=0,
            reconnect_delay=0,
        )
    return AsyncModbusTcpClient(
        bus.host, port=bus.port, timeout=timeout_s, retries=0, reconnect_delay=0
    )


def question(client: Client, unit: int, block: RegisterBlock) -> Awaitable[ModbusPDU]:
    """Ask ``unit`` for ``block``: one of the three functions that only read."""
    reads: dict[int, Callable[..., Awaitable[ModbusPDU]]] = {
        2: client.read_discrete_inputs,
        3: client.read_holding_registers,
        4: client.read_input_registers,
    }
    return reads[block.function](block.address, count=block.count, device_id=unit)


class Hearing:
    """What the hub hears on the wires after a request: nothing but what may be its answer.

    pymodbus drops all it has when a frame does not check, so that an octet of noise in front
    (a line without bias resistors) or an adapter's echo costs the answer. This drops the echo, and
    everything before the first octets with the right unit and function.
    """

    def __init__(self) -> None:
        self._request = b""

    def __call__(self, sending: bool, octets: bytes) -> bytes:
        """Take what is sent as it is; return the part of what was received that matters."""
        if sending:
            self._request = octets
            return octets
        _, echo, after = octets.partition(self._request)
        heard = after if echo else octets
        if len(self._request) < 2 or self._request.startswith(heard):
            return b""  # nothing yet, or the beginning of an echo
        unit, function = self._request[:2]
        answers = (bytes((unit, function)), bytes((unit, function | _EXCEPTION)))
        places = [at for answer in answers if (at := heard.find(answer)) >= 0]
        return heard[min(places) :] if places else b""


async def why_not(bus: Bus) -> LinkError | None:
    """Find out what pymodbus does not tell: open the port or the connection once by hand."""
    try:
        if isinstance(bus, SerialBus):
            open_port("bus", bus.port, bus.line).close()
        else:
            async with asyncio.timeout(_CONNECT_S):
                await _try_connection(bus)
    except LinkError as error:
        return error
    except ssl.SSLError as error:
        return _tls_refusal(bus, error)
    except (OSError, TimeoutError) as error:
        known = isinstance(error, OSError) and (error.errno or 0) > 0
        reason = os.strerror(error.errno or 0) if known else str(error) or "no answer"
        step = "Check 'host' and 'tcp_port', and that the gateway has power"
        return LinkError(f"bus {bus}", reason, step)
    return None


async def _try_connection(bus: TcpBus) -> None:
    """Connect; under TLS, wait a little for the server's view of this hub's certificate.

    With TLS 1.3 it comes after the handshake, as an alert, or the server just hangs up.

    :raises LinkError: the server hung up.
    """
    context = None if bus.tls is None else bus.tls.context()
    reader, writer = await asyncio.open_connection(bus.host, bus.port, ssl=context)
    try:
        if context is not None:
            async with asyncio.timeout(_REFUSAL_S):
                await reader.read(1)
            reason = "it hangs up after the TLS handshake, as if it did not accept this hub"
            raise LinkError(f"bus {bus}", reason, _OWN_CERTIFICATE)
    except TimeoutError:
        pass  # a server that is content says nothing
    finally:
        writer.close()


def _tls_refusal(bus: Bus, error: ssl.SSLError) -> LinkError:
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = f"its certificate is not accepted: {error.verify_message}"
        step = "Check 'ca' of [sensor.tls], and that 'host' is a name in the certificate"
    elif "ALERT" in (error.reason or ""):
        reason = f"it does not accept this hub ({_words(error)})"
        step = _OWN_CERTIFICATE
    else:
        reason = f"no TLS: {_words(error)}"
        step = "Check 'tcp_port', or leave [sensor.tls] out if the gateway has no TLS"
    return LinkError(f"bus {bus}", reason, step)


def _words(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")
