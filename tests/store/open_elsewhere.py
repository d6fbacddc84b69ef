"""Opens a sealed record from docs/envelope.md alone, with pyhpke: nothing of edge_agent is used.

Reads a JSON object from standard input and prints the tables: ``record`` in base64; ``private``
(X25519) and ``identity`` (the hub's public Ed25519 key) in hexadecimal; ``place`` of the sealed
content key. Any of the signatures that does not fit ends it with an error.
"""

import base64
import json
import struct
import sys
import zlib
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from pyhpke import AEADId, CipherSuite, KDFId, KEMId


def check_signatures(record: bytes, identity: bytes) -> None:
    hub_id, (epoch, seq) = record[12:28], struct.unpack_from(">IQ", record, 44)
    stated, vouched, handover = record[108:192], record[192:256], record[256:320]
    key_epoch, first_seq, last_seq, day_key, before = struct.unpack(">IQQ32s32s", stated)
    about = hub_id + stated
    public = Ed25519PublicKey.from_public_bytes
    public(identity).verify(vouched, b"edge-agent/day-key/v2" + about)
    if before != bytes(32):
        public(before).verify(handover, b"edge-agent/handover/v2" + about)
    public(day_key).verify(record[-64:], b"edge-agent/seal/v2" + sha256(record[:-64]).digest())
    if key_epoch != epoch or not first_seq <= seq <= last_seq:
        raise SystemExit("a day key of other places")


def open_record(record: bytes, private: bytes, place: int) -> object:
    if record[0] != 2 or record[1] != 2:
        raise SystemExit("not version 2 with X25519")
    clear, body = record[:320], record[320:-64]
    sealed_keys = 1 if record[100:108] == bytes(8) else 2
    suite = CipherSuite.new(
        KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305
    )
    sealed_key = body[80 * place : 80 * (place + 1)]
    context = suite.create_recipient_context(
        sealed_key[:32], suite.kem.deserialize_private_key(private), info=b"edge-agent/v2" + clear
    )
    content_key = context.open(sealed_key[32:])
    padded = ChaCha20Poly1305(content_key).decrypt(bytes(12), body[80 * sealed_keys :], clear)
    (length,) = struct.unpack_from(">I", padded)
    tables = json.loads(zlib.decompress(padded[4 : 4 + length]))
    return {
        name: [
            {
                column: values[row] if isinstance(values, list) else values
                for column, values in table["columns"].items()
            }
            for row in range(table["rows"])
        ]
        for name, table in tables.items()
    }


if __name__ == "__main__":
    given = json.load(sys.stdin)
    octets = base64.b64decode(given["record"])
    check_signatures(octets, bytes.fromhex(given["identity"]))
    json.dump(open_record(octets, bytes.fromhex(given["private"]), given["place"]), sys.stdout)
    if any(name.partition(".")[0] == "edge_agent" for name in sys.modules):
        raise SystemExit("this used edge_agent")
