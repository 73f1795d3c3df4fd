"""The loan of a run lives as long as its program, and is worth something at the gateway only."""

from __future__ import annotations

from dataclasses import replace

import pytest
from telethon.network import ConnectionTcpAbridged

from borrow.served import Served, until
from telekeep.borrow.hook.telekeep_hook.telethon import guarded


async def test_it_is_not_forgotten_while_somebody_says_that_it_is_needed(served: Served) -> None:
    told = [await served.owners.run("main"), await served.owners.run("main")]
    loans = served.owner.register.loans
    for each in told:
        served.owner.register.replace(replace(loans[each["id"]], last_used=0.0))
    assert served.owners.running("main", told[0]["id"]) is True
    await until(lambda: told[1]["id"] not in loans)
    assert loans[told[0]["id"]].state(loans[told[0]["id"]].last_used) == "open"


async def test_it_ends_with_its_program_and_is_not_listed_for_a_month(served: Served) -> None:
    told = await served.owners.run("main", seconds=3600)
    loans = served.owner.register.loans
    served.owners.ended("main", told["id"])
    assert loans[told["id"]].ended_why == "revoked"
    assert served.owners.running("main", told["id"]) is False
    served.owner.register.replace(replace(loans[told["id"]], ended_at=0.0))
    await until(lambda: told["id"] not in loans)


async def test_the_hook_is_told_which_keys_are_which(served: Served) -> None:
    other = served.telegram.mint(served.telegram.add_account("9996625555"))
    served.keep(other, "second")
    told = await served.owners.run("main")
    own = next(each for each in served.telegram.authorizations(served.ada)).key.id
    loan = served.owner.register.loans[told["id"]].key.id
    assert set(told["own_keys"]) == {f"{each & (1 << 64) - 1:016x}" for each in (own, loan)}
    assert told["other_keys"] == {f"{other.auth_key.id:016x}": "second"}


async def test_a_connection_on_a_loan_goes_to_the_gateway_or_nowhere() -> None:
    line = guarded(ConnectionTcpAbridged, {("127.0.0.1", 1)})

    def made(host: str, port: int) -> ConnectionTcpAbridged:
        loggers = dict.fromkeys([ConnectionTcpAbridged.__module__, "telethon.network.connection.connection"])
        return line(host, port, 2, loggers=loggers, proxy=("socks5", "127.0.0.1", 9), local_addr="192.0.2.1")

    for host, port in (("127.0.0.1", 2), ("192.0.2.1", 1), ("::1", 1)):
        with pytest.raises(ConnectionError, match="worth nothing"):
            await made(host, port).connect(timeout=1)
    near = made("127.0.0.1", 1)
    near._proxy = ("socks5", "127.0.0.1", 9)  # what Telethon's set_proxy does
    assert (near._proxy, near._local_addr) == (None, None)
    with pytest.raises(ConnectionRefusedError):
        await near.connect(timeout=1)
