package fetch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/quartet-go/quartet/cmd/quartet/internal/fetch"
	"github.com/quartet-go/quartet/cmd/quartet/internal/report"
	"github.com/quartet-go/quartet/cmd/quartet/internal/urllist"
	"github.com/quartet-go/quartet/internal/leakcheck"
	"github.com/quartet-go/quartet/multiprocessing"
)

func TestMain(m *testing.M) {
	os.Exit(multiprocessing.Main(func() int {
		// The first child starts what stays up to the end of Main.
		pool, err := multiprocessing.NewPool(context.Background(), &multiprocessing.PoolOptions{Workers: 1})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		pool.Terminate()
		return leakcheck.Run(m, nil)
	}))
}

// A job is one Run in a folder of its own, and what it told.
type job struct {
	*fetch.Fetcher
	opts   fetch.Options
	report *report.Reporter
	stdout bytes.Buffer
	stderr bytes.Buffer
}

func newJob(t *testing.T, opts fetch.Options) *job {
	t.Helper()
	j := &job{opts: opts}
	if j.opts.Dir == "" {
		j.opts.Dir = t.TempDir()
	}
	j.opts.Delay = time.Millisecond
	j.report = report.New(&j.stdout, &j.stderr, &report.Options{JSON: true})
	j.Fetcher = fetch.New(j.report, j.opts)
	return j
}

func (j *job) run(ctx context.Context, urls ...string) error {
	return j.Run(ctx, urllist.NewReader(urls, nil))
}

// records returns what became of each item, by URL.
func (j *job) records(t *testing.T) map[string]report.Record {
	t.Helper()
	records := map[string]report.Record{}
	for line := range strings.Lines(j.stdout.String()) {
		var rec report.Record
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Fatalf("record %q: %v", line, err)
		}
		records[rec.URL] = rec
	}
	return records
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func echo(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) }

// names returns the names in a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ jobs, perHost, want int }{{4, 16, 4}, {16, 3, 3}, {1, 1, 1}} {
		t.Run(fmt.Sprintf("jobs=%d,perHost=%d", tt.jobs, tt.perHost), func(t *testing.T) {
			t.Parallel()
			var now, most atomic.Int64
			together := make(chan struct{}) // closed when as many are there as may be
			var once sync.Once
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				n := now.Add(1)
				defer now.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				if int(n) == tt.want {
					once.Do(func() { close(together) })
				}
				<-together
				echo(w, r)
			})
			var urls []string
			for i := range 40 {
				urls = append(urls, fmt.Sprintf("%s/%d", url, i))
			}
			j := newJob(t, fetch.Options{Jobs: tt.jobs, PerHost: tt.perHost})
			if err := j.run(t.Context(), urls...); err != nil {
				t.Fatal(err)
			}
			if got := j.report.Totals().Done; got != 40 || int(most.Load()) != tt.want {
				t.Errorf("%d done, at most %d at once, want 40 and %d", got, most.Load(), tt.want)
			}
		})
	}
}

// An item is worked on while the list is still being written.
func TestListIsReadAsItComes(t *testing.T) {
	t.Parallel()
	asked := make(chan string)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		echo(w, r)
	})
	list, writer := io.Pipe()
	j := newJob(t, fetch.Options{Jobs: 2})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() { _ = writer.Close() }()
		for _, path := range []string{"/a", "/b"} {
			fmt.Fprintln(writer, url+path)
			if got := <-asked; got != path {
				t.Errorf("asked for %s, want %s", got, path)
			}
		}
	})
	if err := j.Run(t.Context(), urllist.NewReader(nil, list)); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if got := names(t, j.opts.Dir); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("files %q", got)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		grace time.Duration
		done  int
		error string
	}{
		{"what runs finishes", time.Minute, 1, ""},
		{"what does not finish is ended", time.Nanosecond, 0, fetch.ErrDrained.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j := newJob(t, fetch.Options{Jobs: 1, Grace: tt.grace})
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_ = http.NewResponseController(w).Flush()
				j.Drain()
				if tt.error != "" {
					<-r.Context().Done()
				}
				echo(w, r)
			})
			// The list never ends: only Drain ends the job.
			list, writer := io.Pipe()
			defer func() { _ = writer.Close() }()
			go func() { fmt.Fprintf(writer, "%s/a\n%s/b\n", url, url) }()
			if err := j.Run(t.Context(), urllist.NewReader(nil, list)); err != nil {
				t.Error(err)
			}
			records := j.records(t)
			if len(records) != 1 || records[url+"/a"].Error != tt.error {
				t.Errorf("records %v, want one of /a with error %q", records, tt.error)
			}
			if got := names(t, j.opts.Dir); len(got) != tt.done {
				t.Errorf("files %q, want %d", got, tt.done)
			}
		})
	}
}

