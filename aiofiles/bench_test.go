package aiofiles_test

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
)

// in runs bench on this goroutine and in a task.
func in(b *testing.B, impl string, bench func(b *testing.B, ctx context.Context)) {
	b.Run("impl="+impl, func(b *testing.B) { bench(b, context.Background()) })
	b.Run("impl="+impl+"-task", func(b *testing.B) {
		if _, err := asyncio.Run(b.Context(), func(ctx context.Context) (int, error) {
			bench(b, ctx)
			return 0, nil
		}, nil); err != nil {
			b.Error(err)
		}
	})
}

func BenchmarkLines(b *testing.B) {
	const count = 100_000
	name := filepath.Join(b.TempDir(), "lines")
	line := strings.Repeat("x", 99) + "\n"
	if err := os.WriteFile(name, []byte(strings.Repeat(line, count)), 0o644); err != nil {
		b.Fatal(err)
	}
	check := func(b *testing.B, lines, size int) {
		if lines != count || size < count*99 {
			b.Fatalf("%d lines, %d bytes", lines, size)
		}
	}
	report := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/line")
	}
	b.Run("impl=bufio.Scanner", func(b *testing.B) {
		for b.Loop() {
			f := must(os.Open(name))(b)
			s := bufio.NewScanner(f)
			lines, size := 0, 0
			for s.Scan() {
				lines++
				size += len(s.Bytes())
			}
			f.Close()
			check(b, lines, size)
		}
		report(b)
	})
	b.Run("impl=bufio.Scanner-string-checked", func(b *testing.B) {
		for b.Loop() {
			f := must(os.Open(name))(b)
			s := bufio.NewScanner(f)
			lines, size := 0, 0
			for s.Scan() {
				lines++
				if text := s.Text(); utf8.ValidString(text) {
					size += len(text)
				}
			}
			f.Close()
			check(b, lines, size)
		}
		report(b)
	})
	b.Run("impl=bufio.Scanner-checked", func(b *testing.B) {
		for b.Loop() {
			f := must(os.Open(name))(b)
			s := bufio.NewScanner(f)
			lines, size := 0, 0
			for s.Scan() {
				lines++
				if utf8.Valid(s.Bytes()) {
					size += len(s.Bytes())
				}
			}
			f.Close()
			check(b, lines, size)
		}
		report(b)
	})
	for _, mode := range []string{"r", "rb"} {
		in(b, "aiofiles-bytes-"+mode, func(b *testing.B, ctx context.Context) {
			for b.Loop() {
				f := must(aiofiles.Open(ctx, name, mode, nil))(b)
				lines, size := 0, 0
				for line, err := range f.LineBytes(ctx) {
					if err != nil {
						b.Fatal(err)
					}
					lines++
					size += len(line)
				}
				f.Close()
				check(b, lines, size)
			}
			report(b)
		})
		in(b, "aiofiles-"+mode, func(b *testing.B, ctx context.Context) {
			for b.Loop() {
				f := must(aiofiles.Open(ctx, name, mode, nil))(b)
				lines, size := 0, 0
				for line, err := range f.Lines(ctx) {
					if err != nil {
						b.Fatal(err)
					}
					lines++
					size += len(line)
				}
				f.Close()
				check(b, lines, size)
			}
			report(b)
		})
	}
}

func BenchmarkRead4K(b *testing.B) {
	name := filepath.Join(b.TempDir(), "f")
	if err := os.WriteFile(name, make([]byte, 4096), 0o644); err != nil {
		b.Fatal(err)
	}
	p := make([]byte, 4096)
	b.Run("impl=os.File", func(b *testing.B) {
		f := must(os.Open(name))(b)
		defer f.Close()
		for b.Loop() {
			if n, err := f.ReadAt(p, 0); n != 4096 || err != nil {
				b.Fatal(n, err)
			}
		}
	})
	in(b, "aiofiles", func(b *testing.B, ctx context.Context) {
		f := open(b, ctx, name, "rb", nil)
		for b.Loop() {
			if n, err := f.ReadAt(ctx, p, 0); n != 4096 || err != nil {
				b.Fatal(n, err)
			}
		}
	})
}

func BenchmarkReadSequential4K(b *testing.B) {
	name := filepath.Join(b.TempDir(), "f")
	const blocks = 1000
	if err := os.WriteFile(name, make([]byte, 4096*blocks), 0o644); err != nil {
		b.Fatal(err)
	}
	p := make([]byte, 4096)
	b.Run("impl=os.File", func(b *testing.B) {
		f := must(os.Open(name))(b)
		defer f.Close()
		for b.Loop() {
			f.Seek(0, 0)
			for range blocks {
				if n, err := f.Read(p); n != 4096 || err != nil {
					b.Fatal(n, err)
				}
			}
		}
	})
	in(b, "aiofiles", func(b *testing.B, ctx context.Context) {
		f := open(b, ctx, name, "rb", nil)
		for b.Loop() {
			f.Seek(ctx, 0, 0)
			for range blocks {
				if n, err := f.Read(ctx, p); n != 4096 || err != nil {
					b.Fatal(n, err)
				}
			}
		}
	})
}

