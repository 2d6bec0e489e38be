package asyncio

// A visit is a function that another package runs on a loop for a task of it,
// such as the callback of a result that comes from elsewhere.
type visit struct{ call, dropped func() }

func (v *visit) run(l *Loop) { l.guard(placeOf(v.call), v.call) }

// Post has the loop of the task that f belongs to call call soon, as a callback.
// It returns false if the loop does not run. If the run ends before the call,
// dropped is called instead, so that nobody waits for a loop that stands still.
// It may be called from any goroutine and does not block.
func (f *fiber) Post(call, dropped func()) bool {
	return f.loop.post(post{r: &visit{call, dropped}})
}

// admits reports whether p is to be taken. postMu is held.
func (l *Loop) admits(p post) bool {
	if l.closed.Load() {
		return false
	}
	_, ok := p.r.(*visit)
	return !ok || l.running.Load()
}

// halt ends the run of l, and drops the visits that it has not called.
func (l *Loop) halt() {
	l.postMu.Lock()
	var dropped []*visit
	keep := l.posts[:0]
	for _, p := range l.posts {
		if v, ok := p.r.(*visit); ok {
			dropped = append(dropped, v)
		} else {
			keep = append(keep, p)
		}
	}
	clear(l.posts[len(keep):])
	l.posts = keep
	for n := l.ready.n; n > 0; n-- {
		r := l.ready.pop()
		if v, ok := r.(*visit); ok {
			dropped = append(dropped, v)
		} else {
			l.ready.push(r)
		}
	}
	l.running.Store(false)
	l.postMu.Unlock()
	for _, v := range dropped {
		v.dropped()
	}
}
