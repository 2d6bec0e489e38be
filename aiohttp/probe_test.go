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
	here, there := pair()
	p := newProber(here)
	if closed, spoke := p.look(); closed || spoke {
		t.Error("a connection that is alive is called stale")
	}
	there.Write([]byte("x"))
	for closed, spoke := p.look(); !spoke; closed, spoke = p.look() { // until it has arrived
		if closed {
			t.Error("a connection that spoke is called closed")
		}
	}
	here, there = pair()
	p = newProber(here)
	there.Close()
	for closed, _ := p.look(); !closed; closed, _ = p.look() {
	}
	here.Close()
	if closed, _ := p.look(); !closed {
		t.Error("a closed descriptor is called alive")
	}
	in, out := net.Pipe()
	defer in.Close()
	defer out.Close()
	if newProber(in) != nil {
		t.Error("a pipe has no descriptor")
	}
}
