package aiohttp

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var heads = map[string]bool{ // and whether they are plain
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":                                                                        true,
	"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nX-A: 1\r\nX-A:2 \r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok!": true,
	"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n":                                                                   true,
	"HTTP/1.1 200 \r\nContent-Length: 1\r\nX-Empty:\r\n\r\nx":                                                               true,
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok":                                                                        true,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok":                                                   false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!":                                                  false,
	"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok":                                                                       false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2,2\r\n\r\nok":                                                                      false,
	"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nok":                                                                         false,
	"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok":                                                     false,
	"HTTP/1.1 200 OK\r\nETag: \"x\"\r\ncontent-length: 2\r\n\r\nok":                                                         true,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n":                        false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n":                        false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok":                                                   false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nPragma: no-cache\r\n\r\nok":                                                    false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n X: folded\r\n\r\nok":                                                          false,
	"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok":                                                                       false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\nX: y\r\n\r\nok":                                                                  false,
	"HTTP/1.1 200 OK\nContent-Length: 2\n\nok\r\n\r\n":                                                                      false,
	"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok":                                                           false,
	"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nok":                                                             false,
	"HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 2\r\n\r\nok":                                                                 false,
	"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok":                                                                false,
	"HTTP/1.1 103 Early\r\nContent-Length: 0\r\n\r\n":                                                                       false,
	"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok":                                                                        false,
	"HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok":                                                                       false,
	"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok":                                                                       false,
	"HTTP/1.1 200 OK\r\n\r\nuntil the end":                                                                                  false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n":                                                                              false,
}

func TestPlainHeads(t *testing.T) {
	t.Parallel()
	for head, want := range heads {
		if got := sameAsNetHTTP(t, []byte(head)); got != want {
			t.Errorf("%q is plain: %v, want %v", head, got, want)
		}
	}
}

// FuzzHead looks for an answer that we read otherwise than net/http does.
func FuzzHead(f *testing.F) {
	for head := range heads {
		f.Add([]byte(head))
	}
	f.Fuzz(func(t *testing.T, data []byte) { sameAsNetHTTP(t, data) })
}

// sameAsNetHTTP reports whether an answer is plain, and fails if net/http reads another one.
func sameAsNetHTTP(t *testing.T, data []byte) (plain bool) {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 || end > readBytes-4 || plainHead(string(data[:end+2])) == nil {
		return false
	}
	mine, theirs := bufio.NewReader(bytes.NewReader(data)), bufio.NewReader(bytes.NewReader(data))
	got, gerr := readResponse(mine, otherRequest)
	want, werr := http.ReadResponse(theirs, otherRequest)
	if gerr != nil || werr != nil {
		t.Fatalf("%q: ours %v, net/http %v", data, gerr, werr)
	}
	gotBody, gerr := io.ReadAll(got.Body)
	wantBody, werr := io.ReadAll(want.Body)
	if (gerr == nil) != (werr == nil) || gerr != nil && gerr.Error() != werr.Error() || !bytes.Equal(gotBody, wantBody) {
		t.Errorf("%q: body %q (%v), net/http %q (%v)", data, gotBody, gerr, wantBody, werr)
	}
	gotRest, _ := io.ReadAll(mine)
	wantRest, _ := io.ReadAll(theirs)
	if !bytes.Equal(gotRest, wantRest) {
		t.Errorf("%q: leaves %q, net/http %q", data, gotRest, wantRest)
	}
	got.Body, want.Body = nil, nil
	type parts struct {
		Status, Proto            string
		Code, Major, Minor       int
		Header, Trailer          http.Header
		Length                   int64
		Close, Uncompressed, TLS bool
		TransferEncoding         []string
	}
	of := func(r *http.Response) parts {
		return parts{r.Status, r.Proto, r.StatusCode, r.ProtoMajor, r.ProtoMinor, r.Header, r.Trailer, r.ContentLength, r.Close, r.Uncompressed, r.TLS != nil, r.TransferEncoding}
	}
	if diff := cmp.Diff(of(want), of(got)); diff != "" {
		t.Errorf("%q: %s", data, diff)
	}
	return true
}