// The end of ctx ends all, and leaves nothing half done.
func TestEndOfContext(t *testing.T) {
	t.Parallel()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	var started atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "some")
		_ = http.NewResponseController(w).Flush()
		if started.Add(1) == 3 {
			cancel(cause)
		}
		<-r.Context().Done()
	})
	j := newJob(t, fetch.Options{Jobs: 3})
	if err := j.run(ctx, url+"/a", url+"/b", url+"/c", url+"/d"); !errors.Is(err, cause) {
		t.Errorf("Run: %v, want the cause", err)
	}
	if got := names(t, j.opts.Dir); len(got) > 0 {
		t.Errorf("left behind: %q", got)
	}
	for url, rec := range j.records(t) {
		if rec.Error != cause.Error() {
			t.Errorf("%s: error %q, want %q", url, rec.Error, cause)
		}
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		handler  http.HandlerFunc
		attempts int
		status   int
		error    string
	}{
		{"not found", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, 1, 404, "status 404 Not Found"},
		{"part of a file that nobody asked for", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(206) }, 1, 206, "status 206 Partial Content"},
		{"unavailable", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, 3, 503, "status 503 Service Unavailable"},
		{"connection closed", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 3, 0, "server disconnected"},
		{"short body", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			echo(w, r)
		}, 3, 200, "of 100 bytes"},
		{"too long a wait", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}, 1, 429, "asks to wait for 1h0m0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, tt.handler)
			var attempts []fetch.Attempt
			j := newJob(t, fetch.Options{Retries: 2, OnAttempt: func(a fetch.Attempt) { attempts = append(attempts, a) }})
			if err := j.run(t.Context(), url+"/x"); err != nil {
				t.Fatal(err)
			}
			rec := j.records(t)[url+"/x"]
			if rec.Attempts != tt.attempts || rec.Status != tt.status || !strings.Contains(rec.Error, tt.error) {
				t.Errorf("record %+v, want %d attempts, status %d, error %q", rec, tt.attempts, tt.status, tt.error)
			}
			if len(attempts) != tt.attempts || attempts[0].Err == nil || attempts[len(attempts)-1].Number != tt.attempts {
				t.Errorf("OnAttempt was told %+v", attempts)
			}
			if got := names(t, j.opts.Dir); len(got) > 0 {
				t.Errorf("left behind: %q", got)
			}
		})
	}
}

// A name that the server gives is taken once, whichever attempt brings the file.
func TestServedNameOfManyAttempts(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Disposition", "attachment; filename=report.pdf")
		if asked.Add(1) < 3 {
			w.Header().Set("Content-Length", "100")
		}
		echo(w, r)
	})
	j := newJob(t, fetch.Options{})
	if err := j.run(t.Context(), url+"/x"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, j.opts.Dir); !slices.Equal(got, []string{"report.pdf"}) {
		t.Errorf("files %q after %d attempts", got, asked.Load())
	}
}

// dies kills its own process the first time it works on a file.
var dies = multiprocessing.Register("dies", func(_ context.Context, marker string) (string, error) {
	if err := os.Mkdir(marker, 0o700); err == nil {
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		select {}
	}
	return "survived", nil
})

