// Walk makes a small tree, walks it without one folder, finds files by a pattern,
// copies it with progress and removes it.
package main

import (
	"context"
	"fmt"
	"io/fs"
	"log"
	"path/filepath"
	"slices"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
)

func main() {
	if _, err := asyncio.Run(context.Background(), walk, nil); err != nil {
		log.Fatal(err)
	}
}

func walk(ctx context.Context) (none struct{}, err error) {
	dir, err := aiofiles.TempDir(ctx, nil)
	if err != nil {
		return none, err
	}
	defer dir.Close()
	src := filepath.Join(dir.Path, "src")
	for _, name := range []string{"main.go", "README.md", "pkg/a.go", "pkg/deep/b.go", "vendor/c.go"} {
		path := filepath.Join(src, name)
		if err := aiofiles.MkdirAll(ctx, filepath.Dir(path), 0o755); err != nil {
			return none, err
		}
		if err := aiofiles.WriteFile(ctx, path, []byte("package "+name+"\n"), 0o644); err != nil {
			return none, err
		}
	}
	short := func(path string) string {
		rel, _ := filepath.Rel(dir.Path, path)
		return filepath.ToSlash(rel)
	}
	for folder, err := range aiofiles.Walk(ctx, src, &aiofiles.WalkOptions{Sorted: true}) {
		if err != nil {
			return none, err
		}
		folder.Dirs = slices.DeleteFunc(folder.Dirs, func(d fs.DirEntry) bool { return d.Name() == "vendor" })
		fmt.Printf("%s: %d folders, %d files\n", short(folder.Path), len(folder.Dirs), len(folder.Files))
	}
	for name, err := range aiofiles.Glob(ctx, filepath.Join(src, "**", "*.go"), nil) {
		if err != nil {
			return none, err
		}
		fmt.Println("found", short(name))
	}
	var last aiofiles.CopyProgress
	err = aiofiles.CopyTree(ctx, src, filepath.Join(dir.Path, "copy"), &aiofiles.CopyOptions{
		Progress: func(p aiofiles.CopyProgress) { last = p },
	})
	fmt.Printf("copied %d files, %d bytes\n", last.Files, last.Bytes)
	return none, err
}
