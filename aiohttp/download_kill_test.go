//go:build unix

package aiohttp_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A download that is killed in the middle goes on where it was, and ends equal.
func TestDownloadKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	data := make([]byte, 32<<20)
	rand.NewChaCha8([32]byte{7}).Read(data)
	allowed := make(chan struct{})
	paced := true
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"x"`)
		if paced {
			w = &pacedWriter{w, r, allowed}
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
	name := filepath.Join(t.TempDir(), "f")
	child := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childURL+"="+srv.URL, childFile+"="+name)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	size := func() int64 {
		info, err := os.Stat(name + ".part")
		if err != nil {
			return 0
		}
		return info.Size()
	}
	for range 3 {
		before := size()
		cmd := child()
		for size() < before+40*pieceBytes { // the last one's handler may still take some
			select {
			case allowed <- struct{}{}:
				wait(t, 100*time.Microsecond) // what is under way does not reach the end
			case <-time.After(time.Millisecond):
			}
		}
		cmd.Process.Kill()
		cmd.Wait()
	}
	paced = false
	had := size()
	s := newSession(t, nil)
	res, err := s.Download(t.Context(), srv.URL, name, nil)
	if err != nil || res.Resumed != had {
		t.Fatalf("%+v, %v; the part had %d", res, err, had)
	}
	if got, _ := os.ReadFile(name); !bytes.Equal(got, data) {
		t.Error("the file differs")
	}
}

const pieceBytes = 16 << 10

// A pacedWriter sends a piece for each that is allowed.
type pacedWriter struct {
	http.ResponseWriter
	r       *http.Request
	allowed <-chan struct{}
}

func (p *pacedWriter) Write(b []byte) (total int, err error) {
	for len(b) > 0 {
		select {
		case <-p.allowed:
		case <-p.r.Context().Done():
			return total, p.r.Context().Err()
		}
		n := min(len(b), pieceBytes)
		k, err := p.ResponseWriter.Write(b[:n])
		total += k
		if err != nil {
			return total, err
		}
		p.ResponseWriter.(http.Flusher).Flush()
		b = b[n:]
	}
	return total, nil
}

// A full disk is an error, and what was there is no finished file.
func TestDownloadDiskFull(t *testing.T) {
	t.Parallel()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 1<<20)) })
	s := newSession(t, nil)
	if _, err := s.DownloadTo(t.Context(), srv.URL, f, nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	if st := s.Connector().Stats(); st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}
