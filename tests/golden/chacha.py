"""ChaCha20-Poly1305 as RFC 8439 has it, written from that, for a client that shares no code with
belay's."""

import struct

MASK = 0xffffffff


def _quarter(x, a, b, c, d):
    for i, j, k, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        x[i] = (x[i] + x[j]) & MASK
        x[k] ^= x[i]
        x[k] = (x[k] << turn | x[k] >> 32 - turn) & MASK


def _block(key, counter, nonce):
    start = [*struct.unpack("<4I", b"expand 32-byte k"), *struct.unpack("<8I", key), counter,
             *struct.unpack("<3I", nonce)]
    x = list(start)
    for _ in range(10):
        for one in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            _quarter(x, *one)
    return struct.pack("<16I", *((a + b) & MASK for a, b in zip(x, start)))


def _crypt(key, nonce, data):
    stream = b"".join(_block(key, 1 + i, nonce) for i in range((len(data) + 63) // 64))
    return bytes(a ^ b for a, b in zip(data, stream))


def _tag(key, nonce, extra, sealed):
    once = _block(key, 0, nonce)
    r = int.from_bytes(once[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    total = 0
    text = (extra + bytes(-len(extra) % 16) + sealed + bytes(-len(sealed) % 16)
            + struct.pack("<QQ", len(extra), len(sealed)))
    for at in range(0, len(text), 16):
        total = (total + int.from_bytes(text[at:at + 16] + b"\1", "little")) * r % (2**130 - 5)
    total += int.from_bytes(once[16:32], "little")
    return (total & (1 << 128) - 1).to_bytes(16, "little")


def seal(key, nonce, extra, data):
    sealed = _crypt(key, nonce, data)
    return sealed + _tag(key, nonce, extra, sealed)


def unseal(key, nonce, extra, data):
    assert _tag(key, nonce, extra, data[:-16]) == data[-16:], "not authentic"
    return _crypt(key, nonce, data[:-16])
