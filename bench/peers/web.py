"""HTTP clients: aiohttp on uvloop, httpx."""

import asyncio
import hashlib
import os

from peer import Stopwatch, case, serve


def runner():
    import uvloop

    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def shared_out(n, width, fetch):
    """Calls fetch n times from width tasks."""
    left = iter(range(n))

    async def work():
        for _ in left:
            await fetch()

    await asyncio.gather(*(work() for _ in range(width)))


def measured(n, width, get, check):
    """The coroutine of a round: n gets from width tasks."""

    async def round():
        got = 0
        last = b""

        async def fetch():
            nonlocal got, last
            status, body = await get()
            if status != 200 or len(body) != check:
                raise ValueError(f"status {status}, {len(body)} bytes")
            got += 1
            last = body

        with Stopwatch() as watch:
            await shared_out(n, width, fetch)
        return watch.seconds, got, hashlib.sha256(last).hexdigest()

    return round


@case
def get_aiohttp(n, url, width, size):
    import aiohttp
    import yarl

    width, size, url = int(width), int(size), yarl.URL(url)

    async def new():
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=width))

    with runner() as loop:
        session = loop.run(new())

        async def get():
            async with session.get(url) as response:
                return response.status, await response.read()

        try:
            yield lambda: loop.run(measured(n, width, get, size)())
        finally:
            loop.run(session.close())


@case
def get_httpx(n, url, width, size):
    import httpx

    width, size = int(width), int(size)
    with runner() as loop:
        client = httpx.AsyncClient(limits=httpx.Limits(max_connections=width, max_keepalive_connections=width))

        async def get():
            response = await client.get(url)
            return response.status_code, response.content

        try:
            yield lambda: loop.run(measured(n, width, get, size)())
        finally:
            loop.run(client.aclose())


@case
def download(n, url, path):
    import aiofiles
    import aiohttp

    async def work():
        async with aiohttp.ClientSession() as session:
            with Stopwatch() as watch:
                async with session.get(url) as response, aiofiles.open(path, "wb") as f:
                    async for chunk in response.content.iter_chunked(1 << 20):
                        await f.write(chunk)
        with open(path, "rb") as f:
            return watch.seconds, n, hashlib.file_digest(f, "sha256").hexdigest()

    with runner() as loop:
        yield lambda: loop.run(work())
    os.unlink(path)


if __name__ == "__main__":
    serve()
