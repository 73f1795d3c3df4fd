"""The exclusive right to connect with a key, on one machine.

    lease      what a lease is, and its name           holder     who has it: the face, for people
    local      leases of one machine, by flock         memory     leases of one process, for tests
    renewal    waiting for one                         probe      asking who has one, without taking it
    fence      the number that only grows              record     what lies in a lease file
    folder     where the files lie                     redaction  command lines without their secrets
    busy       the error that says who has it     flock      the kernel's lock, kept from children

Asking (`probe`) is light: fcntl and nothing else, for commands that must start fast.
"""

from telekeep.lease.holder import Holder
from telekeep.lease.lease import Lease, Leases, Lost, lease_name

__all__ = ["Holder", "Lease", "Leases", "Lost", "lease_name"]
