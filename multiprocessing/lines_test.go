package multiprocessing_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

var speaks = multiprocessing.Register("speaks", func(context.Context, none) (none, error) {
	fmt.Print("one\n\ntwo\r\nthr")
	fmt.Print("ee")
	fmt.Fprintln(os.Stderr, "four")
	fmt.Print(strings.Repeat("x", 100_000))
	return none{}, nil
})

func TestOutputAsRecords(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	var stderr strings.Builder
	handler := slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "pid" && a.Value.Int64() > 0 {
			return slog.Attr{}
		}
		return a
	}})
	join(t, start(t, multiprocessing.NewProcess(speaks, none{}, &multiprocessing.ProcessOptions{
		Name: "p", Logger: slog.New(handler), Stderr: &stderr,
	})))
	want := fmt.Sprintf("level=INFO msg=one process=p stream=stdout\nlevel=INFO msg=two process=p stream=stdout\n"+
		"level=INFO msg=three%s process=p stream=stdout\nlevel=INFO msg=%s process=p stream=stdout\n",
		strings.Repeat("x", 64<<10-5), strings.Repeat("x", 100_000-64<<10+5))
	if got := out.String(); got != want {
		t.Errorf("records:\n%.300s\nwant:\n%.300s", got, want)
	}
	if got := stderr.String(); got != "four\n" {
		t.Errorf("stderr %q, want four: it has a writer of its own", got)
	}
	out.Reset()
	join(t, start(t, multiprocessing.NewProcess(fails, "no luck", &multiprocessing.ProcessOptions{Name: "p", Logger: slog.New(handler)})))
	if got, want := out.String(), "level=WARN msg=\"Process p: no luck\" process=p stream=stderr\n"; got != want {
		t.Errorf("records:\n%s\nwant:\n%s", got, want)
	}
}
