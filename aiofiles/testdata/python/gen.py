"""Writes vectors.json.gz: what CPython's open() does, call by call.

Run as: python3 gen.py   (CPython 3.13)

Text is given as the hex of UTF-8 with surrogateescape, which is the Go form of it.
Left out, since they differ on purpose: writing text behind what was read without a
seek, the numbers of tell() in text, and text that comes before a decoding error.
"""
import gzip
import json
import os
import random
import sys
import tempfile

SINGLE = "cp037 cp437 cp500 cp850 cp866 cp1250 cp1251 cp1252 cp1253 cp1255 koi8_r iso8859_2 iso8859_8 iso8859_15 mac_roman".split()
MULTI = "big5 cp932 cp949 cp950 euc_jp euc_kr gb2312 gbk gb18030 shift_jis".split()
SHIFT = "hz iso2022_jp".split()
UTF = "utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be".split()
ASCII = ["ascii", "latin-1"]
HANDLERS = "strict ignore replace backslashreplace xmlcharrefreplace surrogateescape".split()
NEWLINES = [None, "", "\n", "\r", "\r\n"]
name = os.path.join(tempfile.mkdtemp(), "f")


def txt(s):
    return s.encode("utf-8", "surrogateescape").hex()


def problem(e, text=None):
    if isinstance(e, UnicodeDecodeError):
        return {"error": "decode", "at": e.start, "reason": e.reason}
    if isinstance(e, UnicodeEncodeError):
        return {"error": "encode", "at": len(text[: e.start].encode("utf-8", "surrogateescape")), "reason": e.reason}
    if isinstance(e, FileExistsError):
        return {"error": "exist"}
    if isinstance(e, FileNotFoundError):
        return {"error": "notexist"}
    if isinstance(e, TypeError):
        return {"error": "decode", "at": -1, "reason": ""}
    s = str(e).replace("not open for writing", "not writable").replace("not open for reading", "not readable")
    for word in ("not readable", "not writable", "mode", "encoding argument", "errors argument", "newline argument", "unbuffered text"):
        if word in s:
            return {"error": word.replace("not ", "not")}
    if s == "truncate":
        return {"error": "notwritable"}
    if s in ("read", "write"):  # raw streams
        return {"error": "not" + {"read": "readable", "write": "writable"}[s]}
    return {"error": "invalid", "text": s}


def put(data):
    with open(name, "wb") as f:
        f.write(data)


def get():
    with open(name, "rb") as f:
        return f.read()


def run(initial, mode, ops, **kw):
    """Plays ops on a file that holds initial and returns the case."""
    case = {"initial": initial.hex(), "mode": mode, "calls": []}
    case.update({k: v for k, v in kw.items() if v is not None})
    if kw.get("newline") == "":
        case["newline"] = ""
    put(initial)
    tells = []
    try:
        f = open(name, mode, **kw)
    except Exception as e:
        case["open"] = problem(e)
        return case
    binary = "b" in mode
    with f:
        for op in ops:
            call = {"op": op[0]}
            try:
                if op[0] == "read":
                    call["n"] = op[1]
                    r = f.read(op[1])
                elif op[0] == "readline":
                    r = f.readline()
                elif op[0] == "readlines":
                    r = [txt(x) if not binary else x.hex() for x in f.readlines()]
                elif op[0] == "write":
                    s = op[1]
                    call["data"] = s.hex() if binary else txt(s)
                    f.write(s)
                    r = None
                elif op[0] == "tell":
                    tells.append(f.tell())
                    r = tells[-1] if binary else None
                elif op[0] == "back":  # to an earlier tell
                    i = op[1] % len(tells) if tells else -1
                    call["n"] = i
                    f.seek(tells[i] if tells else 0)
                    r = None
                elif op[0] == "seek":
                    call["n"], call["whence"] = op[1], op[2]
                    r = f.seek(op[1], op[2]) if binary else f.seek(op[1], op[2]) and None
                elif op[0] == "truncate":
                    call["n"] = op[1]
                    f.truncate(op[1])
                    r = None
                elif op[0] == "flush":
                    f.flush()
                    r = None
                elif op[0] == "newlines":
                    n = f.newlines
                    r = [x.encode().hex() for x in (n if isinstance(n, tuple) else [n] if n else [])]
                if isinstance(r, bytes):
                    r = r.hex()
                elif isinstance(r, str):
                    r = txt(r)
                elif isinstance(r, list) and op[0] not in ("readlines", "newlines"):
                    r = None
                if r is not None:
                    call["result"] = r
            except Exception as e:
                call["error"] = problem(e, op[1] if op[0] == "write" else None)
            case["calls"].append(call)
            if "error" in call and call["error"]["error"] == "decode":
                break
    case["final"] = get().hex()
    return case


