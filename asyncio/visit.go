package asyncio

// A visit is a function that another package runs on a loop for a task of it,
// such as the callback of a result that comes from elsewhere.
type visit struct{ call, dropped func() }

func (v *visit) run(l *Loop) { l.guard(v.call) }

// Post has the loop of the task that f belongs to call call soon, as a callback.
// It returns false if the loop does not run. If the run ends before the call,
// dropped is called instead, so that nobody waits for a loop that stands still.
// It may be called from any goroutine and does not block.
func (f *fiber) Post(call, dropped func()) bool {
	l := f.loop
	l.visitMu.Lock()
	defer l.visitMu.Unlock()
	return l.running.Load() && l.postRun(&visit{call, dropped})
}

// halt ends the run of l, and drops the visits that it has not called.
func (l *Loop) halt() {
	l.visitMu.Lock()
	l.running.Store(false)
	l.visitMu.Unlock()
	l.collect()
	var dropped []*visit
	for n := l.ready.n; n > 0; n-- {
		r := l.ready.pop()
		if v, ok := r.(*visit); ok {
			dropped = append(dropped, v)
		} else {
			l.ready.push(r)
		}
	}
	for _, v := range dropped {
		v.dropped()
	}
}
