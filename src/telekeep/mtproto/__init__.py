"""The server side of MTProto 2.0: transports, the key handshake, encryption, and the rules of a connection.

Nothing here knows what is served: the emulator and the gateway both stand on `connection`.
"""