cases = []
rnd = random.Random(25)

# What bytes are in each encoding, under each handler.
bad_utf8 = [b"ok\xff\xfe\xe9z", b"\xe2\x82A", b"\xed\xa0\x80", b"\xf0\x9f\x92", b"\xf0\x9fAB", b"\xc0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\x80abc\xc3", b"\xf4\x90\x80\x80", b"\xe0\x80\x80x", b"\xef\xbb\xbfbom", b"\xef\xbb", b""]
for enc in UTF + ASCII + SINGLE + MULTI + SHIFT:
    samples = [bytes(range(256)), b"", b"plain ascii\nline two\r\nand three\r"]
    if enc in ("utf-8", "utf-8-sig", "ascii", "latin-1", "cp1252", "cp1253"):
        samples += bad_utf8
    text = "h\u00e9llo \u20ac \u4e2d\u6587 \u65e5\u672c\n\U0001f600 end"
    for t in (text, "abc\nd\r\ne", "\u00e9\u00e8", "\u0416\u05d0"):
        try:
            samples.append(t.encode(enc, "ignore"))
        except Exception:
            pass
    if enc.startswith("utf-16") or enc.startswith("utf-32"):
        good = "a\U0001f600z".encode(enc)
        samples = samples[1:] + [good[:-1], good[:-2], good[:-3], good + b"\x00", b"\x3d\xd8a\x00", b"\x00\xdcz\x00", b"\xd8\x3d\x00a", b"\xff\xfea\x00", b"\xfe\xff\x00a", b"\x00\x00\x11\x00", b"\x00\x11\x00\x00"]
    if enc in SHIFT:
        samples = samples[1:]
    for s in samples:
        for h in HANDLERS:
            if h in ("xmlcharrefreplace", "surrogateescape", "backslashreplace") and enc in MULTI + SHIFT and len(s) > 100:
                continue
            cases.append(run(s, "r", [("read", -1)], encoding=enc, errors=h, newline=""))

# What text is in each encoding, under each handler.
texts = ["a\u20acb", "h\u00e9llo", "\u4e2d\u6587\u3042\uac00", "\U0001f600", "x\udc80y", "\udcff\udcfe", "plain", "", "\u0416\u05d0\u03a9", "tab\tnl\nq"]
for enc in UTF + ASCII + SINGLE + MULTI:
    for t in texts:
        for h in HANDLERS:
            case = run(b"", "w", [("write", t)], encoding=enc, errors=h, newline="\n")
            # In Go, bytes that are no text in enc can be a character in a row.
            if h != "surrogateescape" or "error" not in case["calls"][0] or any(0xDC80 <= ord(x) <= 0xDCFF for x in t):
                cases.append(case)

# A byte order mark is written once.
for enc in ("utf-8-sig", "utf-16", "utf-32"):
    for initial in ("", "old"):
        data = initial.encode(enc) if initial else b""
        cases.append(run(data, "a", [("write", "x"), ("write", "y")], encoding=enc))
        cases.append(run(data, "r+", [("seek", 0, 2), ("write", "x")], encoding=enc))
        cases.append(run(data, "w", [("write", "x"), ("seek", 0, 0), ("write", "zz")], encoding=enc))
        cases.append(run(data, "r", [("read", 1), ("tell",), ("read", -1), ("back", 0), ("read", -1), ("seek", 0, 0), ("read", -1)], encoding=enc))

