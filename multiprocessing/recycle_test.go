package multiprocessing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

// until waits for a condition that will hold.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 5000 {
		if holds() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Errorf("not within its time: %s", what)
}

func TestPoolGrowsOnDemandAndShrinks(t *testing.T) {
	t.Parallel()
	p := newPool(t, &multiprocessing.PoolOptions{Workers: 3, MinWorkers: 1, MaxIdle: 20 * time.Millisecond})
	if n := len(p.Pids()); n != 1 || p.Workers() != 3 {
		t.Errorf("%d workers of %d at first", n, p.Workers())
	}
	dir := t.TempDir()
	var results []*multiprocessing.AsyncResult[string]
	for i := range 3 {
		results = append(results, multiprocessing.ApplyAsync(t.Context(), p, untilCancelled, fmt.Sprint(dir, "/", i), nil))
	}
	for i := range 3 { // all three run at once
		awaitFile(t, fmt.Sprint(dir, "/", i))
	}
	for _, r := range results {
		r.Cancel(nil)
	}
	until(t, "one worker is left", func() bool { return len(p.Pids()) == 1 })
}

func TestResize(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(1))
	p.Resize(3)
	until(t, "three workers", func() bool { return len(p.Pids()) == 3 })
	p.Resize(1)
	until(t, "one worker", func() bool { return len(p.Pids()) == 1 })
	wantWorks(t, p)
}

func TestOldAndLargeWorkersAreReplaced(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]*multiprocessing.PoolOptions{
		"age":    {Workers: 1, MaxAge: 20 * time.Millisecond},
		"memory": {Workers: 1, MaxMemory: 1},
	} {
		p := newPool(t, opts)
		first := p.Pids()
		until(t, name+": another worker", func() bool {
			pids := p.Pids()
			return len(pids) == 1 && !slices.Equal(pids, first)
		})
		wantWorks(t, p)
		if s := p.Stats(); s.Recycled == 0 || s.Started < 2 || s.Died != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestTasksJitter(t *testing.T) {
	t.Parallel()
	p := newPool(t, &multiprocessing.PoolOptions{Workers: 1, MaxTasksPerChild: 2, TasksJitter: 3})
	got, err := multiprocessing.Map(t.Context(), p, pid, make([]struct{}, 40), &multiprocessing.MapOptions{ChunkSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	runs := map[int]int{}
	for _, pid := range got {
		runs[pid]++
	}
	delete(runs, got[len(got)-1]) // may be at its beginning
	for pid, n := range runs {
		if n < 2 || n > 5 {
			t.Errorf("worker %d ran %d tasks, want 2 to 5", pid, n)
		}
	}
}

var grow = multiprocessing.Register("grow", func(ctx context.Context, mib int) (int, error) {
	var all [][]byte
	for range mib {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = 1
		}
		all = append(all, b)
	}
	<-ctx.Done()
	return len(all), nil
})

func TestMemoryLimits(t *testing.T) {
	t.Parallel()
	limited := newPool(t, &multiprocessing.PoolOptions{Workers: 1, MemoryLimit: 256 << 20})
	r := multiprocessing.ApplyAsync(t.Context(), limited, grow, 1024, &multiprocessing.AsyncOptions[int]{Retries: 3})
	_, err := r.Get(t.Context())
	if death := wantWorkerError(t, err); !death.OOM || !errors.Is(err, multiprocessing.ErrMemory) {
		t.Errorf("MemoryLimit: %#v", err)
	}
	wantWorks(t, limited)

	free := newPool(t, workers(1))
	r = multiprocessing.ApplyAsync(t.Context(), free, grow, 300, &multiprocessing.AsyncOptions[int]{Memory: 200 << 20})
	if _, err = r.Get(t.Context()); !errors.Is(err, multiprocessing.ErrMemory) {
		t.Errorf("Memory: %#v", err)
	}
	wantWorks(t, free)
}

var table = multiprocessing.RegisterState("table",
	func(_ context.Context, dir string) (*os.File, error) { return os.CreateTemp(dir, "open") },
	func(f *os.File) error {
		return errors.Join(f.Close(), os.Rename(f.Name(), filepath.Join(filepath.Dir(f.Name()), "closed")))
	})

var tableName = multiprocessing.Register("tableName", func(context.Context, struct{}) (string, error) {
	return table.Value().Name(), nil
})

func TestStateIsOpenedAndClosedInTheWorker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := newPool(t, &multiprocessing.PoolOptions{Workers: 1, Initializer: table.With(dir)})
	name, err := multiprocessing.Apply(t.Context(), p, tableName, struct{}{})
	if err != nil || filepath.Dir(name) != dir {
		t.Errorf("state %q, %v", name, err)
	}
	p.Close()
	if err := p.Join(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir + "/closed"); err != nil {
		t.Errorf("state was not closed: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic where there is no state")
		}
	}()
	table.Value()
}