func TestWorkerDies(t *testing.T) {
	t.Parallel()
	url := serve(t, echo)
	markers := t.TempDir()
	var calls sync.Map
	j := newJob(t, fetch.Options{
		Workers: 2,
		Work: func(ctx context.Context, f *fetch.Fetcher, path string) (string, error) {
			calls.Store(path, true)
			marker := filepath.Join(markers, filepath.Base(path))
			if filepath.Base(path) != "victim" {
				_ = os.Mkdir(marker, 0o700)
			}
			return fetch.Apply(ctx, f, path, dies, marker)
		},
	})
	urls := []string{url + "/a", url + "/victim", url + "/b", url + "/c"}
	if err := j.run(t.Context(), urls...); err != nil {
		t.Fatal(err)
	}
	for url, rec := range j.records(t) {
		if rec.Error != "" || rec.Digest != "survived" || rec.Attempts != 1 {
			t.Errorf("%s: %+v, want one attempt and its work done", url, rec)
		}
	}
	if got := j.report.Totals(); got.Done != 4 || got.Replaced != 1 || got.Retries != 0 {
		t.Errorf("totals %+v, want one worker replaced and nothing fetched again", got)
	}
	if !strings.Contains(j.stderr.String(), "victim: worker ") {
		t.Errorf("nothing told of the death: %s", &j.stderr)
	}
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	url := serve(t, echo)
	broken := errors.New("disk on fire")

	t.Run("list", func(t *testing.T) {
		t.Parallel()
		j := newJob(t, fetch.Options{})
		list := io.MultiReader(strings.NewReader(url+"/a\n"), iotest.ErrReader(broken))
		if err := j.Run(t.Context(), urllist.NewReader(nil, list)); !errors.Is(err, broken) {
			t.Errorf("Run: %v, want the list's error", err)
		}
		if j.report.Totals().Done != 1 {
			t.Error("the item before the error was not fetched")
		}
	})
	t.Run("records", func(t *testing.T) {
		t.Parallel()
		r := report.New(brokenWriter{broken}, io.Discard, nil)
		f := fetch.New(r, fetch.Options{Dir: t.TempDir()})
		if err := f.Run(t.Context(), urllist.NewReader([]string{url + "/a"}, nil)); !errors.Is(err, broken) {
			t.Errorf("Run: %v, want the writer's error", err)
		}
	})
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := newJob(t, fetch.Options{Dir: file}).run(t.Context(), url+"/a"); err == nil {
			t.Error("Run into a file that is no folder: no error")
		}
	})
	t.Run("folder in use", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		inside := make(chan error, 1)
		first := newJob(t, fetch.Options{Dir: dir, OnAttempt: func(fetch.Attempt) {}})
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			inside <- newJob(t, fetch.Options{Dir: dir}).run(t.Context(), url+"/b")
			echo(w, r)
		})
		if err := first.run(t.Context(), url+"/a"); err != nil {
			t.Fatal(err)
		}
		if err := <-inside; err == nil {
			t.Error("two jobs in one folder: no error")
		}
		if got := names(t, dir); !slices.Equal(got, []string{"a"}) {
			t.Errorf("files %q", got)
		}
	})
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// A disk that is full, here a folder that is gone, is no reason to ask again.
func TestFileErrors(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "gone")
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = os.RemoveAll(dir)
		echo(w, r)
	})
	j := newJob(t, fetch.Options{Dir: dir})
	if err := j.run(t.Context(), url+"/a"); err != nil {
		t.Fatal(err)
	}
	rec := j.records(t)[url+"/a"]
	if rec.Attempts != 1 || !strings.Contains(rec.Error, "no such file") {
		t.Errorf("record %+v, want one attempt and the system's error", rec)
	}
}

func TestRecordsOfMany(t *testing.T) {
	t.Parallel()
	url := serve(t, echo)
	var urls []string
	for i := range 300 {
		urls = append(urls, fmt.Sprintf("%s/%d/file", url, i))
	}
	j := newJob(t, fetch.Options{Digest: "sha256", Workers: 2})
	if err := j.run(t.Context(), urls...); err != nil {
		t.Fatal(err)
	}
	records := j.records(t)
	files := map[string]bool{}
	for i, url := range urls {
		rec := records[url]
		files[rec.File] = true
		want := "file"
		if i > 0 {
			want = fmt.Sprintf("file.%d", i)
		}
		body, err := os.ReadFile(rec.File)
		if err != nil || filepath.Base(rec.File) != want || !strings.HasSuffix(url, string(body)) {
			t.Errorf("%s: in %s with %q, %v, want in %s", url, rec.File, body, err, want)
		}
	}
	if len(files) != 300 {
		t.Errorf("%d files: %q", len(files), slices.Sorted(maps.Keys(files)))
	}
}
