"""Files: aiofiles, anyio, and CPython's own open."""

import asyncio
import contextlib
import hashlib
import os

from peer import Stopwatch, case, serve

MASK = (1 << 64) - 1


class Tally:
    """What was seen of lines: their number, and a digest of their sizes in bytes that depends on the order."""

    def __init__(self):
        self.count = 0
        self.sum = 0

    def add(self, line):
        self.count += 1
        size = len(line) if line.isascii() else len(line.encode())
        self.sum = (self.sum * 31 + size) & MASK

    def result(self, watch):
        return watch.seconds, self.count, str(self.sum)


def library(name):
    """The function of the library that opens a file."""
    if name == "aiofiles":
        import aiofiles

        return aiofiles.open
    import anyio

    @contextlib.asynccontextmanager
    async def opened(path, *args, **kwargs):
        async with await anyio.open_file(path, *args, **kwargs) as f:
            yield f

    return opened


@case
def lines(n, path, name):
    opened = library(name)

    async def work():
        tally = Tally()
        with Stopwatch() as watch:
            async with opened(path, "r", encoding="utf-8") as f:
                async for line in f:
                    tally.add(line)
                    if tally.count == n:
                        break
        return tally.result(watch)

    with asyncio.Runner() as runner:
        yield lambda: runner.run(work())


@case
def lines_sync(n, path):
    def work():
        tally = Tally()
        with Stopwatch() as watch, open(path, encoding="utf-8") as f:
            for line in f:
                tally.add(line)
                if tally.count == n:
                    break
        return tally.result(watch)

    yield work


@case
def read_cached(n, path, name):
    opened = library(name)

    async def work():
        read = 0
        sum = hashlib.sha256()
        async with opened(path, "rb", buffering=0) as f:
            with Stopwatch() as watch:
                for _ in range(n):
                    await f.seek(0)
                    block = await f.read(4096)
                    read += len(block) == 4096
            sum.update(block)
        return watch.seconds, read, sum.hexdigest()

    with asyncio.Runner() as runner:
        yield lambda: runner.run(work())


def names(folder, n):
    return [os.path.join(folder, f"{i:05d}") for i in range(n)]


def folder_digest(blocks):
    sum = hashlib.sha256()
    for block in blocks:
        sum.update(block)
    return sum.hexdigest()


@case
def write_files(n, folder, size, name):
    opened = library(name)
    block = bytes(i % 251 for i in range(int(size)))

    async def write(path):
        async with opened(path, "wb") as f:
            await f.write(block)

    async def work():
        os.makedirs(folder)
        with Stopwatch() as watch:
            await asyncio.gather(*map(write, names(folder, n)))
        found = []
        for path in names(folder, n):
            with open(path, "rb") as f:
                found.append(f.read())
            os.unlink(path)
        os.rmdir(folder)
        return watch.seconds, len(found), folder_digest(found)

    with asyncio.Runner() as runner:
        yield lambda: runner.run(work())


@case
def read_files(n, folder, name):
    opened = library(name)

    async def read(path):
        async with opened(path, "rb") as f:
            return await f.read()

    async def work():
        with Stopwatch() as watch:
            found = await asyncio.gather(*map(read, names(folder, n)))
        return watch.seconds, len(found), folder_digest(found)

    with asyncio.Runner() as runner:
        yield lambda: runner.run(work())


if __name__ == "__main__":
    serve()
