"""Mock sensors on a simulated radio, with a real stack above it.

The sensor's side is bumble (https://github.com/google/bumble): a GATT server, a security manager
with real cryptography and a controller, in this process. The other side is whatever listens: a
bumble client, or the kernel and ``bluetoothd`` through ``/dev/vhci``. It shows what
:mod:`edge_mocks.bluez` only claims. Needs the package ``bumble``, a development dependency.
"""

from edge_mocks.radio.air import Air
from edge_mocks.radio.sensor import RadioSensor
from edge_mocks.radio.stage import RealBluez, Stage

__all__ = ["Air", "RadioSensor", "RealBluez", "Stage"]
