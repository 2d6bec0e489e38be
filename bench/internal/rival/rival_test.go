package rival_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/bench/internal/measure"
	"github.com/quartet-go/quartet/bench/internal/rival"
	"github.com/quartet-go/quartet/internal/leakcheck"
)

func TestMain(m *testing.M) {
	rival.Main()
	os.Exit(leakcheck.Run(m, &leakcheck.Options{
		// It has no way to end them.
		IgnoreGoroutine: func(stack string) bool { return strings.Contains(stack, "valyala/fasthttp") },
	}))
}

type opener = func(context.Context, int) (measure.Runner, error)

// check fails unless a round of n items does the work that is wanted, twice.
func check(t *testing.T, open opener, n int, want measure.Work) {
	t.Helper()
	r, err := open(t.Context(), n)
	if errors.Is(err, measure.ErrSkip) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := r.Round(t.Context())
		if err != nil || got.Work != want || got.Amount <= 0 {
			t.Errorf("round gave %v, %v; want %v", got, err, want)
		}
	}
	if err := r.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestLoopsAndProcesses(t *testing.T) {
	same, next := make([]int, 300), make([]int, 300)
	for i := range same {
		same[i], next[i] = i, i+1
	}
	for name, tt := range map[string]struct {
		open opener
		want measure.Work
	}{
		"SocketPair":  {rival.SocketPair, measure.Ints(next)},
		"Exec":        {rival.Exec, measure.Ints(make([]int, 3))},
		"Pull":        {rival.Pull, measure.Items(300)},
		"GoChan":      {rival.GoChan, measure.Ints(next)},
		"GoChanAll":   {rival.GoChanAll, measure.Ints(next)},
		"ErrGroup":    {rival.ErrGroup, measure.Ints(next)},
		"ConcPool":    {rival.ConcPool, measure.Ints(next)},
		"Channel":     {rival.Channel, measure.Ints(same)},
		"Sleeps":      {rival.Sleeps, measure.Ints(same)},
		"Timers":      {rival.Timers, measure.Items(300)},
		"ParkedPulls": {rival.ParkedPulls, measure.Items(300)},
	} {
		t.Run(name, func(t *testing.T) { check(t, tt.open, tt.want.Count, tt.want) })
	}
}

func TestSpin(t *testing.T) {
	stop, err := rival.Spin(2)
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestFiles(t *testing.T) {
	dir, block := t.TempDir(), []byte(strings.Repeat("0123456789abcdef", 1024))
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("one\n\nthree\nfour\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	var tally rival.Tally
	for _, bytes := range []int{4, 1, 6} {
		tally.Add(bytes)
	}
	t.Run("Scanner", func(t *testing.T) { check(t, rival.Scanner(text), 3, tally.Work()) })

	many := filepath.Join(dir, "many")
	blocks := measure.Blocks([][]byte{block, block, block})
	t.Run("WriteFiles", func(t *testing.T) { check(t, rival.WriteFiles(many, block), 3, blocks) })
	if err := os.Mkdir(many, 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := os.WriteFile(rival.FileName(many, i), block, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("ReadFiles", func(t *testing.T) { check(t, rival.ReadFiles(many), 3, blocks) })
	t.Run("ReadFileLoop", func(t *testing.T) { check(t, rival.ReadFileLoop(many), 3, blocks) })
	t.Run("Durable", func(t *testing.T) { check(t, rival.Durable(t.TempDir(), 2), 6, measure.Items(6)) })
	t.Run("WalkDir", func(t *testing.T) { check(t, rival.WalkDir(many), 4, measure.Items(4)) })
	cached := measure.Work{Count: 5, Digest: measure.Blocks([][]byte{block[:4096]}).Digest}
	t.Run("ReadCached", func(t *testing.T) { check(t, rival.ReadCached(rival.FileName(many, 0)), 5, cached) })
}

func TestWeb(t *testing.T) {
	body := []byte("a page")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wrong" {
			body := "another"
			fmt.Fprint(w, body)
			return
		}
		w.Write(body)
	}))
	defer server.Close()
	clients := map[string]func(*rival.Page) (rival.Get, func() error){
		"NetHTTP":  func(p *rival.Page) (rival.Get, func() error) { return p.NetHTTP(0) },
		"limited":  func(p *rival.Page) (rival.Get, func() error) { return p.NetHTTP(2) },
		"FastHTTP": (*rival.Page).FastHTTP,
		"Resty":    (*rival.Page).Resty,
	}
	for name, client := range clients {
		t.Run(name, func(t *testing.T) {
			p := &rival.Page{URL: server.URL, Body: body, Width: 4}
			get, free := client(p)
			defer free() // what the last requests left
			check(t, p.Rounds(get, nil), 20, p.Work(20))
			check(t, p.Allocs(get, free), 20, p.Work(20))
			p.URL += "/wrong"
			if _, done, err := rival.Gets(t.Context(), 20, 4, get); err == nil || done == 20 {
				t.Errorf("%d wrong pages, error %v; want an error", done, err)
			}
		})
	}
	t.Run("Download", func(t *testing.T) {
		check(t, rival.Download(server.URL, filepath.Join(t.TempDir(), "f")), len(body),
			measure.Work{Count: len(body), Digest: measure.Blocks([][]byte{body}).Digest})
	})
}

func TestCommands(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(r.URL.Path))
	}))
	defer server.Close()
	b := &rival.Batch{URL: server.URL, Dir: t.TempDir(), Width: 4}
	want := measure.Blocks([][]byte{[]byte("/00000"), []byte("/00001"), []byte("/00002")})
	t.Run("Curl", func(t *testing.T) { check(t, b.Curl(), 3, want) })
	t.Run("Aria2", func(t *testing.T) { check(t, b.Aria2(), 3, want) })
	t.Run("missing", func(t *testing.T) {
		open := b.Fetch(func(string, string) (string, []string) { return "no-such-fetcher", nil }, func(string, string, string) string { return "" })
		if _, err := open(t.Context(), 1); !errors.Is(err, measure.ErrSkip) || !strings.Contains(err.Error(), "no-such-fetcher") {
			t.Errorf("error %v, want a skip that names it", err)
		}
	})
	if left, _ := os.ReadDir(b.Dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
