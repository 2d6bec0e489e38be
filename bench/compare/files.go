package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/bench/internal/measure"
	"github.com/quartet-go/quartet/bench/internal/peer"
	"github.com/quartet-go/quartet/bench/internal/rival"
)

var fileRows = []row{
	{"aiofiles/lines", fileLines},
	{"aiofiles/read-4KiB-cached", fileReadCached},
	{"aiofiles/write-2000", fileWrite},
	{"aiofiles/read-2000", fileRead},
	{"aiofiles/read-files-2000", fileReadMany},
	{"aiofiles/walk-100k", fileWalk},
	{"aiofiles/durable-16-writers", fileDurable},
	{"aiofiles/stuck-20k-threads", fileStuckThreads},
	{"aiofiles/stuck-20k-given-up", fileStuckTime},
	{"aiofiles/cancel-100k-left-over", fileCancels},
}

// pythonFiles is a case of files.py.
func pythonFiles(name, function string, n int, goal float64, args ...string) measure.Side {
	return measure.Side{Name: name, N: n, Goal: goal, Open: peer.Python("files.py", function, args...)}
}

// fileLines reads the lines of a text file and checks that it is UTF-8.
func fileLines(_ context.Context, f *fixtures) (measure.Case, error) {
	name, lengths, err := f.text()
	if err != nil {
		return measure.Case{}, err
	}
	return measure.Case{
		Unit: measure.NanosEach, N: lineCount,
		Want: func(n int) measure.Work {
			var tally rival.Tally
			for _, bytes := range lengths[:n] {
				tally.Add(bytes)
			}
			return tally.Work()
		},
		Ours: measure.Side{Name: "quartet", Open: measure.Func(func(ctx context.Context, n int) (measure.Result, error) {
			var tally rival.Tally
			seconds, err := measure.Clock(func() error {
				f, err := aiofiles.Open(ctx, name, "r", nil)
				if err != nil {
					return err
				}
				defer f.Close()
				for line, err := range f.Lines(ctx) {
					if err != nil {
						return err
					}
					tally.Add(len(line))
				}
				return nil
			})
			return measure.Result{Amount: seconds, Work: tally.Work()}, err
		})},
		Peers: []measure.Side{
			{Name: "bufio.Scanner", Goal: 0.75, Open: rival.Scanner(name)},
			pythonFiles("aiofiles", "lines", 5_000, 500, name, "aiofiles"),
			pythonFiles("anyio", "lines", 5_000, 0, name, "anyio"),
			pythonFiles("CPython open", "lines_sync", 0, 0, name),
		},
	}, nil
}

// fileReadCached reads 4 KiB that are in the page cache, from a plain goroutine.
func fileReadCached(_ context.Context, f *fixtures) (measure.Case, error) {
	folder, err := f.files()
	if err != nil {
		return measure.Case{}, err
	}
	name, digest := rival.FileName(folder, 0), measure.Blocks([][]byte{pattern(fileBytes)[:4096]}).Digest
	return measure.Case{
		Unit: measure.NanosEach, N: 200_000, Want: func(n int) measure.Work { return measure.Work{Count: n, Digest: digest} },
		Ours: measure.Side{Name: "quartet", Open: measure.Func(func(ctx context.Context, n int) (measure.Result, error) {
			f, err := aiofiles.Open(ctx, name, "rb", nil)
			if err != nil {
				return measure.Result{}, err
			}
			defer f.Close()
			block, whole := make([]byte, 4096), 0
			seconds, err := measure.Clock(func() error {
				for range n {
					read, err := f.ReadAt(ctx, block, 0)
					if err != nil {
						return err
					}
					whole += read / len(block)
				}
				return nil
			})
			return measure.Result{Amount: seconds, Work: measure.Work{Count: whole, Digest: measure.Blocks([][]byte{block}).Digest}}, err
		})},
		Peers: []measure.Side{
			{Name: "os.File", Goal: 1 / 1.15, Open: rival.ReadCached(name)},
			pythonFiles("aiofiles", "read_cached", 1_000, 0, name, "aiofiles"),
			pythonFiles("anyio", "read_cached", 1_000, 0, name, "anyio"),
		},
	}, nil
}

// sameFiles is the work of n files of fileBytes.
func sameFiles(n int) measure.Work {
	blocks, block := make([][]byte, n), pattern(fileBytes)
	for i := range blocks {
		blocks[i] = block
	}
	return measure.Blocks(blocks)
}

// inTasks calls f for 0 to n-1, each in a task of the loop.
func inTasks(ctx context.Context, loop *asyncio.Loop, n int, f func(ctx context.Context, i int) (struct{}, error)) error {
	_, err := asyncio.RunUntilComplete(ctx, loop, asyncio.Coro0(func(ctx context.Context) ([]struct{}, error) {
		all := make([]asyncio.Awaitable[struct{}], n)
		for i := range all {
			all[i] = asyncio.Coro(f, i)
		}
		return asyncio.Gather(ctx, all...)
	}))
	return err
}

// fileWrite writes 2,000 files of 16 KiB from as many tasks. They are in memory:
// ext4 is slow to give out again what was deleted a moment ago, as after each round.
func fileWrite(_ context.Context, f *fixtures) (measure.Case, error) {
	folder, err := f.memory("written")
	if err != nil {
		return measure.Case{}, err
	}
	block := pattern(fileBytes)
	return measure.Case{
		Unit: measure.MicrosEach, N: fileCount, Want: sameFiles,
		Ours: withLoop(func(ctx context.Context, loop *asyncio.Loop, n int) (measure.Result, error) {
			return rival.Written(folder, n, func() error {
				return inTasks(ctx, loop, n, func(ctx context.Context, i int) (struct{}, error) {
					return struct{}{}, aiofiles.WriteFile(ctx, rival.FileName(folder, i), block, 0o666)
				})
			})
		}),
		Peers: []measure.Side{
			{Name: "os.WriteFile in goroutines", Goal: 1 / 1.5, Open: rival.WriteFiles(folder, block)},
			pythonFiles("aiofiles", "write_files", 0, 8, folder, strconv.Itoa(fileBytes), "aiofiles"),
			pythonFiles("anyio", "write_files", 0, 0, folder, strconv.Itoa(fileBytes), "anyio"),
		},
	}, nil
}