# Line ends, in each way to read and write them.
datas = [b"a\r\nb\rc\nd\r", b"\r\r\n\n\r", b"no end", b"", b"x\r\n" * 6000 + b"y", b"q" * 16383 + b"\r\n" + b"z\r", b"a\x0bb\x0cc\x1cd\xc2\x85e\xe2\x80\xa8f\n"]
for enc in ("utf-8", "utf-16", "latin-1", "cp037", "gbk"):
    for data in datas:
        try:
            coded = data.decode("utf-8").encode(enc)
        except UnicodeEncodeError:
            continue
        for nl in NEWLINES:
            cases.append(run(coded, "r", [("readlines",), ("newlines",)], encoding=enc, newline=nl))
            if len(coded) < 100:
                cases.append(run(coded, "r", [("read", 1)] * 12 + [("newlines",)], encoding=enc, newline=nl))
                cases.append(run(coded, "r", [("tell",), ("readline",)] * 3 + [("back", 1), ("read", -1), ("back", 2), ("readline",)], encoding=enc, newline=nl))
for nl in NEWLINES:
    for enc in ("utf-8", "utf-16-be"):
        cases.append(run(b"", "w", [("write", "a\nb\r\nc\r"), ("write", "\n\n")], encoding=enc, newline=nl))

# Modes.
for mode in "r w a x r+ w+ a+ x+ rb wb ab xb r+b w+b a+b x+b rb+ br rt wt U rU rw rbt br+ b + rr r++ wx rwb".split() + [""]:
    ops = [("read", -1), ("write", b"N" if "b" in mode else "N"), ("seek", 0, 0), ("read", -1)]
    cases.append(run(b"old", mode, ops))
for kw in (dict(encoding="utf-8"), dict(errors="strict"), dict(newline="\n")):
    cases.append(run(b"", "rb", [], **kw))

# Random sequences of calls. Text is written at the start and the end only.
words = ["", "a", "line\n", "h\u00e9llo \u20ac\n", "\u4e2d\u6587", "x" * 50, "cr\r", "crlf\r\n", "\U0001f600\n"]
for i in range(400):
    mode = rnd.choice(["r", "r+", "w+", "a+", "a", "w"])
    if i % 2:
        mode += "b"
    binary = i % 2
    enc = rnd.choice(["utf-8", "utf-16", "utf-8-sig", "utf-32-le", "gb18030"])
    text = "".join(rnd.choice(words) for _ in range(rnd.randrange(30)))
    initial = text.encode("utf-8" if binary else enc)
    kw = {} if binary else dict(encoding=enc, newline=rnd.choice(NEWLINES))
    ops = []
    for _ in range(rnd.randrange(3, 16)):
        op = rnd.choice("read readline tell back seek write truncate flush".split())
        w = rnd.choice(words)
        if op == "read":
            ops.append(("read", rnd.choice([0, 1, 2, 5, 17, 100, -1])))
        elif op == "back":
            if any(o[0] == "tell" for o in ops) and "a" not in mode:
                ops.append(("back", rnd.randrange(5)))
        elif op == "seek":
            ops.append(("seek", rnd.randrange(60), 0) if binary and rnd.random() < 0.7 else ("seek", 0, rnd.choice([0, 2])))
        elif op == "write":
            if not binary:
                ops.append(("seek", 0, 2))  # text in its middle would not be text any more
            ops.append(("write", w.encode() if binary else w))
            if not binary:
                ops.append(("flush",))
        elif op == "truncate":
            if binary:
                ops.append(("truncate", rnd.randrange(80)))
        elif op == "tell" and "a" in mode:
            continue
        else:
            ops.append((op,))
    cases.append(run(initial, mode, ops, **kw))

here = os.path.dirname(os.path.abspath(__file__))
out = {"python": sys.version.split()[0], "byteorder": sys.byteorder, "cases": cases}
with gzip.GzipFile(os.path.join(here, "vectors.json.gz"), "wb", mtime=0) as f:
    f.write(json.dumps(out, separators=(",", ":")).encode())
print(len(cases), "cases")
