package aiofiles

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
)

// dirBatch is how many entries of a folder are read at a time.
const dirBatch = 512

// A lister is an FS that lists folders better than by [Handle.ReadDir].
type lister interface {
	listDir(name string) ([]fs.DirEntry, error)
}

// listDir lists a folder in the order of the file system.
func listDir(fsys FS, name string) ([]fs.DirEntry, error) {
	if l, ok := fsys.(lister); ok {
		return l.listDir(name)
	}
	h, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return h.ReadDir(-1)
}

// ReadDir lists the folder name, sorted.
//
// Python: os.listdir, which does not sort and gives names only.
func ReadDir(ctx context.Context, name string) ([]fs.DirEntry, error) {
	return onFS(ctx, "readdir", name, func(fsys FS) ([]fs.DirEntry, error) {
		entries, err := listDir(fsys, name)
		sortEntries(entries)
		return entries, err
	})
}

func sortEntries(entries []fs.DirEntry) {
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
}

// ScanDir yields the entries of the folder name in the order of the file system, a
// few hundred read at a time: its memory does not grow with the folder. Whether an
// entry is a folder is known without asking again. An error ends the sequence.
//
// Python: os.scandir.
func ScanDir(ctx context.Context, name string) iter.Seq2[fs.DirEntry, error] {
	return func(yield func(fs.DirEntry, error) bool) {
		lim := limiterOf(ctx)
		h, err := openHandle(ctx, name, os.O_RDONLY, 0, lim)
		if err != nil {
			yield(nil, err)
			return
		}
		gone := false
		defer func() {
			if !gone {
				run(context.WithoutCancel(ctx), lim, func() (struct{}, error) { return struct{}{}, h.Close() }, nil)
			}
		}()
		for {
			type batch struct {
				entries []fs.DirEntry
				err     error
			}
			b, state, err := runLeft(ctx, lim, func() (batch, error) {
				entries, err := h.ReadDir(dirBatch)
				return batch{entries, err}, nil
			}, func(batch) { h.Close() })
			if err == nil {
				err = b.err
			}
			for _, e := range b.entries {
				if !yield(e, nil) {
					return
				}
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				gone = state == left // the read that was given up closes
				yield(nil, pathError("readdir", name, err))
				return
			}
		}
	}
}
