package aiohttp_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartet-go/quartet/aiohttp"
)

// readHead reads a request's head as it came, and its body if its length is told.
func readHead(r *bufio.Reader) string {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		b.WriteString(line)
		if err != nil || line == "\r\n" {
			return b.String()
		}
	}
}

// What a request is on the wire, byte for byte.
func TestWire(t *testing.T) {
	t.Parallel()
	heads := make(chan string, 1)
	url := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			head := readHead(r)
			if head == "" {
				return
			}
			if strings.Contains(head, "chunked") {
				body := readHead(r) // up to the empty line at the end of the chunks
				head += body
			} else if strings.Contains(head, "Content-Length: 2") {
				body := make([]byte, 2)
				io.ReadFull(r, body)
				head += string(body)
			}
			heads <- head
			io.WriteString(c, okAnswer)
		}
	})
	host := strings.TrimPrefix(url, "http://")
	s := newSession(t, &aiohttp.SessionOptions{Header: http.Header{"User-Agent": {"u"}, "Accept-Encoding": {"a"}}})
	const auto = "Accept: */*\r\nAccept-Encoding: a\r\nUser-Agent: u\r\n"
	stream := func(s string) *aiohttp.Body { return aiohttp.Reader(io.LimitReader(strings.NewReader(s), 99)) }
	typed := "Accept: */*\r\nAccept-Encoding: a\r\nContent-Type: application/octet-stream\r\nUser-Agent: u\r\n"
	tests := []struct {
		method, path string
		opts         *aiohttp.RequestOptions
		want         string // after the Host line
	}{
		{"GET", "/a|b//c?q=1|2#f", nil, auto + "\r\n"},
		{"GET", "", &aiohttp.RequestOptions{SkipAutoHeaders: []string{"user-agent", "accept"}}, "Accept-Encoding: a\r\n\r\n"},
		{"POST", "", nil, auto + "Content-Length: 0\r\n\r\n"},
		{"DELETE", "", nil, auto + "\r\n"},
		{"POST", "", &aiohttp.RequestOptions{Body: aiohttp.Bytes([]byte("ab"))}, typed + "Content-Length: 2\r\n\r\nab"},
		{"POST", "", &aiohttp.RequestOptions{Body: aiohttp.Reader(strings.NewReader("ab"))}, typed + "Content-Length: 2\r\n\r\nab"},
		{"POST", "", &aiohttp.RequestOptions{Body: aiohttp.Reader(strings.NewReader(""))}, typed + "Content-Length: 0\r\n\r\n"},
		{"POST", "", &aiohttp.RequestOptions{Body: stream("streamed")}, typed + "Transfer-Encoding: chunked\r\n\r\n8\r\nstreamed\r\n0\r\n\r\n"},
		{"GET", "", &aiohttp.RequestOptions{Body: stream("")}, typed + "\r\n"},
		{"GET", "", &aiohttp.RequestOptions{Body: stream("x")}, typed + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"},
		{
			"PUT", "", &aiohttp.RequestOptions{Header: http.Header{"B": {" 1 ", "2"}, "A": {""}, "Content-Length": {"9"}, "Transfer-Encoding": {"x"}, "Trailer": {"x"}}},
			"A: \r\nAccept: */*\r\nAccept-Encoding: a\r\nB: 1\r\nB: 2\r\nUser-Agent: u\r\nContent-Length: 0\r\n\r\n",
		},
	}
	for _, tt := range tests {
		resp, err := s.Do(t.Context(), tt.method, url+tt.path, tt.opts)
		if err != nil {
			t.Errorf("%s %s: %v", tt.method, tt.path, err)
			continue
		}
		resp.Close()
		path, _, _ := strings.Cut(tt.path, "#")
		if path == "" {
			path = "/"
		}
		want := tt.method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + tt.want
		if diff := cmp.Diff(want, <-heads); diff != "" {
			t.Error(diff)
		}
	}
	if st := s.Connector().Stats(); st.Dials != 1 {
		t.Errorf("%+v", st)
	}
	other := newSession(t, &aiohttp.SessionOptions{Connector: newConnector(t, &aiohttp.ConnectorOptions{KeepAlive: -1})})
	text(t, other, url, &aiohttp.RequestOptions{Header: http.Header{"Connection": {"keep-alive"}, "Host": {"other.test"}}})
	if head := <-heads; !strings.Contains(head, "Connection: close") || strings.Contains(head, "keep-alive") || !strings.Contains(head, "Host: other.test\r\n") {
		t.Error(head)
	}
	if _, err := s.Get(t.Context(), url, &aiohttp.RequestOptions{Header: http.Header{"Host": {"a\r\nb"}}}); !errors.Is(err, aiohttp.ErrInvalidRequest) {
		t.Errorf("a line break in the host: %v", err)
	}
}

// A server may answer before it has read the body. The answer is delivered while
// the body is still being sent; the connection serves no other request.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	url := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
		readHead(r)
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
		r.ReadByte() // until the client hangs up, without reading what it sends
		<-t.Context().Done()
	})
	s := newSession(t, nil)
	body, end := io.Pipe()
	sent := make(chan error, 1)
	go func() { // without end
		var err error
		for err == nil {
			_, err = end.Write(make([]byte, 32<<10))
		}
		sent <- err
	}()
	resp, err := s.Post(t.Context(), url, &aiohttp.RequestOptions{Body: aiohttp.Reader(body)})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := resp.Text(t.Context()); got != "no" || err != nil || resp.Status != 413 {
		t.Errorf("%d %q %v", resp.Status, got, err)
	}
	resp.Close()
	if err := <-sent; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the rest of the body: %v", err)
	}
	if st := s.Connector().Stats(); st.Open != 0 || st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}