// fileRead reads 2,000 files of 16 KiB from as many tasks.
func fileRead(_ context.Context, f *fixtures) (measure.Case, error) {
	folder, err := f.files()
	if err != nil {
		return measure.Case{}, err
	}
	return measure.Case{
		Unit: measure.MicrosEach, N: fileCount, Want: sameFiles,
		Ours: withLoop(func(ctx context.Context, loop *asyncio.Loop, n int) (measure.Result, error) {
			found := make([][]byte, n)
			seconds, err := measure.Clock(func() error {
				return inTasks(ctx, loop, n, func(ctx context.Context, i int) (_ struct{}, err error) {
					found[i], err = aiofiles.ReadFile(ctx, rival.FileName(folder, i))
					return struct{}{}, err
				})
			})
			return measure.Result{Amount: seconds, Work: measure.Blocks(found)}, err
		}),
		Peers: []measure.Side{
			{Name: "os.ReadFile in goroutines", Goal: 1 / 1.5, Open: rival.ReadFiles(folder)},
			pythonFiles("aiofiles", "read_files", 0, 15, folder, "aiofiles"),
			pythonFiles("anyio", "read_files", 0, 0, folder, "anyio"),
		},
	}, nil
}

// fileReadMany reads 2,000 files of 16 KiB with one call.
func fileReadMany(_ context.Context, f *fixtures) (measure.Case, error) {
	folder, err := f.files()
	if err != nil {
		return measure.Case{}, err
	}
	return measure.Case{
		Unit: measure.MicrosEach, N: fileCount, Want: sameFiles,
		Ours: measure.Side{Name: "quartet", Open: measure.Func(func(ctx context.Context, n int) (measure.Result, error) {
			names := make([]string, n)
			for i := range names {
				names[i] = rival.FileName(folder, i)
			}
			var found [][]byte
			seconds, err := measure.Clock(func() (err error) {
				found, err = aiofiles.ReadFiles(ctx, names)
				return err
			})
			return measure.Result{Amount: seconds, Work: measure.Blocks(found)}, err
		})},
		Peers: []measure.Side{{Name: "loop of os.ReadFile", Goal: 1 / 0.8, Open: rival.ReadFileLoop(folder)}},
	}, nil
}

// fileWalk walks a tree of 100,000 entries.
func fileWalk(_ context.Context, f *fixtures) (measure.Case, error) {
	root, err := f.tree()
	if err != nil {
		return measure.Case{}, err
	}
	return measure.Case{
		Unit: measure.NanosEach, N: treeEntries, Want: measure.Items,
		Ours: measure.Side{Name: "quartet", Open: measure.Func(func(ctx context.Context, _ int) (measure.Result, error) {
			count := 1 // the root
			seconds, err := measure.Clock(func() error {
				for folder, err := range aiofiles.Walk(ctx, root, nil) {
					if err != nil {
						return err
					}
					count += len(folder.Dirs) + len(folder.Files)
				}
				return nil
			})
			return measure.Result{Amount: seconds, Work: measure.Items(count)}, err
		})},
		Peers: []measure.Side{{Name: "filepath.WalkDir", Goal: 1.5, Open: rival.WalkDir(root)}},
	}, nil
}

// fileDurable replaces files so that they survive a crash, from 16 goroutines; the
// peer is one goroutine that does the same.
func fileDurable(_ context.Context, f *fixtures) (measure.Case, error) {
	folder, err := f.once("durable", func(path string) error { return os.Mkdir(path, 0o777) })
	if err != nil {
		return measure.Case{}, err
	}
	writers := func(count int) func(context.Context, int) (measure.Runner, error) {
		return measure.Func(func(ctx context.Context, n int) (measure.Result, error) { return durable(ctx, folder, count, n) })
	}
	return measure.Case{
		Unit: measure.MicrosEach, N: 320, Want: measure.Items,
		Ours: measure.Side{Name: "quartet", Open: writers(16)},
		Peers: []measure.Side{
			{Name: "one writer of quartet", N: 40, Goal: 8, Open: writers(1)},
			{Name: "one writer of package os", N: 40, Open: rival.Durable(folder, 1)},
			{Name: "16 writers of package os", Open: rival.Durable(folder, 16)},
		},
	}, nil
}

func durable(ctx context.Context, folder string, writers, n int) (measure.Result, error) {
	errs := make([]error, writers)
	done := make([]int, writers)
	data := pattern(4096)
	seconds, _ := measure.Clock(func() error {
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for range n / writers {
					if errs[w] = aiofiles.WriteFileAtomic(ctx, rival.FileName(folder, w), data, &aiofiles.AtomicOptions{Strength: aiofiles.FolderSynced}); errs[w] != nil {
						return
					}
					done[w]++
				}
			})
		}
		all.Wait()
		return nil
	})
	total := 0
	for w := range writers {
		if errs[w] != nil {
			return measure.Result{}, errs[w]
		}
		total += done[w]
	}
	if found, err := os.ReadDir(folder); err != nil || len(found) > 16 {
		return measure.Result{}, fmt.Errorf("%d files left, %w", len(found), err)
	}
	return measure.Result{Amount: seconds, Work: measure.Items(total)}, nil
}
