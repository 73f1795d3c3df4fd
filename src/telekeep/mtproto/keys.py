"""Making a server's RSA key. 2048 bits by cryptography take a tenth of a second."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from telekeep.mtproto.rsa import ServerKey


def make() -> ServerKey:
    """A new key."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = private.private_numbers()
    public = private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    n, e = public.public_numbers().n, public.public_numbers().e
    return ServerKey(n=n, e=e, d=numbers.d, p=numbers.p, q=numbers.q, pem=pem)


@cache
def of_this_process() -> ServerKey:
    """One key for all emulators of this process: clients keep keys in a table of the process, too."""
    return make()
