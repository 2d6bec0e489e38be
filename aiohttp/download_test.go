package aiohttp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiohttp"
	"github.com/quartet-go/quartet/asyncio"
)

// An origin serves one file, which it may change, and misbehaves as its plan says.
type origin struct {
	mu       sync.Mutex
	files    map[string][]byte // by ETag
	tag      string
	plan     []string // one a request; "" and past the end: well-behaved
	requests int
	ranges   []string
}

func newOrigin(seed uint64, size int) *origin {
	o := &origin{files: make(map[string][]byte)}
	o.change(seed, size)
	return o
}

func (o *origin) change(seed uint64, size int) {
	data := make([]byte, size)
	src := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	src.Read(data)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tag = fmt.Sprintf(`"v%d"`, len(o.files))
	o.files[o.tag] = data
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	how := ""
	if o.requests < len(o.plan) {
		how = o.plan[o.requests]
	}
	o.requests++
	o.ranges = append(o.ranges, r.Header.Get("Range"))
	tag := o.tag
	data := o.files[tag]
	o.mu.Unlock()

	h := w.Header()
	h.Set("Etag", tag)
	start, status := 0, 200
	if rg := r.Header.Get("Range"); rg != "" && (r.Header.Get("If-Range") == tag || how == "noifrange") {
		fmt.Sscanf(rg, "bytes=%d-", &start)
		status = 206
	}
	if start >= len(data) && status == 206 {
		h.Set("Content-Range", fmt.Sprintf("bytes */%d", len(data)))
		w.WriteHeader(416)
		return
	}
	crStart, crEnd, total := start, len(data)-1, fmt.Sprint(len(data))
	body := data[start:]
	switch {
	case how == "ignore": // the range
		status, body = 200, data
	case how == "503":
		http.Error(w, "this is not the file", http.StatusServiceUnavailable)
		return
	case status == 206 && how == "earlier":
		crStart /= 2
		body = data[crStart:]
	case status == 206 && how == "later" && len(body) > 1:
		crStart++
		body = body[1:]
	case status == 206 && how == "star":
		total = "*"
	case status == 206 && how == "smaller":
		total = fmt.Sprint(len(data) - 1)
	case status == 206 && how == "othertag":
		h.Set("Etag", `"lie"`)
	case status == 206 && how == "multipart":
		h.Set("Content-Type", "multipart/byteranges; boundary=x")
		crStart = -1
	case status == 206 && how == "encoded":
		h.Set("Content-Encoding", "gzip")
	case status == 206 && how == "half":
		crEnd = start + len(body)/2
		body = data[start : crEnd+1]
	case status == 206 && how == "416":
		h.Set("Content-Range", fmt.Sprintf("bytes */%d", len(data)+1))
		w.WriteHeader(416)
		return
	}
	if status == 206 && crStart >= 0 {
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%s", crStart, crEnd, total))
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	if how == "cut" {
		w.Write(body[:len(body)/3])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(body)
}

var quickRetry = &aiohttp.RetryOptions{Attempts: 30, Delay: time.Microsecond, MaxDelay: time.Microsecond}

// TestResume: whatever is interrupted, changed, ignored or answered wrongly, the
// file ends up equal to one the server has.
func TestResume(t *testing.T) {
	t.Parallel()
	rounds, sorts := 60, []string{
		"", "cut", "cut", "cut", "ignore", "503", "earlier", "later", "star", "smaller", "othertag",
		"multipart", "encoded", "half", "416", "noifrange", "noifrange", "noifrange", "noifrange",
	}
	if d, err := time.ParseDuration(os.Getenv("QUARTET_SOAK")); err == nil {
		rounds = int(d/time.Second) * 50
	}
	s := newSession(t, nil)
	for round := range rounds {
		rnd := rand.New(rand.NewPCG(uint64(round), 7))
		o := newOrigin(uint64(round), 300_000+rnd.IntN(300_000))
		for range rnd.IntN(12) {
			o.plan = append(o.plan, sorts[rnd.IntN(len(sorts))])
		}
		srv := serve(t, o.ServeHTTP)
		name := filepath.Join(t.TempDir(), "file")
		var res *aiohttp.DownloadResult
		for run := 0; res == nil; run++ {
			ctx, cancel := context.WithCancel(t.Context())
			stop, change := -1, -1
			if run < 4 {
				stop, change = rnd.IntN(500_000), rnd.IntN(600_000)
			}
			var err error
			res, err = s.Download(ctx, srv.URL+"/f", name, &aiohttp.DownloadOptions{
				Retry: quickRetry,
				Progress: func(p aiohttp.DownloadProgress) {
					if stop >= 0 && p.Done > int64(stop) {
						cancel()
					}
					if change >= 0 && p.Done > int64(change) {
						change = -1
						size := 300_000 + rnd.IntN(300_000)
						if rnd.IntN(2) == 0 { // the size alone must not prove the file
							size = int(p.Total)
						}
						o.change(rnd.Uint64(), size)
					}
				},
			})
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) && run >= 4 {
				t.Fatalf("round %d, plan %q: %v", round, o.plan, err)
			}
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(versions(o), func(v []byte) bool { return bytes.Equal(v, got) }) {
			t.Fatalf("round %d, plan %q: %d bytes that no version of the file has (%+v)", round, o.plan, len(got), res)
		}
		if left, _ := filepath.Glob(name + ".*"); len(left) != 0 {
			t.Errorf("round %d left %v", round, left)
		}
		srv.Close()
	}
	if n := s.Connector().Stats().InFlight; n != 0 {
		t.Errorf("%d in flight", n)
	}
}

func versions(o *origin) (all [][]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, v := range o.files {
		all = append(all, v)
	}
	return all
}

// A part is taken up by the next call, and asked for from its end on.
func TestDownloadResumesAcrossCalls(t *testing.T) {
	t.Parallel()
	o := newOrigin(1, 900_000)
	o.plan = []string{"cut"}
	srv := serve(t, o.ServeHTTP)
	s := newSession(t, nil)
	name := filepath.Join(t.TempDir(), "f")
	want := sha256.Sum256(o.files[o.tag])
	opts := &aiohttp.DownloadOptions{
		Retry:  &aiohttp.RetryOptions{Attempts: 1},
		Digest: "sha256=" + hex.EncodeToString(want[:]),
	}
	ctx, cancel := context.WithCancel(t.Context())
	opts.Progress = func(p aiohttp.DownloadProgress) {
		if p.Done == 300_000 {
			cancel()
		}
	}
	if _, err := s.Download(ctx, srv.URL, name, opts); err == nil {
		t.Fatal("the cut download succeeded")
	}
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Error("a part has the name of the whole")
	}
	state, _ := os.ReadFile(name + ".part.json")
	if !strings.Contains(string(state), "v0") || strings.Contains(string(state), srv.URL) {
		t.Errorf("state: %s", state)
	}
	opts.Progress = nil
	res, err := s.Download(t.Context(), srv.URL, name, opts)
	if err != nil || res.Resumed != 300_000 || res.Bytes != 900_000 || res.Digest != hex.EncodeToString(want[:]) {
		t.Errorf("resumed: %+v, %v", res, err)
	}
	if o.ranges[len(o.ranges)-1] != "bytes=300000-" {
		t.Errorf("asked for %q", o.ranges)
	}
}

func TestDownloadErrors(t *testing.T) {
	t.Parallel()
	s := newSession(t, nil)
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/404":
			http.Error(w, "not the file", http.StatusNotFound)
		case "/noresume": // no ETag, cut at the first time
			if r.Header.Get("Range") != "" {
				t.Error("a range was asked for without a strong ETag")
			}
			w.Header().Set("Content-Length", "400000")
			w.Write(make([]byte, 1000))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		default:
			io.WriteString(w, "content")
		}
	})
	dir := t.TempDir()
	tests := []struct {
		path string
		opts aiohttp.DownloadOptions
		want error
	}{
		{"/404", aiohttp.DownloadOptions{}, aiohttp.ErrStatus},
		{"/", aiohttp.DownloadOptions{Digest: "md5=00000000000000000000000000000000"}, aiohttp.ErrPayload},
		{"/", aiohttp.DownloadOptions{Digest: "crc=0"}, aiohttp.ErrInvalidRequest},
		{"/", aiohttp.DownloadOptions{Digest: "md5=0"}, aiohttp.ErrInvalidRequest},
		{"/", aiohttp.DownloadOptions{MaxBytes: 3}, aiohttp.ErrLimit},
		{"/noresume", aiohttp.DownloadOptions{Retry: &aiohttp.RetryOptions{Attempts: 2, Delay: 1, MaxDelay: 1}}, aiohttp.ErrPayload},
		{"/", aiohttp.DownloadOptions{Request: &aiohttp.RequestOptions{Header: http.Header{"Range": {"bytes=-5"}}}}, aiohttp.ErrInvalidRequest},
		{"/", aiohttp.DownloadOptions{Request: &aiohttp.RequestOptions{Header: http.Header{"Range": {"bytes=2-"}}}}, aiohttp.ErrResponse},
	}
	for i, tt := range tests {
		name := filepath.Join(dir, fmt.Sprint(i))
		if _, err := s.Download(t.Context(), srv.URL+tt.path, name, &tt.opts); !errors.Is(err, tt.want) {
			t.Errorf("%s %+v: %v, want %v", tt.path, tt.opts, err, tt.want)
		}
		if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a file was left under the name of the whole", tt.path)
		}
	}
	if _, err := s.Download(t.Context(), srv.URL, dir+"/no/such/dir", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

// A Range of the caller's limits the download, and shifts what is asked for to resume it.
func TestDownloadOfARange(t *testing.T) {
	t.Parallel()
	data := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(data)
	cut := true
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"e"`)
		if cut {
			cut = false
			w = &cutting{w, 100_000}
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
	s := newSession(t, nil)
	var b bytes.Buffer
	res, err := s.DownloadTo(t.Context(), srv.URL, &b, &aiohttp.DownloadOptions{
		Retry:   quickRetry,
		Request: &aiohttp.RequestOptions{Header: http.Header{"Range": {"bytes=1000-700999"}}},
	})
	if err != nil || !bytes.Equal(b.Bytes(), data[1000:701000]) || res.Attempts != 2 {
		t.Errorf("%+v, %v, %d bytes", res, err, b.Len())
	}
}

// cutting breaks the connection after some bytes.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	if len(p) > c.left {
		c.ResponseWriter.Write(p[:c.left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

func TestDownloadToAWriter(t *testing.T) {
	t.Parallel()
	o := newOrigin(3, 100_000)
	o.plan = []string{"cut", "cut", "ignore"}
	srv := serve(t, o.ServeHTTP)
	s := newSession(t, nil)
	var b bytes.Buffer
	if _, err := s.DownloadTo(t.Context(), srv.URL, &b, &aiohttp.DownloadOptions{Retry: quickRetry}); !errors.Is(err, aiohttp.ErrCannotRestart) {
		t.Errorf("a buffer that has to begin anew: %v", err)
	}
	o.requests = 0
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	io.WriteString(f, "head ")
	_, err = asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		_, err := s.DownloadTo(ctx, srv.URL, f, &aiohttp.DownloadOptions{Retry: quickRetry})
		return 0, err
	}, nil)
	got, _ := os.ReadFile(f.Name())
	if err != nil || string(got) != "head "+string(o.files[o.tag]) {
		t.Errorf("a file that begins anew: %v, %d bytes", err, len(got))
	}
}

func TestDownloadTwiceAtATime(t *testing.T) {
	t.Parallel()
	in, release := make(chan struct{}), make(chan struct{})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		close(in)
		<-release
		io.WriteString(w, "x")
	})
	s := newSession(t, nil)
	name := filepath.Join(t.TempDir(), "f")
	first := make(chan error, 1)
	go func() {
		_, err := s.Download(t.Context(), srv.URL, name, nil)
		first <- err
	}()
	<-in
	if _, err := s.Download(t.Context(), srv.URL, name, nil); err == nil {
		t.Error("two downloads into one file")
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// Each wrong answer to the request that resumes, with the file as it was and with
// another one of the same size.
func TestResumeEachAnswer(t *testing.T) {
	t.Parallel()
	s := newSession(t, nil)
	for _, how := range []string{"", "cut", "ignore", "503", "earlier", "later", "star", "smaller", "othertag", "multipart", "encoded", "half", "416", "noifrange"} {
		for _, changes := range []bool{false, true} {
			o := newOrigin(1, 300_000)
			o.plan = []string{"cut", how}
			srv := serve(t, o.ServeHTTP)
			name := filepath.Join(t.TempDir(), "f")
			res, err := s.Download(t.Context(), srv.URL, name, &aiohttp.DownloadOptions{
				Retry: quickRetry,
				Progress: func(aiohttp.DownloadProgress) {
					if changes {
						changes = false
						o.change(2, 300_000)
					}
				},
			})
			got, _ := os.ReadFile(name)
			if err != nil || !bytes.Equal(got, o.files[o.tag]) {
				t.Errorf("%q: %+v, %v; %d bytes are not the file's", how, res, err, len(got))
			}
		}
	}
}

// A file can be named by the answer that brings it, and nothing is left of one
// that did not come whole.
func TestDownloadNamedByTheAnswer(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/missing":
			http.NotFound(w, r)
		case "/short":
			w.Header().Set("Etag", `"x"`)
			w.Header().Set("Content-Length", "1000000")
			w.Write(make([]byte, 500_000))
		default:
			w.Header().Set("Content-Disposition", "attachment; filename=report.txt")
			io.WriteString(w, "the report")
		}
	})
	s := newSession(t, nil)
	dir := t.TempDir()
	asked := 0
	var told []aiohttp.DownloadAttempt
	opts := &aiohttp.DownloadOptions{
		Discard: true,
		Retry:   &aiohttp.RetryOptions{Attempts: 2, Delay: time.Millisecond},
		Name: func(resp *aiohttp.Response) (string, error) {
			asked++
			name := "x"
			if cd := resp.ContentDisposition(); cd != nil {
				name = cd.FileName
			}
			return filepath.Join(dir, name), nil
		},
		Attempted: func(a aiohttp.DownloadAttempt) { told = append(told, a) },
	}
	res, err := s.Download(t.Context(), srv.URL+"/x", "", opts)
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(res.Name); filepath.Base(res.Name) != "report.txt" || string(data) != "the report" || asked != 1 {
		t.Errorf("%s has %q; asked %d times", res.Name, data, asked)
	}
	if len(told) != 1 || told[0].Err != nil || told[0].Number != 1 || told[0].Response.Status != 200 {
		t.Errorf("told %+v", told)
	}
	if err := os.Remove(res.Name); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Download(t.Context(), srv.URL+"/missing", "", opts); !errors.Is(err, aiohttp.ErrStatus) || asked != 1 {
		t.Errorf("%v; an error page was asked for its name: %d", err, asked)
	}
	told = nil
	_, err = s.Download(t.Context(), srv.URL+"/short", "", opts)
	if p, ok := errors.AsType[*aiohttp.PayloadError](err); !ok || asked != 2 || len(told) < 2 || told[0].Err == nil {
		t.Errorf("%v %v; asked %d times, told %+v", err, p, asked, told)
	}
	refused := errors.New("no such name here")
	opts.Name = func(*aiohttp.Response) (string, error) { return "", refused }
	if _, err := s.Download(t.Context(), srv.URL+"/x", "", opts); !errors.Is(err, refused) {
		t.Errorf("a name that is refused: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// What lies in the place of the part is never written through.
func TestDownloadFollowsNoLink(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "new") })
	s := newSession(t, nil)
	dir := t.TempDir()
	name, precious := filepath.Join(dir, "f"), filepath.Join(dir, "precious")
	writeFile(t, precious, "old")
	for _, fresh := range []bool{false, true} {
		if err := os.Symlink(precious, name+".part"); err != nil {
			t.Skip(err)
		}
		if _, err := s.Download(t.Context(), srv.URL, name, &aiohttp.DownloadOptions{Fresh: fresh}); err != nil {
			t.Fatal(err)
		}
		got, _ := os.ReadFile(name)
		kept, _ := os.ReadFile(precious)
		if string(got) != "new" || string(kept) != "old" {
			t.Errorf("fresh %v: the file has %q, the link's target %q", fresh, got, kept)
		}
	}
}

// A state that was left without its part tells nothing of the next one.
func TestDownloadStaleState(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"b"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(strings.Repeat("b", 1000)))
	})
	s := newSession(t, nil)
	name := filepath.Join(t.TempDir(), "f")
	writeFile(t, name+".part.json", `{"URL":"x","ETag":"\"a\"","Total":1000}`)
	if _, err := s.Download(t.Context(), srv.URL, name, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name + ".part.json"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the state is still there: %v", err)
	}
}
