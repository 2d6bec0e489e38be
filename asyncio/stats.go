package asyncio

import (
	"context"
	"time"
)

// Stats are numbers about a loop.
type Stats struct {
	Tasks   int    // that are not done
	Created int    // tasks, since the loop was made
	Steps   uint64 // of tasks and callbacks
	Turns   uint64 // iterations of the loop
	Ready   int    // tasks and callbacks that wait for their turn
	Timers  int    // deadlines that are set
	Outside int    // tasks that wait for what is not the loop's, as ToThread
	Idle    int    // goroutines that are kept for the next tasks
	Threads int    // functions given to ToThread that run
}

// Stats returns the numbers of l. From another goroutine it waits until l's step
// has ended; the error is that of ctx.
func (l *Loop) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	err := l.ask(ctx, func() {
		l.mu.Lock()
		created := l.created
		l.mu.Unlock()
		s = Stats{
			Created: created, Steps: l.steps, Turns: l.turns, Ready: l.ready.n,
			Timers: len(l.timers.heap), Outside: l.outside, Idle: len(l.idle), Tasks: len(l.AllTasks()),
		}
	})
	l.threads.mu.Lock()
	defer l.threads.mu.Unlock()
	s.Threads = l.threads.running
	return s, err
}

// Hooks are called by a loop, on its goroutine or on that of the task. A nil hook
// is not called. They must not wait.
type Hooks struct {
	// TaskCreated is called when a task exists, before its first step.
	TaskCreated func(AnyTask)
	// BeforeStep is called before a task goes on.
	BeforeStep func(AnyTask)
	// AfterStep is called when a task has suspended or ended, with how long it ran.
	AfterStep func(t AnyTask, ran time.Duration)
	// TaskDone is called when a task has ended.
	TaskDone func(AnyTask)
	// BeforeSleep is called when nothing is ready, with the time until the next
	// deadline, negative if there is none.
	BeforeSleep func(d time.Duration)
	// AfterSleep is called when the loop goes on after that.
	AfterSleep func()
}

// observed makes a step as step does, and tells the hooks and the log of slow steps.
func (l *Loop) observed(t *taskCore, c *coro) {
	h := l.opts.Hooks
	if h.BeforeStep != nil {
		h.BeforeStep(t.self)
	}
	start := time.Now()
	l.step(t, c)
	ran := time.Since(start)
	if h.AfterStep != nil {
		h.AfterStep(t.self, ran)
	}
	if l.opts.Debug && ran >= l.opts.SlowStep {
		l.logger().Warn("Executing " + t.self.String() + " took " + seconds(ran))
	}
	if h.TaskDone != nil && t.coro() == nil {
		h.TaskDone(t.self)
	}
}
