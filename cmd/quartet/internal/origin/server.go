// Package origin is a web server on loopback that misbehaves on purpose, and
// knows how often it did.
package origin

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options configures [Start]. A nil pointer or a zero field means the default.
type Options struct {
	// Seed decides on names, sizes and content. Zero is a seed too.
	Seed uint64
	// Files is how many files there are. Default and least: 100.
	Files int
	// Pause is how long a slow answer stops in its middle. Default: 1s.
	Pause time.Duration
	// Flip makes the server change one byte of one file.
	Flip bool
}

// A Server serves the files of a catalogue. Its owner calls Close.
type Server struct {
	opts     Options
	files    []File
	byPath   map[string]File
	flipped  string // path of the file with a changed byte
	listener net.Listener
	server   http.Server
	served   sync.WaitGroup

	mu    sync.Mutex // guards following
	dealt map[Fault]int
	asked map[string]bool // by path, whether the fault befell it
}

// writeBuffer is how much the system may hold of what a connection sends. It is
// far less than half of a body that is to be reset: when that half is sent, a
// client has read the start of it, and does not take the reset for a connection
// that never answered.
const writeBuffer = 64 << 10

// Start starts a server on a free port of 127.0.0.1.
func Start(opts *Options) (*Server, error) {
	s := &Server{byPath: map[string]File{}, dealt: map[Fault]int{}, asked: map[string]bool{}}
	if opts != nil {
		s.opts = *opts
	}
	s.opts.Files = max(100, s.opts.Files)
	if s.opts.Pause == 0 {
		s.opts.Pause = time.Second
	}
	s.files = catalogue(s.opts.Seed, s.opts.Files)
	for _, f := range s.files {
		s.byPath[f.Path] = f
		if s.opts.Flip && s.flipped == "" && f.Fault == None && f.Size > 0 {
			s.flipped = f.Path
		}
	}
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("starting the origin: %w", err)
	}
	s.server = http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			_ = c.(*net.TCPConn).SetWriteBuffer(writeBuffer)
			return ctx
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.served.Go(func() { _ = s.server.Serve(s.listener) })
	return s, nil
}

// Close ends the server and its connections.
func (s *Server) Close() error {
	err := s.server.Close()
	s.served.Wait()
	return err
}

// Files returns all files, in an order of the seed's.
func (s *Server) Files() []File { return slices.Clone(s.files) }

// URL returns where f is asked for.
func (s *Server) URL(f File) string {
	path := f.Path
	if f.Fault == Redirect {
		path = strings.Replace(path, "/files/", "/moved/", 1)
	}
	return "http://" + s.listener.Addr().String() + path
}

// Dealt returns how often the server has misbehaved, by fault.
func (s *Server) Dealt() map[Fault]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.dealt)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if moved, ok := strings.CutPrefix(r.URL.Path, "/moved/"); ok {
		s.count(Redirect)
		http.Redirect(w, r, "/files/"+moved, http.StatusFound)
		return
	}
	f, ok := s.byPath[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	switch fault := s.due(f); fault {
	case ServerError:
		http.Error(w, "not now", http.StatusInternalServerError)
	case TooMany:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "not so fast", http.StatusTooManyRequests)
	case Gzip:
		w.Header().Set("Content-Encoding", "gzip")
		zw, _ := gzip.NewWriterLevel(w, gzip.HuffmanOnly) // there is nothing to find in it
		_, _ = io.Copy(zw, s.content(f))
		_ = zw.Close()
	default:
		w.Header().Set("Content-Length", fmt.Sprint(f.Size))
		s.body(r.Context(), w, f, fault)
	}
}

// body writes the content of f with what befalls it in the middle.
func (s *Server) body(ctx context.Context, w http.ResponseWriter, f File, fault Fault) {
	content := s.content(f)
	if fault == None {
		_, _ = io.Copy(w, content)
		return
	}
	_, _ = io.CopyN(w, content, f.Size/2)
	rc := http.NewResponseController(w)
	_ = rc.Flush()
	switch fault {
	case Slow:
		select {
		case <-time.After(s.opts.Pause):
			_, _ = io.Copy(w, content)
		case <-ctx.Done():
		}
	case Reset:
		if conn, _, err := rc.Hijack(); err == nil {
			reset(conn)
		}
	case WrongLength: // the rest is missing
	}
}

// reset closes conn so that its other end is told of a reset, not of an end.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// due returns and counts the fault that befalls this request for f.
func (s *Server) due(f File) Fault {
	switch f.Fault {
	case None, Redirect:
		return None
	case Gzip:
		s.count(Gzip)
		return Gzip
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked[f.Path] {
		return None
	}
	s.asked[f.Path] = true
	s.dealt[f.Fault]++
	return f.Fault
}

func (s *Server) count(fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dealt[fault]++
}

func (s *Server) content(f File) io.Reader {
	if f.Path == s.flipped {
		return &flipper{r: f.Content(), at: f.Size / 2}
	}
	return f.Content()
}

// A flipper changes one bit of the byte at offset at.
type flipper struct {
	r  io.Reader
	at int64
}

func (f *flipper) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if 0 <= f.at && f.at < int64(n) {
		p[f.at] ^= 1
	}
	f.at -= int64(n)
	return n, err
}
