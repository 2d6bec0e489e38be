// Package report tells a person and a program what became of a job: data on
// stdout, one line or one JSON object for each item; everything else on stderr.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// A Record is what became of one item. Its JSON form has all fields always.
type Record struct {
	URL      string  `json:"url"`      // as it was given
	File     string  `json:"file"`     // where it was written, or ""
	Status   int     `json:"status"`   // of the last response, or 0
	Bytes    int64   `json:"bytes"`    // in File
	Digest   string  `json:"digest"`   // of File in hexadecimal, or ""
	Attempts int     `json:"attempts"` // requests made, redirects not counted
	Seconds  float64 `json:"seconds"`  // from taking the item to its end
	Error    string  `json:"error"`    // why it failed, or ""
}

// Options configures a [Reporter]. A nil pointer or a zero field means the
// default.
type Options struct {
	// JSON makes each item a JSON object on a line of its own. Default: the line
	// of a finished file is its name, as sha256sum prints it behind the digest if
	// it has one; a failed item is told on stderr alone.
	JSON bool
	// Plain turns bars and colours off on a terminal too.
	Plain bool
}

// A Reporter counts and tells. Its methods may be called from many goroutines;
// they block as the streams do. Its owner calls Close.
type Reporter struct {
	opts  Options
	began time.Time
	color bool
	bars  *bars // nil but on a terminal

	mu      sync.Mutex // guards following
	streams            // while there are bars, terminals are written to above them
	ends    streams    // what was given
	totals  Totals
}

type streams struct{ stdout, stderr io.Writer }

// Totals are the numbers of the summary.
type Totals struct {
	Done, Failed int   // items
	Bytes        int64 // in finished files
	Retries      int   // requests beyond the first of each item
	Replaced     int   // workers that died and whose work was done again
}

// New returns a reporter that writes to stdout and stderr. It shows bars and
// colours if stderr is a terminal that is able to and NO_COLOR is not set.
func New(stdout, stderr io.Writer, opts *Options) *Reporter {
	given := streams{stdout, stderr}
	r := &Reporter{began: time.Now(), streams: given, ends: given}
	if opts != nil {
		r.opts = *opts
	}
	if isTerminal(stderr) && !r.opts.Plain && os.Getenv("TERM") != "dumb" {
		r.color = os.Getenv("NO_COLOR") == ""
		r.bars = newBars(stderr)
		r.stderr = r.bars
		if isTerminal(stdout) {
			r.stdout = r.bars
		}
	}
	return r
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Item tells what became of one item and counts it. The error is stdout's.
func (r *Reporter) Item(rec Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.totals.Retries += max(0, rec.Attempts-1)
	if rec.Error == "" {
		r.totals.Done++
		r.totals.Bytes += rec.Bytes
	} else {
		r.totals.Failed++
		fmt.Fprintf(r.stderr, "quartet: %s %s: %s\n", r.red("failed:"), oneLine(redacted(rec.URL)), oneLine(rec.Error))
	}
	r.bars.count(r.totals)
	if err := r.data(rec); err != nil {
		return fmt.Errorf("writing what became of an item: %w", err)
	}
	return nil
}

// redacted returns a URL without its password, which a log should not keep.
func redacted(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.User != nil {
		return u.Redacted()
	}
	return raw
}

func (r *Reporter) data(rec Record) error {
	switch {
	case r.opts.JSON:
		enc := json.NewEncoder(r.stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(rec)
	case rec.Error != "":
		return nil
	case rec.Digest == "":
		_, err := fmt.Fprintln(r.stdout, rec.File)
		return err
	}
	_, err := io.WriteString(r.stdout, digestLine(rec.Digest, rec.File))
	return err
}

// digestLine returns the line that sha256sum prints and checks.
func digestLine(digest, file string) string {
	escaped := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(file)
	mark := ""
	if escaped != file {
		mark = `\`
	}
	return mark + digest + "  " + escaped + "\n"
}

// Output passes on what a command wrote: to stdout, or to stderr if the items
// are JSON. The error is the stream's.
func (r *Reporter) Output(text []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.stdout
	if r.opts.JSON {
		w = r.stderr
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("passing on the output of a command: %w", err)
	}
	return nil
}

// Notef tells a person something.
func (r *Reporter) Notef(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.stderr, "quartet: %s\n", oneLine(fmt.Sprintf(format, args...)))
}

// Replaced counts a worker that died and whose work on file is done again.
func (r *Reporter) Replaced(file, why string) {
	r.Notef("%s: %s; its work is done again", file, why)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.totals.Replaced++
}

// Totals returns the numbers so far.
func (r *Reporter) Totals() Totals {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.totals
}

// Close ends the bars and prints the summary line, to which it adds ending
// ("stopped early") unless that is empty.
func (r *Reporter) Close(ending string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bars.close()
	r.streams = r.ends
	took := time.Since(r.began)
	t := r.totals
	failed := fmt.Sprintf("%d failed", t.Failed)
	if t.Failed > 0 {
		failed = r.red(failed)
	}
	line := fmt.Sprintf("quartet: %s: %d done, %s; %s in %.2fs (%s/s); %s",
		counted(t.Done+t.Failed, "item", "items"), t.Done, failed, bytesText(float64(t.Bytes)), took.Seconds(),
		bytesText(float64(t.Bytes)/took.Seconds()), counted(t.Retries, "retry", "retries"))
	if t.Replaced > 0 {
		line += ", " + counted(t.Replaced, "worker replaced", "workers replaced")
	}
	if ending != "" {
		line += "; " + ending
	}
	fmt.Fprintln(r.stderr, line)
}

func (r *Reporter) red(s string) string {
	if !r.color {
		return s
	}
	return "\x1b[31m" + s + "\x1b[0m"
}

func counted(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// oneLine keeps what servers and lists hold from writing to the terminal as they
// like.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || 0x7f <= r && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

func bytesText(n float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if n < 1000 {
			if unit == "B" {
				return fmt.Sprintf("%.0f B", n)
			}
			return fmt.Sprintf("%.1f %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.1f TB", n)
}
