//go:build unix

package multiprocessing_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

// A gust is a task of the storm. It tells what it does in a file, which outlives
// its worker.
type gust struct {
	ID   int
	Kind int
	Log  string
	Load []byte
}

const (
	gustQuick = iota
	gustBusy
	gustSleep
	gustLarge
	gustError
	gustPanic
	gustExit
	gustForEver
	gustKinds
)

var blow = multiprocessing.Register("blow", func(ctx context.Context, g gust) ([]byte, error) {
	if err := note(g.Log, "start", g.ID); err != nil {
		return nil, err
	}
	switch g.Kind {
	case gustBusy:
		for end := time.Now().Add(3 * time.Millisecond); time.Now().Before(end); {
		}
	case gustSleep:
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	case gustError:
		return nil, errOdd
	case gustPanic:
		panic(fmt.Sprint(g.ID))
	case gustExit:
		os.Exit(5)
	case gustForEver:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return g.Load, note(g.Log, "end", g.ID)
})

// note appends a line in one write.
func note(name, what string, id int) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(fmt.Sprintln(what, id))
	return err
}

// soak returns how long a property is tried: d, or what QUARTET_SOAK says.
func soak(t *testing.T, d time.Duration) time.Duration {
	t.Helper()
	if v := os.Getenv("QUARTET_SOAK"); v != "" {
		long, err := time.ParseDuration(v)
		if err != nil {
			t.Fatal(err)
		}
		return long
	}
	if testing.Short() {
		return d / 5
	}
	return d
}

// TestKillStorm kills workers at random while tasks of every kind run. Each task
// has exactly one outcome, which agrees with what the task told on the side, and
// each callback is called exactly once.
func TestKillStorm(t *testing.T) {
	t.Parallel()
	p := newPool(t, &multiprocessing.PoolOptions{
		Workers: 4, Grace: 20 * time.Millisecond, MaxFailures: 10_000,
	})
	s := &storm{t: t, p: p, log: t.TempDir() + "/log"}
	long := soak(t, 5*time.Second)
	end := time.Now().Add(long)
	stop := make(chan struct{})
	var killers, submitters sync.WaitGroup
	killers.Go(func() { s.kill(stop) })
	for i := range 4 {
		submitters.Go(func() {
			for round := 0; time.Now().Before(end); round++ {
				s.submit(rand.New(rand.NewPCG(uint64(i), uint64(round))))
			}
		})
	}
	submitters.Wait()
	close(stop)
	killers.Wait()
	wantWorks(t, p)
	p.Close()
	if err := p.Join(t.Context()); err != nil {
		t.Error(err)
	}
	s.check()
	if kills, mid := s.kills.Load(), s.midTask.Load(); long >= time.Minute && (kills < 500 || mid < 300) {
		t.Errorf("%d kills, %d of them in a task, in %v: want 500 and 300", kills, mid, long)
	}
}

type storm struct {
	t   *testing.T
	p   *multiprocessing.Pool
	log string

	lastID, kills, midTask atomic.Int64

	mu       sync.Mutex // guards following
	outcomes map[int]string
}

func (s *storm) kill(stop <-chan struct{}) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(rnd.IntN(60)) * time.Millisecond):
		}
		workers := s.p.Stats().Workers
		if len(workers) == 0 {
			continue
		}
		w := workers[rnd.IntN(len(workers))]
		killPid(s.t, w.Pid)
		s.kills.Add(1)
		if w.Running != "" {
			s.midTask.Add(1)
		}
	}
}

// submit gives the pool some tasks and waits for all of them.
func (s *storm) submit(rnd *rand.Rand) {
	type open struct {
		g         gust
		r         *multiprocessing.AsyncResult[[]byte]
		callbacks *atomic.Int32
	}
	var all []open
	for range 1 + rnd.IntN(20) {
		g := gust{ID: int(s.lastID.Add(1)), Kind: rnd.IntN(gustKinds), Log: s.log, Load: []byte{byte(rnd.Uint32())}}
		if g.Kind == gustLarge {
			g.Load = randomBytes(100_000 + rnd.IntN(100_000))
		}
		count := new(atomic.Int32)
		opts := &multiprocessing.AsyncOptions[[]byte]{
			Callback:      func([]byte) error { count.Add(1); return nil },
			ErrorCallback: func(error) error { count.Add(1); return nil },
		}
		if g.Kind == gustForEver {
			opts.Timeout = time.Duration(1+rnd.IntN(20)) * time.Millisecond
		}
		r := multiprocessing.ApplyAsync(context.Background(), s.p, blow, g, opts)
		all = append(all, open{g, r, count})
		if rnd.IntN(10) == 0 {
			r.Cancel(nil)
		}
	}
	for _, o := range all {
		v, err := o.r.Get(context.Background())
		if n := o.callbacks.Load(); n != 1 {
			s.t.Errorf("task %d: %d callbacks", o.g.ID, n)
		}
		if err == nil && string(v) != string(o.g.Load) {
			s.t.Errorf("task %d: another value came back", o.g.ID)
		}
		s.mu.Lock()
		if s.outcomes == nil {
			s.outcomes = map[int]string{}
		}
		s.outcomes[o.g.ID] = outcome(err)
		s.mu.Unlock()
	}
}

func outcome(err error) string {
	_, remote := errors.AsType[*multiprocessing.RemoteError](err)
	_, died := errors.AsType[*multiprocessing.WorkerError](err)
	switch {
	case err == nil:
		return "value"
	case remote:
		return "remote error"
	case died:
		return "died"
	case errors.Is(err, multiprocessing.ErrTimeout):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	default:
		return err.Error()
	}
}

func (s *storm) check() {
	log, err := os.ReadFile(s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	starts, ends := map[int]int{}, map[int]int{}
	for line := range strings.Lines(string(log)) {
		var what string
		var id int
		if _, err := fmt.Sscan(line, &what, &id); err != nil {
			s.t.Fatalf("log line %q: %v", line, err)
		}
		if what == "start" {
			starts[id]++
		} else {
			ends[id]++
		}
	}
	count := map[string]int{}
	for id := 1; id <= int(s.lastID.Load()); id++ {
		o := s.outcomes[id]
		count[o]++
		if starts[id] > 1 {
			s.t.Errorf("task %d (%s) ran %d times", id, o, starts[id])
		}
		switch o {
		case "value":
			if starts[id] != 1 || ends[id] != 1 {
				s.t.Errorf("task %d has a value, and started %d and ended %d times", id, starts[id], ends[id])
			}
		case "remote error":
			if starts[id] != 1 || ends[id] != 0 {
				s.t.Errorf("task %d failed, and started %d and ended %d times", id, starts[id], ends[id])
			}
		case "died", "timeout", "cancelled":
		default:
			s.t.Errorf("task %d: outcome %q", id, o)
		}
	}
	s.t.Logf("%d kills, %d of them in a task; outcomes %v", s.kills.Load(), s.midTask.Load(), count)
	if count["value"] == 0 || count["died"] == 0 || s.midTask.Load() == 0 {
		s.t.Error("the storm did not blow")
	}
	var m runtime.MemStats
	s.outcomes = nil
	runtime.GC()
	if runtime.ReadMemStats(&m); m.HeapAlloc > 200<<20 {
		s.t.Errorf("%d bytes of heap after the storm", m.HeapAlloc)
	}
}
