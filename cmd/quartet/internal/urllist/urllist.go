// Package urllist reads the URLs of a job, from arguments and from a list with
// one on each line, as far as they are asked for.
package urllist

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// MaxLineBytes is how long a line of a list may be. A longer one is a malformed
// item; the list goes on behind it.
const MaxLineBytes = 64 << 10

// An Item is one URL as it was written, or why it is none.
type Item struct {
	Raw string   // as written, less blanks around it
	URL *url.URL // nil if Err is not
	Err error    // starts with where the item stands, as "line 3"
}

// A Reader yields the URLs of arguments, then those of a list. One goroutine may
// use it.
type Reader struct {
	args  []string
	taken int // of args
	lines *bufio.Reader
	line  int
}

// NewReader returns a reader of args and then, unless list is nil, of list.
func NewReader(args []string, list io.Reader) *Reader {
	r := &Reader{args: args}
	if list != nil {
		r.lines = bufio.NewReaderSize(list, MaxLineBytes)
	}
	return r
}

// Next returns the next item, whose own Err is not an end: the error is io.EOF
// behind the last item, or the list's. Blank lines and lines that start with #
// are no items. It blocks as the list does.
func (r *Reader) Next() (Item, error) {
	if r.taken < len(r.args) {
		r.taken++
		return parse(fmt.Sprintf("argument %d", r.taken), r.args[r.taken-1], nil), nil
	}
	for r.lines != nil {
		text, tooLong, err := r.readLine()
		if err != nil {
			return Item{}, err
		}
		text = strings.TrimSpace(text)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		return parse(fmt.Sprintf("line %d", r.line), text, tooLong), nil
	}
	return Item{}, io.EOF
}

// readLine returns the next line, or the start of one that is too long and what
// is wrong with it. The error is the list's, and io.EOF only without a line.
func (r *Reader) readLine() (text string, tooLong, err error) {
	line, err := r.lines.ReadSlice('\n')
	text = string(line)
	r.line++
	if errors.Is(err, bufio.ErrBufferFull) {
		const shown = 60
		text = text[:shown] + "..."
		tooLong = fmt.Errorf("longer than %d bytes", MaxLineBytes)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.lines.ReadSlice('\n')
		}
	}
	if err != nil && !(errors.Is(err, io.EOF) && text != "") {
		return "", nil, err
	}
	return text, tooLong, nil
}

func parse(where, raw string, err error) Item {
	item := Item{Raw: raw}
	if err == nil {
		item.URL, err = parseURL(raw)
	}
	if err != nil {
		item.Err = fmt.Errorf("%s: %w", where, err)
	}
	return item
}

func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// url.Error repeats the URL, which the item has already.
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return nil, fmt.Errorf("malformed URL: %w", err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("malformed URL: scheme %q, want http or https", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("malformed URL: no host")
	}
	return u, nil
}