type where struct{ Dir, Env, Procs string }

var whereabouts = multiprocessing.Register("whereabouts", func(context.Context, struct{}) (where, error) {
	dir, err := os.Getwd()
	fmt.Println("to stdout")
	fmt.Fprintln(os.Stderr, "to stderr")
	return where{dir, os.Getenv("QUARTET_TEST_ENV"), os.Getenv("GOMAXPROCS")}, err
})

func TestEnvDirAndOutput(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var buf bytes.Buffer
	log := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return buf.Write(b)
	}), nil))
	p := newPool(t, &multiprocessing.PoolOptions{Name: "Here", Workers: 100, MinWorkers: 1, Dir: dir, Env: []string{"QUARTET_TEST_ENV=yes"}, Output: log})
	got, err := multiprocessing.Apply(t.Context(), p, whereabouts, struct{}{})
	if want := (where{dir, "yes", "1"}); got != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	p.Close()
	if err := p.Join(t.Context()); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{`level=INFO msg="to stdout" pool=Here worker=1 pid=`, `level=WARN msg="to stderr" pool=Here worker=1`} {
		if !strings.Contains(buf.String(), want) {
			t.Errorf("no %q in\n%s", want, &buf)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestCrashLoopBreaksThePool(t *testing.T) {
	t.Parallel()
	// A program whose first process works and whose later ones crash as they start.
	once := filepath.Join(t.TempDir(), "once")
	p := newPool(t, &multiprocessing.PoolOptions{Workers: 1, MaxFailures: 3, Command: []string{"/bin/sh", "-c", `mkdir "$0" && exec "$1"`, once, os.Args[0]}})
	_, err := multiprocessing.Apply(t.Context(), p, kill, int(syscall.SIGKILL))
	wantWorkerError(t, err)
	if _, err := multiprocessing.Apply(t.Context(), p, square, 1); !errors.Is(err, multiprocessing.ErrPoolBroken) {
		t.Errorf("a task for workers that all crash: %v, want ErrPoolBroken", err)
	}
}

func TestCommandIsAnotherProgram(t *testing.T) {
	t.Parallel()
	// The same program under another name.
	copied := filepath.Join(t.TempDir(), "other")
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, copied)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := newPool(t, &multiprocessing.PoolOptions{Workers: 1, Command: []string{copied, "arg"}})
	if args, err := multiprocessing.Apply(t.Context(), p, arguments, struct{}{}); err != nil || !slices.Equal(args, []string{copied, "arg"}) {
		t.Errorf("its arguments: %q, %v", args, err)
	}
	onlyHere := multiprocessing.Register(unique("onlyHere"), func(context.Context, int) (int, error) { return 0, nil })
	if _, err := multiprocessing.Apply(t.Context(), p, onlyHere, 1); !errors.Is(err, multiprocessing.ErrNotRegistered) {
		t.Errorf("a function that it does not have: %v", err)
	}
	other := newPool(t, workers(1))
	if _, err := multiprocessing.Apply(t.Context(), other, onlyHere, 1); !errors.Is(err, multiprocessing.ErrNotRegistered) {
		t.Errorf("a function registered too late: %v", err)
	}
}

const changedVar = "QUARTET_TEST_CHANGED"

// changed takes a string in a program that was built from another version: here the
// same program with changedVar in its environment.
var changed = func() (f multiprocessing.Func[int, int]) {
	if os.Getenv(changedVar) != "" {
		multiprocessing.Register("changed", func(_ context.Context, s string) (int, error) { return len(s), nil })
		return f
	}
	return multiprocessing.Register("changed", func(_ context.Context, n int) (int, error) { return n, nil })
}()

func TestCommandOfAnotherVersion(t *testing.T) {
	t.Parallel()
	p := newPool(t, &multiprocessing.PoolOptions{Workers: 1, Command: []string{os.Args[0]}, Env: []string{changedVar + "=1"}})
	if _, err := multiprocessing.Apply(t.Context(), p, changed, 1); !errors.Is(err, multiprocessing.ErrSignature) {
		t.Errorf("a function that takes a string there and an int here: %v, want ErrSignature", err)
	}
	if n, err := multiprocessing.Apply(t.Context(), p, square, 3); n != 9 || err != nil {
		t.Errorf("one with the same types: %v, %v", n, err)
	}
}

var arguments = multiprocessing.Register("arguments", func(context.Context, struct{}) ([]string, error) { return os.Args, nil })
