package asyncio

import (
	"context"
	"slices"
	"time"
)

// sleep waits for a post or the first deadline.
func (l *Loop) sleep() {
	if l.jump() {
		return
	}
	left := time.Duration(-1)
	if len(l.timers.heap) > 0 {
		if left = l.timers.heap[0].when - l.Time(); left <= 0 {
			return
		}
	}
	if len(l.quiet) > 0 {
		l.wakeQuiet()
		return
	}
	if h := l.opts.Hooks; h != nil {
		if h.BeforeSleep != nil {
			h.BeforeSleep(left)
		}
		if h.AfterSleep != nil {
			defer h.AfterSleep()
		}
	}
	l.doze(left)
}

// jump moves a virtual clock to the first deadline, if nothing else may happen
// before.
func (l *Loop) jump() bool {
	return l.opts.Clock != nil && len(l.timers.heap) > 0 && len(l.quiet) == 0 && l.outside == 0 && l.mail.empty() &&
		l.opts.Clock.jump(l.timers.heap[0].when)
}

// doze waits for a post, at most for left if that is not negative.
func (l *Loop) doze(left time.Duration) {
	var alarm <-chan time.Time
	lookAfter := false
	switch {
	case l.opts.Clock != nil:
		if lookAfter = l.mayDeadlock(); lookAfter {
			alarm = l.setAlarm(deadlockAfterVirtual)
		}
	case left >= 0:
		alarm = l.setAlarm(left)
	default:
		if lookAfter = l.mayDeadlock(); lookAfter {
			alarm = l.setAlarm(deadlockAfter)
		}
	}
	l.asleep.Store(true)
	if !l.mail.empty() {
		l.asleep.Store(false)
		return
	}
	if alarm == nil {
		<-l.wake // cheaper than a select
		l.searched = false
	} else {
		select {
		case <-l.wake:
			l.searched = false
		case <-alarm:
			if lookAfter {
				l.breakDeadlock()
			}
		}
	}
	l.asleep.Store(false)
	l.dog.awake()
}

// wakeQuiet ends the waits of WaitAllBlocked.
func (l *Loop) wakeQuiet() {
	quiet := l.quiet
	l.quiet = nil
	for _, w := range quiet {
		w.t.wakeNow(w.gen)
	}
}

// WaitAllBlocked suspends the task until all other tasks of its loop wait, and
// nothing is left to run before the next deadline or what comes from outside. It
// is for tests.
//
// trio: testing.wait_all_tasks_blocked.
func WaitAllBlocked(ctx context.Context) error {
	f := currentOf(ctx)
	if f == nil {
		return ErrNoRunningLoop
	}
	if err := mayWait(ctx, f); err != nil {
		return err
	}
	l := f.loop
	w := f.co.task.wait()
	l.quiet = append(l.quiet, w)
	f.park(ctx, allBlocked)
	if i := slices.Index(l.quiet, w); i >= 0 {
		l.quiet = slices.Delete(l.quiet, i, i+1)
		return f.interrupted(ctx)
	}
	return nil
}

func (l *Loop) setAlarm(d time.Duration) <-chan time.Time {
	if l.alarm == nil {
		l.alarm = time.NewTimer(d)
	} else {
		l.alarm.Reset(d)
	}
	return l.alarm.C
}
