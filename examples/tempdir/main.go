// Tempdir shows the four kinds of temporary files, and that nothing is left of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"path/filepath"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
)

func main() {
	path, err := asyncio.Run(context.Background(), temporary, nil)
	if err != nil {
		log.Fatal(err)
	}
	there, err := aiofiles.Exists(context.Background(), path)
	fmt.Println("the folder is still there:", there, err)
}

func temporary(ctx context.Context) (path string, err error) {
	dir, err := aiofiles.TempDir(ctx, &aiofiles.TempOptions{Prefix: "quartet-"})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	in := &aiofiles.TempOptions{Dir: dir.Path, Suffix: ".csv"}

	// Without a name: gone when it is closed, whatever happens to the program.
	f, err := aiofiles.TempFile(ctx, in)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := f.WriteString(ctx, "nobody else sees this"); err != nil {
		return "", err
	}
	entries, err := aiofiles.ReadDir(ctx, dir.Path)
	if err != nil {
		return "", err
	}
	fmt.Println("names in the folder:", len(entries))

	// With a name, for another program to open.
	named, err := aiofiles.NamedTempFile(ctx, in)
	if err != nil {
		return "", err
	}
	defer named.Close()
	fmt.Println("a name that ends in", filepath.Ext(named.Name()))

	// In memory until it is large.
	spool, err := aiofiles.SpooledFile(ctx, 10, in)
	if err != nil {
		return "", err
	}
	defer spool.Close()
	for range 2 {
		if _, err := spool.WriteString(ctx, "1234567"); err != nil {
			return "", err
		}
		fmt.Println("in memory:", spool.InMemory())
	}
	return dir.Path, nil
}
