package multiprocessing

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
)

// maxLine is the longest line of a child's output that becomes one record; a longer
// one becomes several.
const maxLine = 64 << 10

// lineLog is a writer that makes each line of what it gets a record of a logger. It
// is for one goroutine.
type lineLog struct {
	log   *slog.Logger
	level slog.Level
	attrs func() []slog.Attr // of the record; called for each
	rest  []byte             // a line without its end
}

func (l *lineLog) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, after, whole := bytes.Cut(p, []byte{'\n'})
		if !whole {
			break
		}
		l.add(line)
		l.Flush()
		p = after
	}
	l.add(p)
	return n, nil
}

// add appends to the line that is open, of which no more than maxLine is kept back.
func (l *lineLog) add(p []byte) {
	for len(l.rest)+len(p) > maxLine {
		n := maxLine - len(l.rest)
		l.rest = append(l.rest, p[:n]...)
		l.Flush()
		p = p[n:]
	}
	l.rest = append(l.rest, p...)
}

// Flush logs the line that is open. Empty lines are left out.
func (l *lineLog) Flush() {
	line := bytes.TrimSuffix(l.rest, []byte{'\r'})
	if len(line) > 0 {
		l.log.LogAttrs(context.Background(), l.level, strings.ToValidUTF8(string(line), "\uFFFD"), l.attrs()...)
	}
	l.rest = l.rest[:0]
}
