"""Event loops: asyncio's own and uvloop's. The last argument names the loop."""

import asyncio
import threading

from peer import Stopwatch, case, digest, serve


def rounds(loop, coroutine):
    """Yields the round that runs coroutine() on one loop of the kind named."""
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    else:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        yield lambda: runner.run(coroutine())


async def increment(x):
    return x + 1


@case
def step(n, loop):
    async def work():
        with Stopwatch() as watch:
            for _ in range(n):
                await asyncio.sleep(0)
        return watch.seconds, n, ""

    yield from rounds(loop, work)


@case
def spawn(n, loop):
    async def work():
        with Stopwatch() as watch:
            out = [await asyncio.create_task(increment(i)) for i in range(n)]
        return watch.seconds, len(out), digest(out)

    yield from rounds(loop, work)


@case
def gather(n, loop):
    async def work():
        with Stopwatch() as watch:
            out = await asyncio.gather(*(increment(i) for i in range(n)))
        return watch.seconds, len(out), digest(out)

    yield from rounds(loop, work)


@case
def queue(n, loop):
    async def work():
        hop = asyncio.Queue(1)
        out = []

        async def produce():
            for i in range(n):
                await hop.put(i)

        with Stopwatch() as watch:
            producer = asyncio.create_task(produce())
            for _ in range(n):
                out.append(await hop.get())
            await producer
        return watch.seconds, len(out), digest(out)

    yield from rounds(loop, work)


@case
def sleeps(n, loop):
    async def nap(i):
        await asyncio.sleep(0.05)
        return i

    async def work():
        with Stopwatch() as watch:
            out = await asyncio.gather(*(nap(i) for i in range(n)))
        return watch.seconds, len(out), digest(out)

    yield from rounds(loop, work)


@case
def timers(n, loop):
    async def work():
        called = []
        call_later = asyncio.get_running_loop().call_later
        with Stopwatch() as watch:
            for i in range(n):
                call_later(60, called.append, i).cancel()
                if i % 1000 == 999:
                    await asyncio.sleep(0)  # the loop forgets cancelled ones here
        return watch.seconds, n - len(called), ""

    yield from rounds(loop, work)


@case
def to_thread(n, loop):
    def plain(x):
        return x + 1

    async def work():
        with Stopwatch() as watch:
            out = [await asyncio.to_thread(plain, i) for i in range(n)]
        return watch.seconds, len(out), digest(out)

    yield from rounds(loop, work)


@case
def posts(n, loop, threads):
    threads = int(threads)

    async def work():
        running = asyncio.get_running_loop()
        done = asyncio.Event()
        seen = 0

        def receive():
            nonlocal seen
            seen += 1
            if seen == n:
                done.set()

        def post():
            for _ in range(n // threads):
                running.call_soon_threadsafe(receive)

        with Stopwatch() as watch:
            posters = [threading.Thread(target=post) for _ in range(threads)]
            for p in posters:
                p.start()
            await done.wait()
        for p in posters:
            p.join()
        return watch.seconds, seen, ""

    yield from rounds(loop, work)


if __name__ == "__main__":
    serve()
