package asyncio

import "sync/atomic"

// A mail is what other goroutines want of a loop: a list that any of them adds
// to, the last first, and that the loop takes as a whole.
type mail struct{ last atomic.Pointer[Handle] }

// noMail is the end of the mail of a loop that is closed.
var noMail = new(Handle)

// add adds h, and reports whether m was empty, and whether it is taken at all.
func (m *mail) add(h *Handle) (first, taken bool) {
	for {
		last := m.last.Load()
		if last == noMail {
			return false, false
		}
		h.next = last
		if m.last.CompareAndSwap(last, h) {
			return last == nil, true
		}
	}
}

func (m *mail) empty() bool {
	last := m.last.Load()
	return last == nil || last == noMail
}

// takeAll returns what was added, the first first, and leaves rest.
func (m *mail) takeAll(rest *Handle) *Handle {
	var first *Handle
	for h := m.last.Swap(rest); h != nil && h != noMail; {
		h.next, first, h = first, h, h.next
	}
	return first
}

// post hands h to the loop, and reports whether the loop is there to take it.
func (l *Loop) post(h *Handle) bool {
	first, taken := l.mail.add(h)
	if first && l.asleep.Load() && l.asleep.CompareAndSwap(true, false) {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return taken
}

// postDo has the loop call do when it takes its mail. That is not for functions
// of the user.
func (l *Loop) postDo(do func()) bool { return l.post(&Handle{fn: do, atOnce: true}) }

// postRun has the loop run r.
func (l *Loop) postRun(r runnable) bool { return l.postDo(func() { l.ready.push(r) }) }

// collect takes the mail.
func (l *Loop) collect() {
	if !l.mail.empty() {
		l.receive(l.mail.takeAll(nil))
	}
}

func (l *Loop) receive(h *Handle) {
	for h != nil {
		if !h.atOnce {
			h = l.receiveRow(h)
			continue
		}
		h.fn()
		h = h.next
	}
}

// receiveRow makes h and the callbacks that follow it ready, as one entry: there
// may be very many. It returns what comes after them.
func (l *Loop) receiveRow(h *Handle) (next *Handle) {
	l.ready.push((*row)(h))
	for ; h.next != nil; h = h.next {
		if h.next.atOnce {
			next, h.next = h.next, nil
			return next
		}
	}
	return nil
}

// A row is a list of callbacks.
type row Handle

func (r *row) run(l *Loop) {
	for h := (*Handle)(r); h != nil; {
		next := h.next
		h.next = nil // a handle that is kept is not to keep the others
		h.run(l)
		h = next
		l.steps++
	}
	l.steps-- // the row was counted
}

// scopeEnded is wakeWaiting for any goroutine.
func (l *Loop) scopeEnded(s *scope) {
	if l.mine() {
		l.wakeWaiting(s)
	} else {
		l.postDo(func() { l.wakeWaiting(s) })
	}
}

// wakeWaiting wakes the owner of s, if it waits for as long as s lasts.
func (l *Loop) wakeWaiting(s *scope) {
	if c := s.owner.coro(); c != nil && c.waitScope == s {
		s.owner.wakeNow(s.owner.gen)
	}
}
