package aiofiles

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"syscall"
	"time"
)

// fifos are those that callers wait to open for writing: nothing tells when a FIFO
// gets its first reader, so somebody has to try again and again. For each FIFO that
// is one caller at a time, the others wait for their turn.
type fifos struct {
	mu    sync.Mutex // guards following
	turns map[string]*fifoTurn
}

type fifoTurn struct {
	*gate
	users int
}

func (f *fifos) enter(name string) *fifoTurn {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.turns[name]
	if t == nil {
		if f.turns == nil {
			f.turns = map[string]*fifoTurn{}
		}
		t = &fifoTurn{gate: newGate(1)}
		f.turns[name] = t
	}
	t.users++
	return t
}

func (f *fifos) exit(name string, t *fifoTurn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(f.turns, name)
	}
}

// openWriter calls open, which just said that there is no reader of the FIFO name,
// until it says something else or ctx ends.
func openWriter(ctx context.Context, lim *Limiter, fsys FS, name string, open func() (Handle, error)) (Handle, error) {
	if fsys == OS { // names of another mean something else
		turn := lim.fifos.enter(name)
		defer lim.fifos.exit(name, turn)
		if err := turn.acquire(ctx); err != nil {
			return nil, err
		}
		defer turn.release()
	}
	info, err := run(ctx, lim, func() (fs.FileInfo, error) { return fsys.Stat(name) }, nil)
	if err != nil {
		return nil, err
	}
	if info.Mode().Type() != fs.ModeNamedPipe {
		return nil, syscall.ENXIO // a device without a driver, a socket
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		h, err := open()
		if !errors.Is(err, syscall.ENXIO) {
			return h, err
		}
		if err := pauseFor(ctx, pause); err != nil {
			return nil, err
		}
	}
}
