package asyncio

// post hands p to the loop, and reports whether the loop is there to take it.
func (l *Loop) post(p post) bool {
	l.postMu.Lock()
	if !l.admits(p) {
		l.postMu.Unlock()
		return false
	}
	l.posts = append(l.posts, p)
	l.posted.Store(true)
	l.postMu.Unlock()
	if l.asleep.Load() && l.asleep.CompareAndSwap(true, false) {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// collect takes what was posted.
func (l *Loop) collect() {
	if !l.posted.Load() {
		return
	}
	l.postMu.Lock()
	posts := l.posts
	l.posts = l.spare[:0]
	l.posted.Store(false)
	l.postMu.Unlock()
	for i := range posts {
		l.receive(&posts[i])
	}
	clear(posts)
	l.spare = posts
}

func (l *Loop) receive(p *post) {
	switch {
	case p.start:
		l.admit(p.t)
		l.ready.push(p.t)
	case p.t != nil:
		p.t.wakeNow(p.gen)
	case p.drop != nil:
		l.timers.remove(&p.drop.timer)
	case p.ended != nil:
		l.scopeEnded(p.ended)
	case p.r != nil:
		l.ready.push(p.r)
	case p.h.timed:
		if p.h.state.Load() == handleWaits {
			l.timers.add(&p.h.timer)
		}
	default:
		l.ready.push(p.h)
	}
}

// scopeEnded wakes the owner of s, if it waits for as long as s lasts.
func (l *Loop) scopeEnded(s *scope) {
	if !current().on(l) {
		l.post(post{ended: s})
		return
	}
	if c := s.owner.co.Load(); c != nil && c.waitScope == s {
		s.owner.wakeNow(s.owner.gen)
	}
}
