"""Writes traces.json: what asyncio does, in order, for each scenario of golden_test.go.

Run it by any CPython from 3.13 on: python3 gen.py > traces.json
"""
import asyncio, json, sys, logging

scenarios = {}
log = []

def add(*words):
    log.append(" ".join(str(w) for w in words))

def scenario(f):
    scenarios[f.__name__] = f
    return f

class Boom(Exception):
    pass

def name(e):
    return {Boom: "boom", asyncio.CancelledError: "cancelled", TimeoutError: "timeout",
            asyncio.QueueShutDown: "shutdown", asyncio.QueueEmpty: "empty", asyncio.QueueFull: "full",
            asyncio.InvalidStateError: "invalid state", type(None): "nil",
            asyncio.BrokenBarrierError: "broken"}.get(type(e), repr(e))

async def attempt(aw):
    try:
        return await aw, None
    except BaseException as e:
        return None, e

async def fail(delay=0):
    await asyncio.sleep(delay)
    raise Boom()

async def nap(delay, v=None):
    await asyncio.sleep(delay)
    return v

@scenario
async def fifo():
    async def worker(c):
        for i in range(3):
            add(i, c)
            await asyncio.sleep(0)
    ts = [asyncio.create_task(worker(c)) for c in "abc"]
    asyncio.get_running_loop().call_soon(lambda: add("soon"))
    add("main")
    await asyncio.sleep(0)
    add("main2")
    await asyncio.gather(*ts)
    add("end")

@scenario
async def future_order():
    loop = asyncio.get_running_loop()
    f = loop.create_future()
    async def wait(c):
        add(c, await f)
    ts = [asyncio.create_task(wait("A")), asyncio.create_task(wait("B"))]
    await asyncio.sleep(0)
    f.add_done_callback(lambda f: add("cb"))
    add("set")
    f.set_result(1)
    loop.call_soon(lambda: add("soon"))
    await asyncio.sleep(0)
    add("after1")
    await asyncio.sleep(0)
    add("after2")
    await asyncio.gather(*ts)

@scenario
async def future_states():
    loop = asyncio.get_running_loop()
    f = loop.create_future()
    for what in (f.result, f.exception):
        try:
            what()
        except BaseException as e:
            add(name(e))
    add(f.done(), f.cancelled())
    f.set_result(1)
    try:
        f.set_result(2)
    except BaseException as e:
        add(name(e))
    add(f.result(), f.done(), f.cancel())
    g = loop.create_future()
    add(g.cancel(), g.cancelled(), g.done(), name((await attempt(g))[1]))

@scenario
async def callbacks():
    loop = asyncio.get_running_loop()
    f = loop.create_future()
    def a(f): add("a")
    def b(f): add("b")
    for cb in (a, b, a, b):
        f.add_done_callback(cb)
    add("removed", f.remove_done_callback(a))
    f.set_result(None)
    f.add_done_callback(a)
    add("set")
    await asyncio.sleep(0)

@scenario
async def steps_of_await():
    """How many iterations a waiter is behind what it awaits."""
    loop = asyncio.get_running_loop()
    count = 0
    def tick():
        nonlocal count
        count += 1
        loop.call_soon(tick)
    loop.call_soon(tick)
    async def measure(what, aw):
        await asyncio.sleep(0)
        _, start = await aw
        add(what, count - start)
    async def noted():
        return None, count
    f = loop.create_future()
    loop.call_later(0.01, lambda: f.set_result((None, count)))
    await measure("future", f)
    t = asyncio.create_task(noted())
    await measure("done task", t)
    async def late():
        await asyncio.sleep(0.01)
        return None, count
    await measure("task", asyncio.create_task(late()))
    async def gathered():
        return (await asyncio.gather(late()))[0]
    await measure("gather", gathered())

@scenario
async def gather_order():
    add(*await asyncio.gather(nap(0.02, 1), nap(0.01, 2), nap(0, 3)))
    add(*[name(r) if isinstance(r, BaseException) else r
          for r in await asyncio.gather(fail(), nap(0, 1), return_exceptions=True)])
    add(len(await asyncio.gather()))

@scenario
async def gather_first_error():
    sibling = asyncio.create_task(nap(0.01))
    _, e = await attempt(asyncio.gather(fail(), sibling))
    add("caught", name(e), "sibling done", sibling.done())
    await asyncio.sleep(0.02)
    add("sibling cancelled", sibling.cancelled())

@scenario
async def gather_cancel():
    async def child(c):
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            add("child", c, "cancelled")
            raise
    async def outer():
        await asyncio.gather(child(1), child(2))
    t = asyncio.create_task(outer())
    await asyncio.sleep(0.01)
    t.cancel()
    add(name((await attempt(t))[1]), t.cancelled())

