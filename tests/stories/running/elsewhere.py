"""Options that lead elsewhere: proxies, IPv6, other transports, other addresses. One client after the other."""

import asyncio

from telethon import TelegramClient, connection

WAYS = {
    "proxy": {"proxy": ("socks5", "127.0.0.1", 9)},
    "proxy, as a table": {"proxy": {"proxy_type": "http", "addr": "127.0.0.1", "port": 9}},
    "IPv6": {"use_ipv6": True},
    "IPv6 from here": {"use_ipv6": True, "local_addr": "::1"},
    "from here": {"local_addr": "192.0.2.1"},
    "MTProxy": {
        "connection": connection.ConnectionTcpMTProxyRandomizedIntermediate,
        "proxy": ("127.0.0.1", 9, "00" * 16),
    },
    "obfuscated": {"connection": connection.ConnectionTcpObfuscated},
    "HTTP": {"connection": connection.ConnectionHttp},
    "intermediate": {"connection": connection.ConnectionTcpIntermediate},
}


async def main():
    for way, options in WAYS.items():
        client = TelegramClient("elsewhere", 1, "a" * 32, connection_retries=1, retry_delay=0, timeout=5, **options)
        await client.start()
        print(way, (await client.get_me()).id, client.session.server_address, sep="|")
        await client.disconnect()
    client = TelegramClient("elsewhere", None, None, connection_retries=1)
    client.session.set_dc(2, "192.0.2.1", 443)
    client.set_proxy(("socks5", "127.0.0.1", 9))
    await client.start()
    print("moved", (await client.get_me()).id, client.session.server_address, sep="|")
    await client.disconnect()


asyncio.run(main())
