"""Writes multibyte.json.gz: for each encoding of CPython, what each sequence of one or
two bytes (three behind 8F in euc_jp) is, and a digest of the way back.

Run as: python3 multibyte.py   (CPython 3.13)
"""
import gzip
import hashlib
import json
import os
import sys

CODECS = "big5 cp932 cp949 cp950 euc_jp euc_kr gb2312 gbk gb18030 shift_jis".split()


def table(codec):
    rows = {}
    for prefix in [b""] + ([b"\x8f"] if codec == "euc_jp" else []):
        for lead in range(0x80, 256):
            row = []
            for trail in [None] + list(range(0x21, 256)):
                seq = prefix + bytes([lead] if trail is None else [lead, trail])
                try:
                    text = seq.decode(codec)
                except UnicodeDecodeError:
                    text = ""
                # Two characters are none here: the first byte is one by itself.
                row.append(text if len(text) == 1 else "\0")
            rows[(prefix + bytes([lead])).hex()] = "".join(row)
    return rows


# All that has a form in the encodings of several bytes.
digests = {}
back = {c: [] for c in CODECS}
first = {}
for c in CODECS:
    first[c] = {}
    for key, row in sorted(table(c).items(), key=lambda kv: (len(kv[0]), kv[0])):
        for i, char in enumerate(row):
            if char != "\0" and not (i == 0 and len(key) == 4):
                code = bytes.fromhex(key) + (bytes([0x20 + i]) if i else b"")
                first[c].setdefault(ord(char), code)
for enc in CODECS:
    h = hashlib.sha256()
    count = 0
    for c in range(0x80, 0x10000):
        if 0xD800 <= c < 0xE000:
            continue
        try:
            b = chr(c).encode(enc)
        except UnicodeEncodeError:
            continue
        if len(b) > 3 and enc == "euc_kr":
            continue  # syllables by their letters
        if len(b) < 4 and first[enc].get(c) != b:
            back[enc].append([c, int.from_bytes(b, "big")])
        h.update(b"%d %s\n" % (c, b.hex().encode()))
        count += 1
    digests[enc] = {"count": count, "sha256": h.hexdigest()}

here = os.path.dirname(os.path.abspath(__file__))
out = {"python": sys.version.split()[0], "encode_all": digests, "back": back, "codecs": {c: table(c) for c in CODECS}}
with gzip.GzipFile(os.path.join(here, "multibyte.json.gz"), "wb", mtime=0) as f:
    f.write(json.dumps(out).encode())
