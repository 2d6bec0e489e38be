package proc

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxEnviron bounds what is read of another process's environment.
const maxEnviron = 4 << 20

// sweepRounds bounds how often one who kills looks again for members that were born
// while their parents were killed.
const sweepRounds = 20

// A tagged is the processes of the trees that a tag names: the tree of the tag
// and those inside it, or only those inside it.
type tagged struct {
	tag    string
	inside bool
	spare  []int // processes to leave alone
}

// kill kills the processes of t until two looks find none: one may miss a process
// that is born behind the place where it is.
func (t tagged) kill() {
	empty := 0
	for range sweepRounds {
		if t.signal(syscall.SIGKILL) > 0 {
			empty = 0
		} else if empty++; empty == 2 {
			return
		}
	}
}

// signal signals the processes of t and returns how many it reached.
func (t tagged) signal(sig syscall.Signal) int {
	if t.tag == "" {
		return 0
	}
	s := &search{tagged: t, sig: sig}
	<-sweeps.add(s)
	return s.reached
}

// has reports whether a process with that tag is one of t.
func (t tagged) has(pid int, tag string) bool {
	below, ok := strings.CutPrefix(tag, t.tag)
	return ok && (!t.inside || below != "") && !slices.Contains(t.spare, pid)
}

// A search is one look for the processes of a tree.
type search struct {
	tagged
	sig     syscall.Signal
	reached int
}

// A sweep is one walk through all processes, for all searches that were asked for
// before it began: when a pool of a hundred workers ends, they share a few.
type sweep struct {
	searches []*search
	done     chan struct{}
}

// sweeps are made one at a time, by a goroutine that ends when no more are wanted.
var sweeps sweeper

type sweeper struct {
	mu      sync.Mutex // guards following
	next    *sweep     // the one to begin
	running bool
}

// add has s looked for and returns a channel that is closed then.
func (w *sweeper) add(s *search) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next == nil {
		w.next = &sweep{done: make(chan struct{})}
	}
	w.next.searches = append(w.next.searches, s)
	if !w.running {
		w.running = true
		go w.run()
	}
	return w.next.done
}

func (w *sweeper) run() {
	for {
		w.mu.Lock()
		s := w.next
		w.next, w.running = nil, s != nil
		w.mu.Unlock()
		if s == nil {
			return
		}
		s.run()
		close(s.done)
	}
}

func (s *sweep) run() {
	self := os.Getpid()
	var buf bytes.Buffer
	for pid := range processes {
		tag := treeOf(pid, &buf)
		if tag == "" || pid == self {
			continue
		}
		for _, one := range s.searches {
			if one.has(pid, tag) && signalTagged(pid, tag, one.sig, &buf) {
				one.reached++
			}
		}
	}
}

// signalTagged signals the process with that number if it has that tag.
func signalTagged(pid int, tag string, sig syscall.Signal, buf *bytes.Buffer) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	// Read again: now the pidfd holds whatever pid meant.
	return treeOf(pid, buf) == tag && unix.PidfdSendSignal(fd, sig, nil, 0) == nil
}

// treeOf returns the tag in the environment of a process as it was when its program
// started, or "". A zombie has none, and one whose program is just being replaced
// has none for a moment, which is waited for.
func treeOf(pid int, buf *bytes.Buffer) string {
	for tries := 0; ; tries++ {
		if !readEnviron(pid, buf) {
			return ""
		}
		if buf.Len() > 0 || tries >= patience(pid) {
			break
		}
		<-time.After(time.Millisecond)
	}
	for kv := range bytes.SplitSeq(buf.Bytes(), []byte{0}) {
		if tag, ok := bytes.CutPrefix(kv, []byte(TreeVar+"=")); ok {
			return string(tag)
		}
	}
	return ""
}

func readEnviron(pid int, buf *bytes.Buffer) bool {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	defer f.Close()
	buf.Reset()
	_, err = buf.ReadFrom(io.LimitReader(f, maxEnviron))
	return err == nil
}

// patience returns for how many milliseconds a process that showed no environment is
// worth another look: long while its program is just being replaced; a moment when
// its new environment is empty, which it is as well while the kernel writes it; not
// at all when it is a zombie or a thread of the kernel.
func patience(pid int) int {
	const flagsField, envStartField, envEndField, kernelThread = 6, 47, 48, 0x00200000 // counted from the state
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) <= envEndField || fields[0] == "Z" || fields[0] == "X" {
		return 0
	}
	flags, err := strconv.ParseUint(fields[flagsField], 10, 64)
	switch {
	case err != nil || flags&kernelThread != 0:
		return 0
	case fields[envEndField] == "0":
		return 200
	default:
		return 3
	}
}

func killGroup(leader int) { _ = unix.Kill(-leader, unix.SIGKILL) }

func killInside(tag string) { tagged{tag: tag, inside: true}.kill() }
