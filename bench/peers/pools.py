"""Process pools: multiprocessing, concurrent.futures, pebble, mpire."""

import multiprocessing as mp
from concurrent.futures import ProcessPoolExecutor

from peer import Stopwatch, case, digest, serve

WORKERS = 2


def increment(x):
    return x + 1


def touch(data):
    """Reads a byte of each page, so that all of data has arrived."""
    return len(data) + sum(data[::4096])


def nothing():
    pass


def measured(n, work):
    """The round that calls work for a list of n numbers."""

    def round():
        with Stopwatch() as watch:
            out = work()
        return watch.seconds, len(out), digest(out)

    return round


@case
def apply(n):
    with mp.Pool(WORKERS) as pool:
        yield measured(n, lambda: [pool.apply(increment, (i,)) for i in range(n)])


@case
def apply_async(n):
    with mp.Pool(WORKERS) as pool:
        yield measured(n, lambda: [r.get() for r in [pool.apply_async(increment, (i,)) for i in range(n)]])


@case
def executor_submit(n):
    with ProcessPoolExecutor(WORKERS) as pool:
        yield measured(n, lambda: [f.result() for f in [pool.submit(increment, i) for i in range(n)]])


@case
def pebble_schedule(n):
    from pebble import ProcessPool

    with ProcessPool(max_workers=WORKERS) as pool:
        yield measured(n, lambda: [f.result() for f in [pool.schedule(increment, args=(i,)) for i in range(n)]])


@case
def mpire_apply_async(n):
    from mpire import WorkerPool

    with WorkerPool(n_jobs=WORKERS) as pool:
        yield measured(n, lambda: [r.get() for r in [pool.apply_async(increment, args=(i,)) for i in range(n)]])


@case
def map_chunk1(n):
    numbers = list(range(n))
    with mp.Pool(WORKERS) as pool:
        yield measured(n, lambda: pool.map(increment, numbers, chunksize=1))


@case
def map_default(n):
    numbers = list(range(n))
    with mp.Pool(WORKERS) as pool:
        yield measured(n, lambda: pool.map(increment, numbers))


@case
def argument(n, size):
    data = bytes(i % 251 for i in range(1 << 16)) * (int(size) >> 16)
    with mp.Pool(WORKERS) as pool:
        yield measured(n, lambda: [pool.apply(touch, (data,)) for _ in range(n)])


@case
def process(n, method):
    context = mp.get_context(method)

    def work():
        codes = []
        for _ in range(n):
            p = context.Process(target=nothing)
            p.start()
            p.join()
            codes.append(p.exitcode)
        return codes

    yield measured(n, work)


if __name__ == "__main__":
    serve()
