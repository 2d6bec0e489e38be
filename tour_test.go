package quartet_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiohttp"
	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/internal/leakcheck"
	"github.com/quartet-go/quartet/multiprocessing"
)

func TestMain(m *testing.M) {
	os.Exit(multiprocessing.Main(func() int {
		// The first child starts what stays up to the end of Main.
		p := multiprocessing.NewProcess(square, 1, nil)
		if err := p.Start(); err == nil {
			_ = p.Join(context.Background())
		}
		return leakcheck.Run(m, nil)
	}))
}

var square = multiprocessing.Register("square", func(_ context.Context, n int) (int, error) { return n * n, nil })

// The tour of README.md: each example is quoted there.

func Example_asyncio() {
	waits := func(d time.Duration) func(context.Context) (time.Duration, error) {
		return func(ctx context.Context) (time.Duration, error) { return d, asyncio.Sleep(ctx, d) }
	}
	main := func(ctx context.Context) ([]time.Duration, error) {
		slow := asyncio.Go(ctx, waits(20*time.Millisecond))
		fast := asyncio.Go(ctx, waits(10*time.Millisecond))
		return asyncio.Gather(ctx, slow, fast) // the results in this order, after 20 ms
	}
	fmt.Println(asyncio.Run(context.Background(), main, nil))
	// Output: [20ms 10ms] <nil>
}

func Example_aiohttp() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"path": %q}`, r.URL.Path)
	}))
	defer server.Close()
	ctx := context.Background()

	session, err := aiohttp.NewSession(&aiohttp.SessionOptions{
		BaseURL:  server.URL,
		Timeouts: aiohttp.Timeouts{Total: 10 * time.Second},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()

	resp, err := session.Get(ctx, "/users/1", &aiohttp.RequestOptions{Params: aiohttp.Params("lang", "zh")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Close()
	var user struct{ Path string }
	fmt.Println(resp.JSON(ctx, &user), resp.Status, user.Path)
	// Output: <nil> 200 /users/1
}

func Example_aiofiles() {
	dir, err := os.MkdirTemp("", "tour")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "poem.txt")
	ctx := context.Background()

	// Whoever opens the file finds the old content or the new, never a part.
	if err := aiofiles.WriteFileAtomic(ctx, name, []byte("床前明月光\n疑是地上霜\n"), nil); err != nil {
		fmt.Println(err)
		return
	}
	f, err := aiofiles.Open(ctx, name, "r", &aiofiles.OpenOptions{Encoding: "utf-8"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	for line, err := range f.Lines(ctx) {
		fmt.Printf("%s %v\n", strings.TrimSpace(line), err)
	}
	// Output:
	// 床前明月光 <nil>
	// 疑是地上霜 <nil>
}

// TestReadme runs the program of README.md on a page of this test's own.
func TestReadme(t *testing.T) {
	t.Parallel()
	needsProcesses(t)
	const page = "<p>床前明月光</p>\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, page) }))
	defer server.Close()
	for _, s := range snippets(t, "README.md") {
		if !s.program() {
			continue
		}
		if got, want := s.run(t, server.URL), fmt.Sprintf("%x\n", sha256.Sum256([]byte(page))); got != want {
			t.Errorf("README.md:%d printed %q, want the digest %q", s.line, got, want)
		}
		return
	}
	t.Error("README.md has no program")
}

// needsProcesses skips a test that builds and runs a program where no child process
// can be started, and under the race detector, which would not see it.
func needsProcesses(t *testing.T) {
	t.Helper()
	if underRace {
		t.Skip("the same without the race detector")
	}
	if runtime.GOOS == "windows" {
		t.Skip("multiprocessing starts no children on windows")
	}
}
