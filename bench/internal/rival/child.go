// Package rival holds the Go sides of the comparison: what a user would write
// with the standard library or other modules instead.
package rival

import (
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// childEnv tells a copy of this binary which child of a rival it is.
const childEnv = "QUARTET_BENCH_CHILD"

// Main must be the first call in main: a child of a rival does its work there
// and ends. Elsewhere Main does nothing.
func Main() {
	switch os.Getenv(childEnv) {
	case "":
		return
	case "exit":
	case "echo":
		echo(os.NewFile(3, "echo"))
	case "spin":
		for start := time.Now(); time.Since(start) < spinLimit; {
		}
	default:
		os.Exit(2)
	}
	os.Exit(0)
}

// spinLimit bounds a spinner that nobody ends.
const spinLimit = 2 * time.Minute

// child is a copy of this binary that does what.
func child(what string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+what)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd, nil
}

// Spin starts n processes that compute, and returns what ends them.
func Spin(n int) (stop func() error, err error) {
	var cmds []*exec.Cmd
	stop = func() error {
		for _, cmd := range cmds {
			cmd.Process.Kill()
			cmd.Wait()
		}
		return nil
	}
	for range n {
		cmd, err := child("spin")
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			stop()
			return nil, err
		}
		cmds = append(cmds, cmd)
	}
	return stop, nil
}

// messageBytes is the size of a frame on the raw socket pair.
const messageBytes = 32

func echo(f *os.File) {
	conn, err := net.FileConn(f)
	if err != nil {
		os.Exit(2)
	}
	message := make([]byte, messageBytes)
	for {
		if _, err := io.ReadFull(conn, message); err != nil {
			return
		}
		message[0]++
		if _, err := conn.Write(message); err != nil {
			return
		}
	}
}

// startEcho starts the other process of the raw socket pair.
func startEcho() (net.Conn, func() error, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	mine, theirs := os.NewFile(uintptr(fds[0]), "mine"), os.NewFile(uintptr(fds[1]), "theirs")
	defer mine.Close()
	defer theirs.Close()
	conn, err := net.FileConn(mine)
	if err != nil {
		return nil, nil, err
	}
	cmd, err := child("echo")
	if err == nil {
		cmd.ExtraFiles = []*os.File{theirs}
		err = cmd.Start()
	}
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, func() error {
		conn.Close()
		return cmd.Wait()
	}, nil
}
