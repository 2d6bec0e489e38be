package multiprocessing

import (
	"bytes"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quartet-go/quartet/internal/proc"
)

// What a child reads of its parent is the same bytes when it is written again, and
// anything else is an error.
func FuzzBoot(f *testing.F) {
	nonce := strings.Repeat("0123456789abcdef", 2)
	var good bytes.Buffer
	if err := writeBoot(&good, nonce, boot{Name: "Process-1", Identity: []int{1}, ParentPid: 7}); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:20])
	f.Add([]byte("QRT1" + nonce + "\xff\xff\xff\xff{}"))
	f.Add([]byte("QRT1" + nonce + "\x02\x00\x00\x00[]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := readFrame(bytes.NewReader(data), nonce)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := writeFrame(&again, nonce, body); err != nil || !bytes.HasPrefix(data, again.Bytes()) {
			t.Errorf("%q reads as %q, which writes as %q, %v", data, body, again.Bytes(), err)
		}
		if b, err := readBoot(bytes.NewReader(data), nonce); err == nil && len(b.Name) > maxBoot {
			t.Errorf("a name of %d bytes", len(b.Name))
		}
	})
}

// Whatever comes in place of a job, the child takes it or says an error; it neither
// waits for more than was sent nor takes memory for what was not.
func FuzzJob(f *testing.F) {
	if _, _, err := proc.Pair(); err != nil {
		f.Skip(err)
	}
	var good bytes.Buffer
	if err := (errand{Func: "main.f", Digest: "d", Codec: 1, Size: 3}).write(&good, []byte("arg")); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:len(good.Bytes())-1])
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Add([]byte("\x0b\x00\x00\x00{\"size\":-5}"))
	f.Add([]byte("\x16\x00\x00\x00{\"size\":1000000000000}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		conn, theirs, err := proc.Pair()
		if err != nil {
			t.Fatal(err)
		}
		child, err := proc.Conn(theirs)
		if err != nil {
			t.Fatal(err)
		}
		defer child.Close()
		go func(conn *net.UnixConn) {
			defer conn.Close()
			_, _ = conn.Write(data)
			_ = conn.CloseWrite()
			_, _ = conn.Read(make([]byte, 1))
		}(conn)
		_ = child.SetDeadline(time.Now().Add(10 * time.Second))
		j, arg, err := takeJob(child)
		if os.IsTimeout(err) {
			t.Errorf("%q: it waits for more", data)
		}
		if err == nil && int64(len(arg)) != j.Size {
			t.Errorf("%q: %d bytes, want %d", data, len(arg), j.Size)
		}
	})
}
