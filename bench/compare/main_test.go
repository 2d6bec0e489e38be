package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/bench/internal/measure"
	"github.com/quartet-go/quartet/bench/internal/rival"
	"github.com/quartet-go/quartet/internal/leakcheck"
	"github.com/quartet-go/quartet/multiprocessing"
)

func TestMain(m *testing.M) {
	rival.Main()
	os.Exit(multiprocessing.Main(func() int { return leakcheck.Run(m, nil) }))
}

func allRows() []row {
	return slices.Concat(processRows, loopRows, webRows, fileRows, commandRows)
}

func TestRowNames(t *testing.T) {
	form := regexp.MustCompile(`^(multiprocessing|asyncio|aiohttp|aiofiles|quartet|cluster)/[A-Za-z0-9-]+$`)
	seen := map[string]bool{}
	for _, r := range allRows() {
		if !form.MatchString(r.name) {
			t.Errorf("row %q has no name of the form %v", r.name, form)
		}
		if seen[r.name] {
			t.Errorf("row %q occurs twice", r.name)
		}
		seen[r.name] = true
	}
}

func TestCompareWritesRows(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "results")
	var stdout, stderr bytes.Buffer
	args := []string{"-only", "^asyncio/step-allocations$", "-rounds", "1", "-json", "-out", folder}
	if err := compare(t.Context(), args, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	if len(lines) != 1 {
		t.Fatalf("printed %d lines, want one object:\n%s", len(lines), &stdout)
	}
	var r struct {
		Case, Unit       string
		PeerName         string `json:"peer_name"`
		Ours, Peer, Goal *float64
		Ratio, Low, High float64
		Met              *bool
	}
	if err := json.Unmarshal([]byte(lines[0]), &r); err != nil {
		t.Fatal(err)
	}
	if r.Case != "asyncio/step-allocations" || r.PeerName != "limit" || r.Ours == nil || *r.Peer != 0.001 || *r.Goal != 1 || r.Met == nil {
		t.Errorf("object %s is not the row", lines[0])
	}
	for name, want := range map[string]string{"rows.ndjson": lines[0], "table.md": "| asyncio/step-allocations | allocs/item |", "host.txt": "Go: go1."} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s (%v) does not have %q:\n%s", name, err, want, text)
		}
	}
}

func TestCompareRefuses(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if err := compare(t.Context(), []string{"-nonsense"}, &stdout, &stderr); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("error %v for a flag that does not exist, want help", err)
	}
	if err := compare(t.Context(), []string{"-only", "("}, &stdout, &stderr); err == nil {
		t.Error("no error for a broken expression")
	}
}

func TestMeasureRow(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		err  error // of making the case
		want error
		skip string
	}{
		{"a fixture that is not installed", measure.Skip("nginx is not installed"), nil, "nginx is not installed"},
		{"a fixture that failed", broken, broken, "broken"},
	} {
		r := row{"x/y", func(context.Context, *fixtures) (measure.Case, error) { return measure.Case{}, tt.err }}
		rows, err := measureRow(t.Context(), r, newFixtures(), measure.Limits{}, false)
		if !errors.Is(err, tt.want) || len(rows) != 1 || rows[0].Case != "x/y" || !strings.HasSuffix(rows[0].Skip, tt.skip) {
			t.Errorf("%s: rows %v, error %v; want a skip %q, error %v", tt.name, rows, err, tt.skip, tt.want)
		}
	}
}

func TestFixturesAreRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	f := newFixtures()
	name, lengths, err := f.text()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, bytes := range lengths {
		sum += bytes
	}
	if info, err := os.Stat(name); err != nil || info.Size() != int64(sum) || len(lengths) != lineCount {
		t.Errorf("the text has %d lines of %d bytes, and the file is %v, %v", len(lengths), sum, info, err)
	}
	if again, _, err := f.text(); again != name || err != nil {
		t.Errorf("the second time the text is %s, %v", again, err)
	}
	if name, err = f.memory("x"); err != nil {
		t.Fatal(err)
	}
	f.close()
	if _, err := os.Stat(filepath.Dir(name)); !os.IsNotExist(err) {
		t.Errorf("folder in memory: %v", err)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
