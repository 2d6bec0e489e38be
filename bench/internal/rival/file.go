package rival

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/quartet-go/quartet/bench/internal/measure"
)

// A Tally is what was seen of lines: their number, and a digest of their lengths
// in bytes that depends on the order.
type Tally struct {
	count int
	sum   uint64
}

// Add counts a line of so many bytes, its newline included.
func (t *Tally) Add(bytes int) {
	t.count++
	t.sum = t.sum*31 + uint64(bytes)
}

// Work is what the tally comes to.
func (t *Tally) Work() measure.Work {
	return measure.Work{Count: t.count, Digest: fmt.Sprint(t.sum)}
}

type opener = func(context.Context, int) (measure.Runner, error)

// Scanner reads n lines of the file with a bufio.Scanner.
func Scanner(name string) opener {
	return measure.Func(func(_ context.Context, n int) (measure.Result, error) {
		var tally Tally
		seconds, err := measure.Clock(func() error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			lines := bufio.NewScanner(f)
			for lines.Scan() {
				tally.Add(len(lines.Text()) + 1)
				if tally.count == n {
					break
				}
			}
			return lines.Err()
		})
		return measure.Result{Amount: seconds, Work: tally.Work()}, err
	})
}

// ReadCached reads the first 4 KiB of the file n times through one os.File.
func ReadCached(name string) opener {
	return measure.Func(func(_ context.Context, n int) (measure.Result, error) {
		f, err := os.Open(name)
		if err != nil {
			return measure.Result{}, err
		}
		defer f.Close()
		block := make([]byte, 4096)
		whole := 0
		seconds, err := measure.Clock(func() error {
			for range n {
				read, err := f.ReadAt(block, 0)
				if err != nil {
					return err
				}
				whole += read / len(block)
			}
			return nil
		})
		return measure.Result{Amount: seconds, Work: measure.Work{Count: whole, Digest: measure.Blocks([][]byte{block}).Digest}}, err
	})
}

// FileName is the name of file i in a folder of many.
func FileName(folder string, i int) string { return filepath.Join(folder, fmt.Sprintf("%05d", i)) }

// WriteFiles writes n files of block into a new folder, each in a goroutine.
func WriteFiles(folder string, block []byte) opener {
	return measure.Func(func(_ context.Context, n int) (measure.Result, error) {
		return Written(folder, n, func() error {
			return each(n, func(i int) error { return os.WriteFile(FileName(folder, i), block, 0o666) })
		})
	})
}

// Written makes folder, has work write n files into it, reads them back and
// removes them. Only work is timed.
func Written(folder string, n int, work func() error) (measure.Result, error) {
	if err := os.Mkdir(folder, 0o777); err != nil {
		return measure.Result{}, err
	}
	defer os.RemoveAll(folder)
	seconds, err := measure.Clock(work)
	if err != nil {
		return measure.Result{}, err
	}
	found := make([][]byte, n)
	for i := range found {
		if found[i], err = os.ReadFile(FileName(folder, i)); err != nil {
			return measure.Result{}, err
		}
	}
	return measure.Result{Amount: seconds, Work: measure.Blocks(found)}, nil
}

// ReadFiles reads n files of the folder, each in a goroutine.
func ReadFiles(folder string) opener {
	return measure.Func(func(_ context.Context, n int) (measure.Result, error) {
		found := make([][]byte, n)
		seconds, err := measure.Clock(func() error {
			return each(n, func(i int) (err error) {
				found[i], err = os.ReadFile(FileName(folder, i))
				return err
			})
		})
		return measure.Result{Amount: seconds, Work: measure.Blocks(found)}, err
	})
}

// ReadFileLoop reads n files of the folder one after the other.
func ReadFileLoop(folder string) opener {
	return measure.Func(func(_ context.Context, n int) (measure.Result, error) {
		found := make([][]byte, n)
		seconds, err := measure.Clock(func() (err error) {
			for i := range found {
				if found[i], err = os.ReadFile(FileName(folder, i)); err != nil {
					return err
				}
			}
			return nil
		})
		return measure.Result{Amount: seconds, Work: measure.Blocks(found)}, err
	})
}

// WalkDir walks the tree with filepath.WalkDir.
func WalkDir(root string) opener {
	return measure.Func(func(context.Context, int) (measure.Result, error) {
		count := 0
		seconds, err := measure.Clock(func() error {
			return filepath.WalkDir(root, func(_ string, _ fs.DirEntry, err error) error {
				count++
				return err
			})
		})
		return measure.Result{Amount: seconds, Work: measure.Items(count)}, err
	})
}

// each calls f for 0 to n-1, each in a goroutine, and returns an error of those.
func each(n int, f func(i int) error) error {
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Durable replaces one small file for each of writers, n times in all, by package os
// alone: write, sync, rename, sync of the folder.
func Durable(folder string, writers int) opener {
	data := make([]byte, 4096)
	return measure.Func(func(_ context.Context, n int) (measure.Result, error) {
		errs := make([]error, writers)
		seconds, _ := measure.Clock(func() error {
			var all sync.WaitGroup
			for w := range writers {
				all.Go(func() {
					for range n / writers {
						if errs[w] = replace(FileName(folder, w), data); errs[w] != nil {
							return
						}
					}
				})
			}
			all.Wait()
			return nil
		})
		return measure.Result{Amount: seconds, Work: measure.Items(n / writers * writers)}, errors.Join(errs...)
	})
}

func replace(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "new-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