@scenario
async def wait():
    def tasks():
        return [asyncio.create_task(nap(0.01), name="a"), asyncio.create_task(fail(0.02), name="E"),
                asyncio.create_task(nap(0.03), name="c")]
    def names(s):
        return "".join(sorted(t.get_name() for t in s)) or "none"
    for what, kw in (("FC", dict(return_when=asyncio.FIRST_COMPLETED)), ("FE", dict(return_when=asyncio.FIRST_EXCEPTION)),
                     ("timeout", dict(timeout=0.015)), ("ALL", dict())):
        ts = tasks()
        done, pending = await asyncio.wait(ts, **kw)
        add(what, names(done), names(pending))
        await asyncio.sleep(0.1)
        ts[1].exception()

@scenario
async def wait_cancelled():
    t = asyncio.create_task(nap(0.02))
    w = asyncio.create_task(asyncio.wait([t]))
    await asyncio.sleep(0.01)
    w.cancel()
    add(name((await attempt(w))[1]), "task done", t.done())
    await t
    add("task done", t.done())

@scenario
async def as_completed():
    order = []
    for f in asyncio.as_completed([nap(0.02, "x"), nap(0.01, "y")]):
        order.append(await f)
    add(*order)
    try:
        for f in asyncio.as_completed([nap(0.02, "x"), nap(0.01, "y")], timeout=0.015):
            add(await f)
    except BaseException as e:
        add(name(e))

@scenario
async def wait_for():
    async def stubborn():
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            return "late"
    async def cleanup():
        try:
            await asyncio.sleep(1)
        finally:
            await asyncio.shield(asyncio.sleep(0.01)) if False else None
            add("cleanup")
    async def bad():
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            raise Boom()
    for what, aw in (("value", nap(0.001, 7)), ("stubborn", stubborn()), ("cleanup", cleanup()), ("bad", bad()), ("fail", fail())):
        v, e = await attempt(asyncio.wait_for(aw, 0.01))
        add(what, v if e is None else name(e))
    t = asyncio.create_task(nap(1))
    _, e = await attempt(asyncio.wait_for(t, 0.01))
    add("task", name(e), t.cancelled())
    _, e = await attempt(asyncio.wait_for(nap(1), 0))
    add("zero", name(e))

@scenario
async def timeout():
    async with asyncio.timeout(None) as t:
        add(t.when(), t.expired())
    add(t.expired())
    try:
        async with asyncio.timeout(0.02) as outer:
            try:
                async with asyncio.timeout(0.01) as inner:
                    await asyncio.sleep(1)
            except TimeoutError:
                add("inner", inner.expired(), outer.expired())
    except TimeoutError:
        add("outer")
    try:
        async with asyncio.timeout(0.01) as t:
            t.reschedule(asyncio.get_running_loop().time() + 1)
            await asyncio.sleep(0.02)
            add("rescheduled")
    except TimeoutError:
        add("expired")
    try:
        async with asyncio.timeout(0.01):
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                raise Boom()
    except BaseException as e:
        add(name(e))
    async def body():
        async with asyncio.timeout(1):
            await asyncio.sleep(2)
    task = asyncio.create_task(body())
    await asyncio.sleep(0)
    task.cancel()
    add("outside", name((await attempt(task))[1]), task.cancelled())

@scenario
async def taskgroup():
    async def slow():
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            add("slow cancelled")
            raise
    async def err(v, at):
        await asyncio.sleep(at)
        raise Boom(v)
    async def cleanup():
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            raise Boom("cleanup")
    try:
        async with asyncio.TaskGroup() as g:
            g.create_task(slow())
            g.create_task(err("1", 0))
            g.create_task(err("2", 0))
            g.create_task(cleanup())
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                add("body cancelled")
                raise
    except BaseExceptionGroup as eg:
        add(*[e.args[0] for e in eg.exceptions])
    add("cancelling", asyncio.current_task().cancelling() > 0)
    async with asyncio.TaskGroup() as g:
        t = g.create_task(nap(0.01, 5))
    add(t.result())
    try:
        g.create_task(nap(0))
    except RuntimeError:
        add("finished")

@scenario
async def shield():
    async def inner():
        await asyncio.sleep(0.01)
        add("inner finished")
    async def outer():
        await asyncio.shield(inner())
    t = asyncio.create_task(outer())
    await asyncio.sleep(0)
    t.cancel()
    add("outer", name((await attempt(t))[1]))
    await asyncio.sleep(0.02)

@scenario
async def cancel_before_start():
    async def body():
        add("body ran")
    t = asyncio.create_task(body())
    t.cancel()
    add(name((await attempt(t))[1]), t.cancelled())

@scenario
async def cancel():
    async def body():
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            add("got it")
            raise
    t = asyncio.create_task(body())
    await asyncio.sleep(0)
    add(t.cancel(), t.cancelled(), t.cancelling() > 0)
    add(name((await attempt(t))[1]), t.cancelled(), t.cancel())

