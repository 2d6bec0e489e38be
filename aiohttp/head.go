package aiohttp

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
)

// readResponse is http.ReadResponse. Most answers are plain: their head came whole
// and says no more than a status, well-formed fields and one length. Those are read
// here, in a third of the time; whatever else there may be is net/http's to judge,
// from the first byte on. FuzzHead holds the two to the same result.
func readResponse(r *bufio.Reader, req *http.Request) (*http.Response, error) {
	if req == otherRequest {
		if _, err := r.Peek(1); err == nil {
			buf, _ := r.Peek(r.Buffered())
			if end := bytes.Index(buf, []byte("\r\n\r\n")); end > 0 {
				if resp := plainHead(string(buf[:end+2])); resp != nil {
					r.Discard(end + 4)
					if resp.Body = http.NoBody; resp.ContentLength > 0 {
						resp.Body = &lengthBody{r: r, left: resp.ContentLength}
					}
					resp.Request = req
					return resp, nil
				}
			}
		}
	}
	return http.ReadResponse(r, req)
}

// plainHead reads a head whose lines all end in CRLF, or returns nil if it is not plain.
func plainHead(s string) *http.Response {
	line, s, _ := strings.Cut(s, "\r\n")
	status, ok := strings.CutPrefix(line, "HTTP/1.1 ")
	if !ok || len(status) < 4 || status[3] != ' ' || !plainText(status) {
		return nil
	}
	code, ok := decimal(status[:3])
	if !ok || code < 200 || code == http.StatusNoContent || code == http.StatusNotModified {
		return nil // without a body, whatever their length says
	}
	resp := &http.Response{
		Status: status, StatusCode: int(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
	}
	n := strings.Count(s, "\r\n")
	values := make([]string, n) // of all names together, as most have one
	resp.Header = make(http.Header, n)
	for i := range n {
		line, s, _ = strings.Cut(s, "\r\n")
		name, value, found := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !found || !plainName(name) || !plainText(value) {
			return nil
		}
		name = http.CanonicalHeaderKey(name)
		switch name {
		case "Content-Length":
			if resp.ContentLength, ok = decimal(value); !ok || resp.Header[name] != nil {
				return nil
			}
		case "Connection":
			if value != "keep-alive" {
				return nil
			}
		case "Transfer-Encoding", "Trailer", "Pragma":
			return nil
		}
		if have := resp.Header[name]; have != nil {
			resp.Header[name] = append(have, value)
			continue
		}
		values[i] = value
		resp.Header[name] = values[i : i+1 : i+1]
	}
	if resp.ContentLength < 0 {
		return nil
	}
	return resp
}

// plainText reports whether s has no control characters but tabs.
func plainText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// plainName reports whether s is of letters, digits and hyphens.
func plainName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		default:
			return false
		}
	}
	return s != ""
}

// A lengthBody is a body of a known length.
type lengthBody struct {
	r    *bufio.Reader
	left int64
}

func (b *lengthBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	if b.left -= int64(n); b.left == 0 {
		return n, io.EOF
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (b *lengthBody) Close() error { return nil }