const manyFiles = 2000

func fileNames(dir string) []string {
	names := make([]string, manyFiles)
	for i := range names {
		names[i] = filepath.Join(dir, fmt.Sprintf("%04d", i))
	}
	return names
}

// BenchmarkManyFiles writes and reads 2,000 files of 16 KiB.
func BenchmarkManyFiles(b *testing.B) {
	names := fileNames(b.TempDir())
	data := make([]byte, 16<<10)
	each := func(b *testing.B, f func(name string) error) {
		var wg sync.WaitGroup
		for _, name := range names {
			wg.Go(func() {
				if err := f(name); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	tasks := func(b *testing.B, f func(ctx context.Context, name string) error) {
		_, err := asyncio.Run(b.Context(), func(ctx context.Context) (int, error) {
			all := make([]asyncio.Awaitable[int], len(names))
			for i, name := range names {
				all[i] = asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 0, f(ctx, name) })
			}
			_, err := asyncio.Gather(ctx, all...)
			return 0, err
		}, nil)
		if err != nil {
			b.Error(err)
		}
	}
	write := func(name string) error { return os.WriteFile(name, data, 0o644) }
	read := func(name string) error {
		_, err := os.ReadFile(name)
		return err
	}
	b.Run("op=write/impl=os", func(b *testing.B) {
		for b.Loop() {
			each(b, write)
		}
	})
	b.Run("op=write/impl=aiofiles-task", func(b *testing.B) {
		for b.Loop() {
			tasks(b, func(ctx context.Context, name string) error { return aiofiles.WriteFile(ctx, name, data, 0o644) })
		}
	})
	b.Run("op=read/impl=os", func(b *testing.B) {
		for b.Loop() {
			each(b, read)
		}
	})
	b.Run("op=read/impl=aiofiles-task", func(b *testing.B) {
		for b.Loop() {
			tasks(b, func(ctx context.Context, name string) error {
				_, err := aiofiles.ReadFile(ctx, name)
				return err
			})
		}
	})
}

func BenchmarkReadFiles(b *testing.B) {
	names := fileNames(b.TempDir())
	for _, name := range names {
		if err := os.WriteFile(name, make([]byte, 4096), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("impl=os.ReadFile", func(b *testing.B) {
		for b.Loop() {
			for _, name := range names {
				must(os.ReadFile(name))(b)
			}
		}
	})
	in(b, "aiofiles", func(b *testing.B, ctx context.Context) {
		for b.Loop() {
			must(aiofiles.ReadFiles(ctx, names))(b)
		}
	})
}

// BenchmarkWalk counts 100,000 entries in 1,000 folders.
func BenchmarkWalk(b *testing.B) {
	dir := b.TempDir()
	const folders, files = 1000, 99
	for i := range folders {
		sub := filepath.Join(dir, fmt.Sprintf("folder%02d", i%30), fmt.Sprintf("sub%04d", i))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range files {
			if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("some-file-%04d.txt", j)), nil, 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	check := func(b *testing.B, n int) {
		if n != folders*(files+1)+30 {
			b.Fatalf("%d entries", n)
		}
	}
	b.Run("impl=filepath.WalkDir", func(b *testing.B) {
		for b.Loop() {
			n := -1
			filepath.WalkDir(dir, func(string, fs.DirEntry, error) error { n++; return nil })
			check(b, n)
		}
	})
	in(b, "aiofiles", func(b *testing.B, ctx context.Context) {
		for b.Loop() {
			n := 0
			for d, err := range aiofiles.Walk(ctx, dir, nil) {
				if err != nil {
					b.Fatal(err)
				}
				n += len(d.Dirs) + len(d.Files)
			}
			check(b, n)
		}
	})
}

// BenchmarkDurable replaces files so that the change is on the device: one after the
// other, and by 16 tasks.
func BenchmarkDurable(b *testing.B) {
	const writers, each = 16, 4
	dir := b.TempDir()
	data := make([]byte, 4096)
	write := func(ctx context.Context, i int) error {
		return aiofiles.WriteFileAtomic(ctx, filepath.Join(dir, fmt.Sprint("f", i)), data, &aiofiles.AtomicOptions{Strength: aiofiles.FolderSynced})
	}
	b.Run("writers=1", func(b *testing.B) {
		for b.Loop() {
			for range each {
				if err := write(b.Context(), 0); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/each, "µs/file")
	})
	b.Run("writers=16", func(b *testing.B) {
		_, err := asyncio.Run(b.Context(), func(ctx context.Context) (int, error) {
			for b.Loop() {
				var tasks []asyncio.Awaitable[int]
				for i := range writers {
					tasks = append(tasks, asyncio.Go(ctx, func(ctx context.Context) (int, error) {
						for range each {
							if err := write(ctx, i); err != nil {
								return 0, err
							}
						}
						return 0, nil
					}))
				}
				if _, err := asyncio.Gather(ctx, tasks...); err != nil {
					return 0, err
				}
			}
			return 0, nil
		}, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/each/writers, "µs/file")
	})
}
