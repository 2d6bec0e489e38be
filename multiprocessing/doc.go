// Package multiprocessing runs functions in child processes: one in a [Process] of
// its own, or many in a pool of workers. A child can be killed, limited and
// lost without harm to the program, which a goroutine cannot.
//
// A child is this same binary, started again. So func main is one call, and the
// functions that children run are registered at package level, by names that
// parent and child share:
//
//	var hello = multiprocessing.Register("hello", func(ctx context.Context, name string) (struct{}, error) {
//		fmt.Println("hello", name)
//		return struct{}{}, nil
//	})
//
//	func main() { os.Exit(multiprocessing.Main(run)) }
//
//	func run() int {
//		p := multiprocessing.NewProcess(hello, "bob", nil)
//		if err := p.Start(); err != nil {
//			fmt.Fprintln(os.Stderr, err)
//			return 1
//		}
//		p.Join(context.Background())
//		return 0
//	}
//
// In the children [Main] serves and never returns; the package-level variables and
// init functions of the program run in each of them.
//
// # Pools
//
// A [Pool] keeps worker processes and gives them tasks. [Apply] runs one, [Map] one
// for each item of a slice, [IMap] for a stream; [ApplyAsync] and [MapAsync] return an
// [AsyncResult] at once. A [ThreadPool] takes the same calls on goroutines.
//
//	pool, err := multiprocessing.NewPool(ctx, nil)
//	if err != nil {
//		return err
//	}
//	defer pool.Terminate()
//	doubled, err := multiprocessing.Map(ctx, pool, double, []int{1, 2, 3}, nil)
//
// Each task ends in exactly one way, and none waits for ever: a value, a
// [*RemoteError] (what the function returned or panicked with), a [*WorkerError] (its
// worker died; all other tasks go on), [ErrTimeout], a cancellation, or the end of the
// pool. The ctx of Apply and Map ends the work, that of Get and Wait the wait alone.
// A task's time and memory are limited by [MapOptions] or [PoolOptions]; what does
// not stop is killed, with all that it started.
//
// Arguments and results travel as copies, but for a [Buffer], which is shared memory.
//
// # What ends when
//
// A process ends when its target returns, with all its goroutines. When [Main] ends,
// daemons are terminated and the others waited for. When the parent ends in any
// other way, by SIGKILL too, every descendant is dead within a second: children by a
// signal of the kernel, and what they started by the sentry, a small process of the
// same binary, named quartet-sentry, that outlives the parent for that moment.
//
// # What it is not
//
// It does not fork: a child starts with empty variables, and shares no memory with
// its parent but what a [Buffer] holds. It is no sandbox. To run other programs, use [os/exec].
//
// On Linux all of this holds. On macOS there is neither the kernel's signal nor a
// way to find descendants that left their process group; on Windows no child can be
// started. What is missing is an error that matches [errors.ErrUnsupported].
package multiprocessing
