package multiprocessing

import (
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/quartet-go/quartet/internal/proc"
)

// here is this process's place in its tree: what it is to its parent, and what it
// started.
var here place

type place struct {
	mu       sync.Mutex // guards following
	inMain   bool
	boot     boot
	tree     string // the tag of this process; empty before Main or the first child
	trees    int    // how many child trees were tagged
	created  int    // how many Processes were created, for their names
	sentry   *proc.Sentry
	children []*Process // started, not known to have ended
	endings  map[int]func()
	ending   int

	parentGone <-chan struct{} // closed when the parent ended; nil until asked for
}

// enter begins a Main.
func (h *place) enter(tree string, b boot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inMain {
		panic("multiprocessing: Main called inside Main")
	}
	h.inMain, h.tree, h.boot = true, tree, b
}

// leave ends what this process started, in the order that Main promises.
func (h *place) leave() {
	for _, end := range h.takeEndings() {
		end()
	}
	h.endChildren()
	h.mu.Lock()
	sentry := h.sentry
	h.sentry, h.inMain = nil, false
	h.mu.Unlock()
	if sentry != nil {
		sentry.Close()
	}
}

// atEnd has f called when Main ends, for what must not outlive it and ends by a
// call, as pools do. The function it returns takes f back.
func (h *place) atEnd(f func()) (forget func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.endings == nil {
		h.endings = make(map[int]func())
	}
	h.ending++
	key := h.ending
	h.endings[key] = f
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.endings, key)
	}
}

func (h *place) takeEndings() []func() {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []func()
	for _, f := range h.endings {
		all = append(all, f)
	}
	clear(h.endings)
	return all
}

// mayStart returns nil if children can be started here: inside Main, or anywhere
// if the child is another program.
func (h *place) mayStart(command []string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if marked() || !h.inMain && len(command) == 0 {
		return ErrMainNotCalled
	}
	return nil
}

// plant returns the sentry, which it starts for the first child, and the tag of the
// child's tree. The sentry is this program if that calls Main, else the child's.
func (h *place) plant(command, env []string) (*proc.Sentry, string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tree == "" {
		h.tree = os.Getenv(proc.TreeVar) + "r" + newNonce()[:16] + "."
	}
	if h.inMain {
		command, env = nil, nil
	}
	if h.sentry == nil {
		s, err := startSentry(h.tree, command, env)
		if err != nil {
			return nil, "", fmt.Errorf("multiprocessing: starting the sentry: %w", err)
		}
		h.sentry = s
	}
	h.trees++
	return h.sentry, fmt.Sprintf("%s%d.", h.tree, h.trees), nil
}

func (h *place) name() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.boot.Name == "" {
		return "MainProcess"
	}
	return h.boot.Name
}

func (h *place) self() boot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.boot
}

// identify returns the identity of the next Process that is created here.
func (h *place) identify() []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.created++
	return append(slices.Clone(h.boot.Identity), h.created)
}

func (h *place) adopt(p *Process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.children = append(h.children, p)
}

func (h *place) drop(p *Process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.children, p); i >= 0 {
		h.children = slices.Delete(h.children, i, i+1)
	}
}

func (h *place) active() []*Process {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.children)
}
