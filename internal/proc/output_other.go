//go:build !linux

package proc

import (
	"io"
	"os"
	"time"
)

// drain copies what is in the pipe now, which here takes a moment of waiting.
func drain(r *os.File, w io.Writer, buf []byte) {
	for r.SetReadDeadline(time.Now().Add(10*time.Millisecond)) == nil {
		n, err := r.Read(buf)
		_, _ = w.Write(buf[:n])
		if err != nil {
			return
		}
	}
}
