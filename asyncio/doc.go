// Package asyncio runs many tasks on one goroutine at a time: an event loop.
//
// A [Task] is a function that runs on a [Loop]. The tasks of a loop take turns:
// one runs until it awaits something, then the next one does. Between two
// awaits a task has the loop to itself, so that what only tasks of one loop
// touch needs no lock, and the order of events can be told from the program.
// In return one loop uses one processor.
//
//	n, err := asyncio.Run(ctx, func(ctx context.Context) (int, error) {
//		a := asyncio.Go(ctx, load)
//		b := asyncio.Go(ctx, load)
//		sizes, err := asyncio.Gather(ctx, a, b)
//		...
//	}, nil)
//
// Unlike a goroutine, a task has a result, a name and a text, can be awaited and
// cancelled, and cannot be forgotten: its loop ends it, and an error nobody asked
// for is reported.
//
// # Who may call what
//
// A call that takes a context may wait. Made by a task it suspends that task and
// the loop goes on; made by any other goroutine it blocks that goroutine, as Go
// calls do. Who calls is told by the goroutine, not by the context. A callback of
// the loop ([Loop.CallSoon]) is no task and must not wait: [ErrWouldBlock].
//
// What blocks without asking this module (a channel, database/sql, a mutex)
// blocks the whole loop. [ToThread] takes such a call off the loop.
//
// # Cancellation
//
// Cancelling is the context's: [Task.Cancel], a deadline, or the end of the
// context that was passed to [Run] or [Go] ends the task's context, and with it
// every wait that uses it, now and later. A value that is there already is
// returned all the same. A task that never started still runs, with a context
// that has ended, so that what it was given can be released.
//
// # Lifetime
//
// [Run] owns everything: it returns when all tasks have ended. A loop made by
// [NewLoop] is to be closed; Close cancels and unwinds what is left. The context
// of a task ends when its function has returned.
//
// # What there is
//
//   - several at once: [Gather], [Settled], [Wait], [AsCompleted], [Race], and
//     [WithGroup], which owns the tasks that are started in it
//   - limits of time: [WithTimeout], [WaitFor], [Sleep]
//   - between tasks, and between tasks and goroutines: [Future], [Queue], [Lock],
//     [Event], [Condition], [Semaphore], [Barrier]
//   - Go's own things without blocking the loop: [Receive], [Send], [Select],
//     [WaitGroup], [Pull], and [ToThread] for any other call
//   - callbacks: [Loop.CallSoon], [Loop.CallLater], [Loop.AddSignalHandler]
//   - looking inside: a task's text, [Loop.PrintCallGraph], [Loop.Stats], [Hooks],
//     debug mode ([LoopOptions])
//
// For tests there is package asynciotest and a clock that jumps ([VirtualClock]).
//
// # When something is wrong
//
// A task that holds its loop for more than 100 ms is named in the log, with the
// line it is at, while it does. Tasks that wait for one another get a
// [DeadlockError] that says how. A panic in a task unwinds all others and is then
// Run's, as a [PanicError] with that task's stack. An error that nobody asked for
// is logged once, and joined to Run's. A coroutine that was made and never run is
// logged once.
//
// docs/from-errgroup.md says when plain goroutines are the better choice, and
// docs/from-python.md and docs/parity.md where Python's names are.
//
// The package depends on the standard library alone.
package asyncio
