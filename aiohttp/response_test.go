package aiohttp_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quartet-go/quartet/aiohttp"
)

// withHeader fetches an answer that has the header.
func withHeader(t testing.TB, name string, values ...string) *aiohttp.Response {
	t.Helper()
	s := newSession(t, &aiohttp.SessionOptions{Transport: fakeWire(func(r *http.Request) (*http.Response, error) {
		resp := answer(200)
		resp.Header[name] = values
		return resp, nil
	})})
	resp, err := s.Get(t.Context(), "http://example.org/dir/page", nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestLinks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header []string
		want   []string // url rel params
	}{
		{[]string{`<https://a.org/?p=2>; rel="next", </last>; rel=last`}, []string{"https://a.org/?p=2 next map[]", "http://example.org/last last map[]"}},
		{[]string{`<x>; rel="a b"; title="one, two; three"`, `<y>`}, []string{"http://example.org/dir/x a b map[title:one, two; three]", "http://example.org/dir/y  map[]"}},
		{[]string{`<x> ; REL = next ; rel=second; q="\"\\"`}, []string{`http://example.org/dir/x next map[q:"\]`}},
		{[]string{`<x>; media, <y>; rel=z`}, []string{"http://example.org/dir/x  map[media:]", "http://example.org/dir/y z map[]"}},
		{[]string{`<http://[bad>; rel=x, <ok>; rel=y`}, []string{"http://example.org/dir/ok y map[]"}},
		{[]string{`no link`, `<unclosed`, ``, `,,`}, nil},
	}
	for _, tt := range tests {
		resp := withHeader(t, "Link", tt.header...)
		var got []string
		for _, l := range resp.Links() {
			got = append(got, fmt.Sprint(l.URL, " ", l.Rel, " ", l.Params))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q: %s", tt.header, diff)
		}
	}
	resp := withHeader(t, "Link", `<a>; rel=prev`, `<b>; rel="start NEXT"`)
	if u := resp.Link("next"); u == nil || u.Path != "/dir/b" || resp.Link("other") != nil {
		t.Errorf("Link(next) = %v", u)
	}
}

func TestContentDisposition(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		`attachment; filename="report.pdf"`:                          "report.pdf",
		`attachment; filename=report.pdf`:                            "report.pdf",
		`ATTACHMENT; FileName="a b.txt"`:                             "a b.txt",
		`attachment; filename*=UTF-8''%e4%bd%a0%e5%a5%bd.txt`:        "你好.txt",
		`attachment; filename="../../etc/passwd"`:                    "passwd",
		`attachment; filename="C:\\Windows\\evil.exe"`:               "evil.exe",
		`attachment; filename="/"`:                                   "",
		`attachment; filename=".."`:                                  "",
		`inline`:                                                     "",
		`attachment; filename*=UTF-8''%2e%2e%2fx`:                    "x",
		`attachment; filename="plain.txt"; filename*=UTF-8''fine.md`: "fine.md",
	} {
		cd := withHeader(t, "Content-Disposition", header).ContentDisposition()
		if cd == nil && want == "" {
			continue
		}
		if cd == nil || cd.FileName != want {
			t.Errorf("%s: %+v, want %q", header, cd, want)
		}
	}
	if cd := withHeader(t, "Content-Disposition", ";;;").ContentDisposition(); cd != nil {
		t.Errorf("nonsense: %+v", cd)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 40_000)
	body := "one\n\ntwo\r\n" + long + "\nlast"
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(body); i += 7919 {
			io.WriteString(w, body[i:min(i+7919, len(body))])
			w.(http.Flusher).Flush()
		}
	})
	s := newSession(t, &aiohttp.SessionOptions{MaxLineBytes: 50_000})
	resp, err := s.Get(t.Context(), srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	var got []string
	for line, err := range resp.Lines(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(line))
	}
	if diff := cmp.Diff([]string{"one\n", "\n", "two\r\n", long + "\n", "last"}, got); diff != "" {
		t.Error(diff)
	}
	short := newSession(t, &aiohttp.SessionOptions{MaxLineBytes: 10_000})
	resp, err = short.Get(t.Context(), srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, lerr := range resp.Lines(t.Context()) {
		n++
		err = lerr
	}
	if l, ok := errors.AsType[*aiohttp.LimitError](err); !ok || l.What != "line" || n != 4 {
		t.Errorf("a long line: %v after %d", err, n)
	}
	if st := short.Connector().Stats(); st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}

func TestTrailersAndMeta(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		w.Header().Set("Content-Type", "Text/HTML; Charset=UTF-8")
		w.Header().Add("X-Many", "1")
		w.Header().Add("X-Many", "2")
		w.Header().Add("Set-Cookie", "a=1")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "42")
	})
	s := newSession(t, nil)
	resp, err := s.Get(t.Context(), srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if resp.ContentType() != "text/html" || resp.Charset() != "utf-8" || len(resp.Header["X-Many"]) != 2 || len(resp.Cookies()) != 1 || !resp.OK() || resp.Proto != "HTTP/1.1" {
		t.Errorf("%q %q %v", resp.ContentType(), resp.Charset(), resp.Header)
	}
	for range 2 { // the second time from memory
		if b, err := resp.Bytes(t.Context()); err != nil || string(b) != "body" {
			t.Errorf("%q, %v", b, err)
		}
	}
	if resp.Trailer().Get("X-Sum") != "42" {
		t.Errorf("trailers: %v", resp.Trailer())
	}
	if n, err := resp.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("reading on: %d, %v", n, err)
	}
}

