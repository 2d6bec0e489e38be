package aiofiles

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"

	"github.com/quartet-go/quartet/internal/park"
)

// batchFiles is how many files a helper of [ReadFiles] reads before it looks for more.
const batchFiles = 32

// ReadFiles returns the content of all files of names, in their order. A file that
// cannot be read has nil; the errors of all are joined, in their order as well. It
// costs one hop for some dozen files, and reads with every processor.
//
// All contents are in memory at the same time: give it the names in parts if they
// are large.
func ReadFiles(ctx context.Context, names []string) ([][]byte, error) {
	b := &batch{names: append([]string(nil), names...), fsys: fsOf(ctx), lim: limiterOf(ctx)}
	b.data, b.errs = make([][]byte, len(names)), make([]error, len(names))
	if err := b.read(ctx); err != nil {
		return nil, err
	}
	return b.data, errors.Join(b.errs...)
}

// batch is the work of one call of ReadFiles.
type batch struct {
	names []string
	fsys  FS
	lim   *Limiter
	next  atomic.Int64
	left  atomic.Bool
	data  [][]byte
	errs  []error
}

// read runs helpers until all files are read. If ctx ends they stop by themselves.
func (b *batch) read(ctx context.Context) error {
	if len(b.names) == 0 {
		return nil
	}
	if err := park.Cause(ctx); err != nil {
		return err
	}
	jobs := []*job{newJob(b.lim, b.work, nil)}
	jobs[0].submit()
	for len(jobs) < runtime.GOMAXPROCS(0) && len(jobs) < len(b.names)/batchFiles && b.lim.gate.try() {
		j := newJob(b.lim, b.work, nil)
		j.start()
		jobs = append(jobs, j)
	}
	for _, j := range jobs {
		if err := j.wait(ctx); err != nil {
			b.left.Store(true)
			if j.leave() != finished {
				return err
			}
		}
	}
	if b.left.Load() {
		return park.Cause(ctx)
	}
	return nil
}

func (b *batch) work() {
	for !b.left.Load() {
		end := int(b.next.Add(batchFiles))
		for i := end - batchFiles; i < min(end, len(b.names)) && !b.left.Load(); i++ {
			r := reading{fsys: b.fsys, name: b.names[i], left: &b.left}
			b.data[i], b.errs[i] = r.whole()
		}
		if end >= len(b.names) {
			return
		}
	}
}
