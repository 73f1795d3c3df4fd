"""The published worked example of the handshake, held against every step that needs no private key of Telegram's."""

from __future__ import annotations

from hashlib import sha1

from mtproto.fixtures import samples_auth_key as sample
from telekeep.mtproto.cipher import decrypt_ige, encrypt_ige
from telekeep.mtproto.exchange import nonce_hash, temporary_aes
from telekeep.mtproto.modpow import modpow
from telekeep.mtproto.schema import DH_PRIME, functions, read, read_first, types


def test_req_pq_of_the_example_is_read() -> None:
    request = read(sample.REQ_PQ[20:])
    assert isinstance(request, functions.ReqPqRequest)
    assert request.nonce.to_bytes(16, "little", signed=True) == sample.REQ_PQ[24:40]


def test_res_pq_is_written_as_in_the_example() -> None:
    written = types.ResPQ(
        nonce=int.from_bytes(sample.REQ_PQ[24:], "little", signed=True),
        server_nonce=int.from_bytes(sample.SERVER_NONCE, "little", signed=True),
        pq=bytes.fromhex("17ed48941a08f981"),
        server_public_key_fingerprints=[int.from_bytes(bytes.fromhex("216be86c022bb4c3"), "little", signed=True)],
    )
    assert bytes(written) == sample.RES_PQ[20:]


def test_req_dh_params_of_the_example_is_read() -> None:
    request = read(sample.REQ_DH_PARAMS[20:])
    assert isinstance(request, functions.ReqDHParamsRequest)
    assert int.from_bytes(request.p, "big") * int.from_bytes(request.q, "big") == 0x17ED48941A08F981
    assert len(request.encrypted_data) == 256


def test_the_temporary_key_is_that_of_the_example() -> None:
    assert temporary_aes(sample.NEW_NONCE, sample.SERVER_NONCE) == (sample.TMP_AES_KEY, sample.TMP_AES_IV)


def test_the_encrypted_answer_of_the_example_is_opened_and_made_again() -> None:
    data = decrypt_ige(sample.ENCRYPTED_ANSWER, sample.TMP_AES_KEY, sample.TMP_AES_IV)
    inner, length = read_first(data[20:])
    assert sha1(data[20 : 20 + length]).digest() == data[:20]
    assert isinstance(inner, types.ServerDHInnerData)
    assert int.from_bytes(inner.dh_prime, "big") == DH_PRIME
    assert encrypt_ige(data, sample.TMP_AES_KEY, sample.TMP_AES_IV) == sample.ENCRYPTED_ANSWER


def test_key_and_proof_are_those_of_the_example() -> None:
    data = decrypt_ige(sample.ENCRYPTED_ANSWER, sample.TMP_AES_KEY, sample.TMP_AES_IV)
    inner, _ = read_first(data[20:])
    secret = int.from_bytes(sample.B, "big")
    assert modpow(inner.g, secret, DH_PRIME).to_bytes(256, "big") == sample.G_B
    key = modpow(int.from_bytes(inner.g_a, "big"), secret, DH_PRIME).to_bytes(256, "big")
    assert key == sample.AUTH_KEY
    assert nonce_hash(sample.NEW_NONCE, 1, key) == sample.NEW_NONCE_HASH1