func TestReadAfterClose(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 1<<20)) })
	s := newSession(t, nil)
	resp, err := s.Get(t.Context(), srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Close()
	resp.Close()
	if _, err := resp.Bytes(t.Context()); !errors.Is(err, aiohttp.ErrResponseClosed) {
		t.Errorf("got %v", err)
	}
}

// Expect: 100-continue keeps the body back until the server wants it.
func TestExpectContinue(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(417)
			return
		}
		b, _ := io.ReadAll(r.Body)
		w.Write(b)
	})
	s := newSession(t, nil)
	for path, want := range map[string]bool{"/no": false, "/yes": true} {
		read := false
		body := aiohttp.Open(4, func() (io.ReadCloser, error) {
			r := strings.NewReader("body")
			return io.NopCloser(readFunc(func(p []byte) (int, error) {
				read = true
				return r.Read(p)
			})), nil
		})
		resp, err := s.Post(t.Context(), srv.URL+path, &aiohttp.RequestOptions{Body: body, Expect100: true})
		if err != nil {
			t.Fatal(path, err)
		}
		resp.Bytes(t.Context())
		resp.Close()
		if read != want {
			t.Errorf("%s: the body was read: %v", path, read)
		}
	}
	if st := s.Connector().Stats(); st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestCompressedRequest(t *testing.T) {
	t.Parallel()
	plain := strings.Repeat("quartet ", 10_000)
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", r.Header.Get("Content-Encoding")) // sent back as it came
		io.Copy(w, r.Body)
	})
	s := newSession(t, nil)
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		resp, err := s.Post(t.Context(), srv.URL, &aiohttp.RequestOptions{Body: aiohttp.Text(plain), Compress: coding})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := resp.Text(t.Context()); got != plain || err != nil {
			t.Errorf("%s: %d bytes, %v", coding, len(got), err)
		}
		resp.Close()
	}
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			t.Error(err)
			return
		}
		defer r.MultipartForm.RemoveAll()
		f := r.MultipartForm.File["up load"][0]
		in, _ := f.Open()
		b, _ := io.ReadAll(in)
		in.Close()
		fmt.Fprintf(w, "%d|%v|%s|%s|%s", r.ContentLength, r.MultipartForm.Value["a"], f.Filename, f.Header.Get("Content-Type"), b)
	})
	s := newSession(t, nil)
	known := aiohttp.Form(
		aiohttp.FormField{Name: "a", Value: "1"}, aiohttp.FormField{Name: "a", Value: "é\r\n"},
		aiohttp.FormField{Name: "up load", FileName: "dir/p\"ic.png", Body: aiohttp.Bytes([]byte("png"))},
	)
	if !known.Replayable() || known.Len() <= 0 {
		t.Errorf("replayable %v, length %d", known.Replayable(), known.Len())
	}
	for range 2 { // replayable
		resp, err := s.Post(t.Context(), srv.URL, &aiohttp.RequestOptions{Body: known})
		if err != nil {
			t.Fatal(err)
		}
		got, _ := resp.Text(t.Context())
		if want := fmt.Sprintf("%d|[1 é\r\n]|p%%22ic.png|image/png|png", known.Len()); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		resp.Close()
	}
	stream := aiohttp.Multipart(aiohttp.FormField{Name: "up load", FileName: "s", Body: aiohttp.Reader(io.LimitReader(strings.NewReader("stream"), 9))})
	resp, err := s.Post(t.Context(), srv.URL, &aiohttp.RequestOptions{Body: stream})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := resp.Text(t.Context()); got != "-1|[]|s|application/octet-stream|stream" || stream.Replayable() {
		t.Errorf("got %q", got)
	}
	resp.Close()
	bad := aiohttp.Multipart(aiohttp.FormField{Name: "x", Value: "y", ContentType: "a/b\r\nX: y"})
	if _, err := s.Post(t.Context(), srv.URL, &aiohttp.RequestOptions{Body: bad}); !errors.Is(err, aiohttp.ErrInvalidRequest) {
		t.Errorf("a type with a line break: %v", err)
	}
}

// Close from elsewhere ends a read, and says so.
func TestCloseEndsARead(t *testing.T) {
	t.Parallel()
	for _, serveIt := range []func(testing.TB, http.HandlerFunc) string{
		func(t testing.TB, h http.HandlerFunc) string { return serve(t, h).URL },
		func(t testing.TB, h http.HandlerFunc) string { return serveH2(t, h, 0).URL },
	} {
		url := serveIt(t, func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		s := newSession(t, &aiohttp.SessionOptions{TLS: insecure})
		for range 10 {
			resp, err := s.Get(t.Context(), url, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := make(chan error, 1)
			go func() {
				_, err := resp.Bytes(t.Context())
				got <- err
			}()
			resp.Close()
			if err := <-got; !errors.Is(err, aiohttp.ErrResponseClosed) {
				t.Errorf("the read got %v", err)
			}
		}
	}
}
