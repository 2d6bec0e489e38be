//go:build unix

package aiohttp

import (
	"net"
	"testing"
)

// The probe tells a connection that is alive from one that ended or speaks unasked.
func TestProbe(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pair := func() (*net.TCPConn, net.Conn) {
		here, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		there, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { here.Close(); there.Close() })
		return here.(*net.TCPConn), there
	}
	stale := func(c *net.TCPConn, quiet bool) bool {
		raw, err := c.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		return probe(raw, quiet)
	}
	here, there := pair()
	if stale(here, true) {
		t.Error("a connection that is alive is called stale")
	}
	there.Write([]byte("x"))
	for !stale(here, true) { // until it has arrived
	}
	if stale(here, false) {
		t.Error("TLS may speak unasked")
	}
	here, there = pair()
	there.Close()
	for !stale(here, false) {
	}
	here.Close()
	if !stale(here, true) {
		t.Error("a closed descriptor is called alive")
	}
}
