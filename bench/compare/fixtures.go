package main

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quartet-go/quartet/bench/internal/nginx"
	"github.com/quartet-go/quartet/bench/internal/rival"
)

// fixtures are the files and the server that cases share. Each is made when it
// is first asked for; close removes all.
type fixtures struct {
	dir       string
	memoryDir string
	server    *nginx.Server
}

func newFixtures() *fixtures { return &fixtures{} }

func (f *fixtures) close() {
	if f.server != nil {
		f.server.Close()
	}
	if f.dir != "" {
		os.RemoveAll(f.dir)
	}
	if f.memoryDir != "" {
		os.RemoveAll(f.memoryDir)
	}
}

// path is a name below the folder of this run.
func (f *fixtures) path(names ...string) (string, error) {
	if f.dir == "" {
		dir, err := os.MkdirTemp("", "quartet-bench-")
		if err != nil {
			return "", err
		}
		f.dir = dir
	}
	return filepath.Join(append([]string{f.dir}, names...)...), nil
}

// once calls make with a path, unless that exists.
func (f *fixtures) once(name string, make func(path string) error) (string, error) {
	path, err := f.path(name)
	if err != nil {
		return "", err
	}
	if _, err := os.Lstat(path); err == nil {
		return path, nil
	}
	return path, make(path)
}

// pattern is size bytes that no run compresses to nothing.
func pattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

const (
	fileCount = 2000
	fileBytes = 16 << 10
	pageBytes = 1 << 10
	bigBytes  = 256 << 20
	lineCount = 1_000_000

	treeFolders = 100
	treeFiles   = 999 // in each of them
	treeEntries = 1 + treeFolders*(1+treeFiles)
)

// files is a folder of fileCount files of fileBytes.
func (f *fixtures) files() (string, error) {
	return f.once("files", func(path string) error {
		if err := os.Mkdir(path, 0o777); err != nil {
			return err
		}
		block := pattern(fileBytes)
		for i := range fileCount {
			if err := os.WriteFile(rival.FileName(path, i), block, 0o666); err != nil {
				return err
			}
		}
		return nil
	})
}

// page is a file of pageBytes.
func (f *fixtures) page() (string, error) {
	return f.once("page", func(path string) error { return os.WriteFile(path, pattern(pageBytes), 0o666) })
}

// big is a file of bigBytes.
func (f *fixtures) big() (string, error) {
	return f.once("big", func(path string) error {
		return os.WriteFile(path, slices.Repeat(pattern(1<<20), bigBytes>>20), 0o666)
	})
}

// text is a file of lineCount lines of 0 to 99 characters, one in fifty of them
// with characters beyond ASCII. It returns the lengths of the lines in bytes,
// the newline included.
func (f *fixtures) text() (path string, lengths []int, err error) {
	random := rand.New(rand.NewPCG(1, 2))
	letters := strings.Repeat("the quick brown fox jumps over the lazy dog ", 3)
	line := func(i int) string {
		s := letters[:random.IntN(100)]
		if i%50 == 0 {
			s += "äöü€"
		}
		return s + "\n"
	}
	lengths = make([]int, lineCount)
	var all strings.Builder
	for i := range lengths {
		s := line(i)
		lengths[i] = len(s)
		all.WriteString(s)
	}
	path, err = f.once("text", func(path string) error { return os.WriteFile(path, []byte(all.String()), 0o666) })
	return path, lengths, err
}

// tree is a folder with treeFolders folders of treeFiles empty files each.
func (f *fixtures) tree() (string, error) {
	return f.once("tree", func(path string) error {
		for i := range treeFolders {
			folder := rival.FileName(path, i)
			if err := os.MkdirAll(folder, 0o777); err != nil {
				return err
			}
			for j := range treeFiles {
				if err := os.WriteFile(rival.FileName(folder, j), nil, 0o666); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// memory is a name in a file system in memory, where there is one: what writes
// much there is not held up by the disk.
func (f *fixtures) memory(name string) (string, error) {
	if f.memoryDir == "" {
		dir, err := os.MkdirTemp("/dev/shm", "quartet-bench-")
		if err != nil {
			return f.path(name)
		}
		f.memoryDir = dir
	}
	return filepath.Join(f.memoryDir, name), nil
}

// nginx serves the folder of this run.
func (f *fixtures) nginx(ctx context.Context) (*nginx.Server, error) {
	if f.server != nil {
		return f.server, nil
	}
	root, err := f.path()
	if err != nil {
		return nil, err
	}
	f.server, err = nginx.Start(ctx, root)
	return f.server, err
}
