package fetch

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/cmd/quartet/internal/filename"
)

// smallBytes is what a file has at most that is written as a whole, and shows no bar.
const smallBytes = 64 << 10

var smallBuffers = sync.Pool{New: func() any { return new([smallBytes]byte) }}

// A part is a file on its way: it is at its path only when it is whole, and until
// then has another name there. What is announced as small stays in memory up to its
// end, for all calls on its file together leave the loop once then, not once each. The
// methods are what a download may ask of a writer, so that it can begin anew.
type part struct {
	ctx   context.Context
	path  string // set before the first byte comes, as is hold
	hold  bool   // keep it in memory as long as it fits
	small *[smallBytes]byte
	n     int            // how much of small there is
	file  *aiofiles.File // nil: all there is is in small
}

func newPart(ctx context.Context) *part {
	return &part{ctx: ctx, small: smallBuffers.Get().(*[smallBytes]byte)}
}

// whole is the ctx of what decides which files there are: it is not given up in the middle.
func (p *part) whole() context.Context { return context.WithoutCancel(p.ctx) }

// Write implements [io.Writer].
func (p *part) Write(b []byte) (int, error) {
	if p.file == nil {
		if p.hold && len(b) <= smallBytes-p.n {
			p.n += copy(p.small[p.n:], b)
			return len(b), nil
		}
		if err := p.open(p.whole()); err != nil {
			return 0, err
		}
	}
	return p.file.Write(p.ctx, b)
}

// Seek implements [io.Seeker].
func (p *part) Seek(offset int64, whence int) (int64, error) {
	if p.file == nil {
		return int64(p.n), nil // behind what there is, as a download always is
	}
	return p.file.Seek(p.ctx, offset, whence)
}

// Truncate gives up what is behind size.
func (p *part) Truncate(size int64) error {
	if p.file == nil {
		p.n = int(size)
		return nil
	}
	return p.file.Truncate(p.ctx, size)
}

// open makes the file, with what is in memory.
func (p *part) open(ctx context.Context) (err error) {
	if p.file, err = create(ctx, p.path+filename.Part); err == nil {
		_, err = p.file.Write(ctx, p.small[:p.n])
	}
	return err
}

// create makes a new file, in place of one that a job before this one has left
// there, and never through a link.
func create(ctx context.Context, path string) (*aiofiles.File, error) {
	file, err := aiofiles.Open(ctx, path, "xb", nil)
	if !errors.Is(err, fs.ErrExist) {
		return file, err
	}
	if err := aiofiles.Remove(ctx, path); err != nil {
		return nil, err
	}
	return aiofiles.Open(ctx, path, "xb", nil)
}

// finish puts the file where it belongs.
func (p *part) finish() error {
	_, err := asyncio.ToThread(p.whole(), func(ctx context.Context) (struct{}, error) {
		if p.file == nil {
			if err := p.open(ctx); err != nil {
				return struct{}{}, err
			}
		}
		if err := p.file.Close(); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, aiofiles.Rename(ctx, p.path+filename.Part, p.path)
	})
	return err
}

// end frees the part, and leaves nothing of the file unless it is whole.
func (p *part) end(whole bool) {
	smallBuffers.Put(p.small)
	if p.file == nil || whole {
		return
	}
	_ = p.file.Close()
	_ = aiofiles.Remove(p.whole(), p.path+filename.Part)
}