@scenario
async def cancel_swallowed():
    async def body():
        _, e = await attempt(asyncio.sleep(1))
        add(name(e))
        _, e = await attempt(asyncio.sleep(0.01))
        add(name(e))
        return "survived"
    t = asyncio.create_task(body())
    await asyncio.sleep(0)
    t.cancel()
    add(await t, t.cancelled())

@scenario
async def cancel_after_result():
    """The value came first, the cancel in the same iteration."""
    f = asyncio.get_running_loop().create_future()
    async def body():
        return await f
    t = asyncio.create_task(body())
    await asyncio.sleep(0)
    f.set_result("value")
    t.cancel()
    v, e = await attempt(t)
    add(v if e is None else name(e))

@scenario
async def lock_fifo():
    lock = asyncio.Lock()
    async def worker(i):
        async with lock:
            add(i)
            await asyncio.sleep(0)
    await lock.acquire()
    ts = [asyncio.create_task(worker(i)) for i in range(4)]
    await asyncio.sleep(0)
    add(lock.locked())
    lock.release()
    await asyncio.gather(*ts)
    add(lock.locked())

@scenario
async def event():
    e = asyncio.Event()
    async def waiter(i):
        await e.wait()
        add(i)
    ts = [asyncio.create_task(waiter(i)) for i in range(2)]
    await asyncio.sleep(0)
    e.set()
    e.clear()
    add(e.is_set())
    await asyncio.gather(*ts)

@scenario
async def condition():
    c = asyncio.Condition()
    async def waiter(i):
        async with c:
            await c.wait()
            add(i, c.locked())
    ts = [asyncio.create_task(waiter(i)) for i in range(3)]
    await asyncio.sleep(0)
    async with c:
        c.notify(1)
        add("notified")
    await asyncio.sleep(0.01)
    async with c:
        c.notify_all()
        add("all")
    await asyncio.gather(*ts)

@scenario
async def semaphore():
    s = asyncio.Semaphore(2)
    async def worker(i):
        async with s:
            add(i)
            await asyncio.sleep(0.01)
    ts = [asyncio.create_task(worker(i)) for i in range(4)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    add("locked", s.locked())
    await asyncio.gather(*ts)
    add("locked", s.locked())

@scenario
async def barrier():
    b = asyncio.Barrier(2)
    async def worker(i):
        add("came", i)
        try:
            await b.wait()
            add("went", i)
        except BaseException as e:
            add(name(e))
    ts = [asyncio.create_task(worker(i)) for i in range(3)]
    await asyncio.sleep(0.01)
    add("waiting", b.n_waiting)
    await b.reset()
    await asyncio.gather(*ts)

@scenario
async def queue():
    q = asyncio.Queue(1)
    async def put():
        for i in range(3):
            await q.put(i)
            add("put", i)
        q.shutdown()
    t = asyncio.create_task(put())
    await asyncio.sleep(0)
    try:
        q.put_nowait(9)
    except BaseException as e:
        add(name(e))
    while True:
        v, e = await attempt(q.get())
        if e is not None:
            add(name(e))
            break
        add("got", v)
        q.task_done()
    await q.join()
    await t
    add("joined")

@scenario
async def timers():
    loop = asyncio.get_running_loop()
    loop.call_later(.02, lambda: add(".02"))
    loop.call_later(.01, lambda: add(".01"))
    loop.call_later(0, lambda: add("0"))
    loop.call_later(-1, lambda: add("-1"))
    h = loop.call_later(.005, lambda: add("never"))
    h.cancel()
    loop.call_soon(lambda: add("soon"))
    await asyncio.sleep(.05)

@scenario
async def eager():
    loop = asyncio.get_running_loop()
    async def quick():
        add("quick", asyncio.current_task() is not me)
    async def slow():
        add("slow")
        await asyncio.sleep(0)
        add("slow2")
    me = asyncio.current_task()
    t = asyncio.eager_task_factory(loop, quick())
    add(t.done(), asyncio.current_task() is me)
    t = asyncio.eager_task_factory(loop, slow())
    add(t.done())
    await t

async def shutdown():
    async def bg():
        try:
            await asyncio.sleep(1)
        finally:
            add("bg cleaned")
    async def bg2():
        try:
            await asyncio.sleep(1)
        finally:
            raise Boom()
    global keep
    keep = asyncio.create_task(bg()), asyncio.create_task(bg2())
    asyncio.get_running_loop().set_exception_handler(lambda l, c: add("reported", name(c["exception"])))
    await asyncio.sleep(0)
    add("main returns")

scenarios["shutdown"] = shutdown
logging.disable()
traces = {}
for n, f in scenarios.items():
    log = []
    asyncio.run(f())
    traces[n] = " | ".join(log).replace("True", "true").replace("False", "false").replace("None", "nil")
json.dump({"python": sys.version.split()[0], "traces": traces}, sys.stdout, indent=1)
print()
