package multiprocessing

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// PoolOptions configures a [Pool]. A nil pointer or a zero field means the default.
type PoolOptions struct {
	// Name tells the pool's workers and log records from others. Default: "Pool".
	Name string
	// Workers is the largest number of worker processes. Default: [CPUCount].
	Workers int
	// MinWorkers is how many are started at first and kept; more are started while
	// tasks wait. Default: Workers.
	MinWorkers int
	// Initializer is called in each worker before its first task, for example
	// openTable.With("prices.db"), or a [State]. If it fails, so does the pool.
	// Default: none.
	Initializer Call
	// Finalizer is called in each worker that ends in order: after Close, or when
	// it is replaced for one of the reasons below. Default: what belongs to the
	// [State] in Initializer, else none.
	Finalizer Call

	// MaxTasksPerChild is how many tasks a worker runs before it is replaced, and
	// TasksJitter up to how many more, by chance, so that not all are replaced at
	// once. A chunk of a map verb counts as one. Default: no limit.
	MaxTasksPerChild int
	TasksJitter      int
	// MaxAge is after what time a worker is replaced. Default: no limit.
	MaxAge time.Duration
	// MaxIdle is after what time without a task a worker ends, if there are more
	// than MinWorkers. Default: no limit.
	MaxIdle time.Duration
	// MaxMemory is beyond how many bytes of resident memory a worker is replaced
	// after the task that it runs. Default: no limit.
	MaxMemory int64

	// MemoryLimit is how many bytes a worker and its descendants may use. A worker
	// that needs more is killed, and its task's error is a [*WorkerError] that
	// matches [ErrMemory]. Default: no limit.
	MemoryLimit int64
	// Cgroup is a directory of control groups that the program may use as it
	// likes, in which the kernel keeps MemoryLimit. Default: none; the worker
	// limits itself, and is looked at every 50 ms.
	Cgroup string
	// TaskTimeout and TaskMemory limit the tasks whose own options do not. See
	// [MapOptions]. Default: no limit.
	TaskTimeout time.Duration
	TaskMemory  int64
	// Grace is how long a worker that was asked to stop may take before it is
	// killed. Default: 1s. Negative: kill at once.
	Grace time.Duration
	// MaxFailures is how many workers in a row may fail to start, or die within a
	// second without having begun a task, before the pool is broken. Default: 5.
	MaxFailures int

	// Command is the program that the workers run, with its arguments: another
	// one that calls [Main]. Default: this one.
	Command []string
	// Start is how workers are started: [Spawn], or a [Warm]. Default: Spawn.
	Start StartMethod
	// Env is added to this process's environment for the workers, as KEY=value.
	// GOMAXPROCS is max(1, CPUs / Workers) unless Env says otherwise.
	Env []string
	// Dir is the working directory of the workers. Default: this process's own.
	Dir string
	// Output gets each line that workers write, to stdout as Info and to stderr as
	// Warn, with the attributes pool, worker, pid and task. Default: workers write
	// where this process does.
	Output *slog.Logger
}

// complete fills in the defaults. It panics with numbers that make no sense.
func (o *PoolOptions) complete() error {
	for _, n := range []int64{
		int64(o.Workers), int64(o.MinWorkers), int64(o.MaxTasksPerChild), int64(o.TasksJitter), int64(o.MaxAge),
		int64(o.MaxIdle), o.MaxMemory, o.MemoryLimit, int64(o.TaskTimeout), o.TaskMemory, int64(o.MaxFailures),
	} {
		if n < 0 {
			panic(fmt.Sprintf("multiprocessing: NewPool: negative number in %+v", *o))
		}
	}
	o.Name = cmp.Or(o.Name, "Pool")
	o.Workers = cmp.Or(o.Workers, CPUCount())
	o.MinWorkers = min(cmp.Or(o.MinWorkers, o.Workers), o.Workers)
	o.Grace = cmp.Or(o.Grace, time.Second)
	o.MaxFailures = cmp.Or(o.MaxFailures, 5)
	o.Command, o.Env = slices.Clone(o.Command), slices.Clone(o.Env)
	if o.Finalizer.fn == nil && o.Initializer.after != nil {
		o.Finalizer = *o.Initializer.after
	}
	for _, c := range []Call{o.Initializer, o.Finalizer} {
		if c.err != nil {
			return fmt.Errorf("multiprocessing: initializer: %w", &encodingError{"argument", c.err})
		}
	}
	return nil
}
