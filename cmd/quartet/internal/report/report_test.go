package report_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/cmd/quartet/internal/report"
	"github.com/quartet-go/quartet/internal/leakcheck"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Run(m, nil)) }

var records = []report.Record{
	{URL: "http://h/a&b", File: "out/a&b", Status: 200, Bytes: 1500, Digest: "00ff", Attempts: 2, Seconds: 0.25},
	{URL: "http://h/plain", File: "out/plain", Status: 200, Bytes: 500, Attempts: 1},
	{URL: "nonsense\x1b[2J", Error: "line 3: malformed URL\n"},
	{URL: "http://me:secret@h/closed", Status: 403, Attempts: 1, Error: "status 403"},
	{URL: "http://h/odd", File: "o\nut\\/odd", Status: 200, Digest: "11", Attempts: 1},
}

func tell(t *testing.T, opts *report.Options, ending string) (stdout, stderr string) {
	t.Helper()
	var out, err strings.Builder
	r := report.New(&out, &err, opts)
	for _, rec := range records {
		if err := r.Item(rec); err != nil {
			t.Fatal(err)
		}
	}
	r.Replaced("out/plain", "worker 12 died")
	if err := r.Output([]byte("12 out/plain\n")); err != nil {
		t.Fatal(err)
	}
	r.Close(ending)
	return out.String(), err.String()
}

func TestLines(t *testing.T) {
	stdout, stderr := tell(t, nil, "")
	want := "00ff  out/a&b\nout/plain\n\\11  o\\nut\\\\/odd\n12 out/plain\n"
	if stdout != want {
		t.Errorf("stdout = %q, want %q", stdout, want)
	}
	for _, line := range []string{
		"quartet: failed: nonsense?[2J: line 3: malformed URL?\n",
		"quartet: out/plain: worker 12 died; its work is done again\n",
		"quartet: failed: http://me:xxxxx@h/closed: status 403\n",
		"quartet: 5 items: 3 done, 2 failed; 2.0 kB in ",
		"; 1 retry, 1 worker replaced\n",
	} {
		if !strings.Contains(stderr, line) {
			t.Errorf("stderr lacks %q:\n%s", line, stderr)
		}
	}
	if strings.Contains(stderr, "\x1b") {
		t.Errorf("stderr is no terminal and has escapes: %q", stderr)
	}
}

func TestJSON(t *testing.T) {
	stdout, stderr := tell(t, &report.Options{JSON: true}, "stopped early")
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if len(lines) != len(records) {
		t.Fatalf("%d lines for %d records:\n%s", len(lines), len(records), stdout)
	}
	first := `{"url":"http://h/a&b","file":"out/a&b","status":200,"bytes":1500,"digest":"00ff","attempts":2,"seconds":0.25,"error":""}`
	if lines[0] != first {
		t.Errorf("first line\n%s, want\n%s", lines[0], first)
	}
	for i, line := range lines {
		var got report.Record
		if err := json.Unmarshal([]byte(line), &got); err != nil || got != records[i] {
			t.Errorf("line %d: %+v, %v, want %+v", i+1, got, err, records[i])
		}
	}
	if !strings.Contains(stderr, "12 out/plain\n") || !strings.HasSuffix(stderr, "; stopped early\n") {
		t.Errorf("stderr lacks the command's output or the ending:\n%s", stderr)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestBrokenStdout(t *testing.T) {
	for _, opts := range []*report.Options{nil, {JSON: true}} {
		r := report.New(brokenPipe{}, &strings.Builder{}, opts)
		if err := r.Item(records[0]); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Item: %v, want the stream's error", err)
		}
		if r.Totals().Done != 1 {
			t.Errorf("Totals() = %+v, want the item counted", r.Totals())
		}
	}
}