// A body that fails ends the request with its own error, and the connection.
func TestBodyFails(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	s := newSession(t, nil)
	broken := errors.New("disk gone")
	for _, length := range []int64{-1, 1 << 20} {
		body := aiohttp.Open(length, func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("some"), iotestErr{broken})), nil
		})
		if _, err := s.Post(t.Context(), srv.URL, &aiohttp.RequestOptions{Body: body}); !errors.Is(err, broken) {
			t.Errorf("length %d: %v", length, err)
		}
	}
	if st := s.Connector().Stats(); st.Open != 0 || st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}

type iotestErr struct{ err error }

func (r iotestErr) Read([]byte) (int, error) { return 0, r.err }

// Words before the answer (1xx) are passed over, as many as the header's limit holds.
func TestInformational(t *testing.T) {
	t.Parallel()
	hints := "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
	url := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			line, err := readRequest(r)
			if err != nil {
				return
			}
			if strings.Contains(line, "flood") {
				for err == nil {
					_, err = io.WriteString(c, hints)
				}
				return
			}
			io.WriteString(c, hints+"HTTP/1.1 100 Continue\r\n\r\n"+okAnswer)
		}
	})
	s := newSession(t, nil)
	for range 2 {
		if got := text(t, s, url, nil); got != "ok" {
			t.Errorf("got %q", got)
		}
	}
	if st := s.Connector().Stats(); st.Dials != 1 {
		t.Errorf("%+v", st)
	}
	if _, err := s.Get(t.Context(), url+"/flood", nil); !errors.Is(err, aiohttp.ErrLimit) {
		t.Errorf("1xx without end: %v", err)
	}
}

// What a server says unasked is never taken for the answer to the next request,
// whether it comes with the last answer or later.
func TestUnaskedAnswer(t *testing.T) {
	t.Parallel()
	for _, later := range []bool{false, true} {
		said := make(chan struct{})
		url := rawServer(t, func(n int, c net.Conn, r *bufio.Reader) {
			readRequest(r)
			if n > 0 {
				io.WriteString(c, okAnswer)
				return
			}
			forged := "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
			if later {
				io.WriteString(c, okAnswer)
				io.WriteString(c, forged)
			} else {
				io.WriteString(c, okAnswer+forged)
			}
			close(said)
			<-t.Context().Done()
		})
		s := newSession(t, nil)
		text(t, s, url, nil)
		<-said
		if later && s.Connector().Stats().Open > 0 {
			untilHungUp(s.Connector()) // or spoke
		}
		if got := text(t, s, url, nil); got != "ok" {
			t.Errorf("later %v: got %q", later, got)
		}
		if st := s.Connector().Stats(); st.Dials != 2 {
			t.Errorf("later %v: %+v", later, st)
		}
	}
}

// A connection without a descriptor, as a test's in memory, is looked at by reading.
func TestPipeConnections(t *testing.T) {
	t.Parallel()
	var dials int
	conn := newConnector(t, &aiohttp.ConnectorOptions{Resolver: loopback{}, Dial: func(context.Context, string, string) (net.Conn, error) {
		dials++
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			r := bufio.NewReader(there)
			for range 2 { // requests a connection
				if _, err := readRequest(r); err != nil {
					return
				}
				io.WriteString(there, okAnswer)
			}
		}()
		return here, nil
	}})
	s := newSession(t, &aiohttp.SessionOptions{Connector: conn})
	for range 4 {
		if got := text(t, s, "http://pipe.test/", nil); got != "ok" {
			t.Error(got)
		}
		aiohttp.AgeIdle(conn, time.Second)
	}
	if st := conn.Stats(); dials != 2 || st.Stale != 1 {
		t.Errorf("%d dials, %+v", dials, st)
	}
}

// A connection that the server turns into another protocol is the caller's, both ways.
func TestSwitchingProtocols(t *testing.T) {
	t.Parallel()
	url := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
		readHead(r)
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhello ")
		line, _ := r.ReadString('\n')
		io.WriteString(c, line)
	})
	client := newSession(t, nil).Client()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Connection": {"upgrade"}, "Upgrade": {"echo"}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	rw, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		t.Fatalf("body is a %T", resp.Body)
	}
	io.WriteString(rw, "you\n")
	if got, err := io.ReadAll(rw); string(got) != "hello you\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// Hooks of net/http/httptrace hear of the sending and of the first byte.
func TestHTTPTrace(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {})
	var heard []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteHeaders:         func() { heard = append(heard, "wrote") },
		GotFirstResponseByte: func() { heard = append(heard, "first byte") },
	})
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := newSession(t, nil).Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if diff := cmp.Diff([]string{"wrote", "first byte"}, heard); diff != "" {
		t.Error(diff)
	}
}

// An idle connection costs no goroutine.
func TestNoGoroutines(t *testing.T) {
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {})
	s := newSession(t, nil)
	if err := s.Prewarm(t.Context(), srv.URL, 20); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "aiohttp.(*h1)") {
			t.Error(stack)
		}
	}
}

// The body of a net/http client on our connections may be closed while it is read.
func TestClientBodyClosedInARead(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	s := newSession(t, nil)
	req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := resp.Body.Read(make([]byte, 1))
		read <- err
	}()
	runtime.Gosched()
	resp.Body.Close()
	if err := <-read; err == nil {
		t.Error("a read of a closed body")
	}
	if st := s.Connector().Stats(); st.InFlight != 0 || st.Open != 0 {
		t.Errorf("%+v", st)
	}
}
