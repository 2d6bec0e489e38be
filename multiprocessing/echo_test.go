package multiprocessing_test

import (
	"io"
	"net"
	"os"
	"testing"

	"github.com/quartet-go/quartet/internal/proc"
)

func init() {
	programs["echo"] = func() int {
		conn, err := proc.Conn(os.NewFile(3, "parent"))
		if err != nil {
			return 1
		}
		buf := make([]byte, 40)
		for {
			if _, err := io.ReadFull(conn, buf); err != nil {
				return 0
			}
			if _, err := conn.Write(buf); err != nil {
				return 1
			}
		}
	}
}

// startEcho starts a process that sends back what it gets.
func startEcho(t testing.TB) *net.UnixConn {
	t.Helper()
	conn, theirs, err := proc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	c, err := proc.Start(proc.Spec{
		Path: "/proc/self/exe", Args: os.Args[:1], Files: []*os.File{theirs},
		Env: append(os.Environ(), scenarioVar+"=echo", "GOMAXPROCS=2"), Stderr: os.Stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		<-c.Done()
	})
	return conn
}
